"""What the people of the procedure do at the console: ask, wait, look at the refusal."""

import time
from collections.abc import Callable, Iterable
from typing import TypeVar

from cebox.domain.action import TERMINAL, ActionState
from cebox.errors import CeboxError, Unavailable
from cebox.protocol import admin
from cebox.protocol.admin_client import AdminClient

Seen = TypeVar("Seen")
_POLL_SECONDS = 0.1
PATIENCE_SECONDS = 180.0
ENDED = frozenset(state.value for state in TERMINAL)


def wait_for(
    what: str,
    look: Callable[[], Seen | None],
    *,
    seconds: float = PATIENCE_SECONDS,
    every_seconds: float = _POLL_SECONDS,
) -> Seen:
    """The first thing `look` sees that is not None or False. Raises Unavailable (`proof_waited_in_vain`)."""
    until = time.monotonic() + seconds
    while not (seen := look()):
        if time.monotonic() > until:
            raise Unavailable("proof_waited_in_vain", f"waited {seconds:.0f} s for {what}")
        time.sleep(every_seconds)
    return seen


def find_refusal(act: Callable[[], object]) -> str:
    """The code an act is refused with; empty when it is not refused."""
    try:
        act()
    except CeboxError as error:
        return error.code
    return ""


class Hands:
    """One person's hands. Devices are called by name. `patience_seconds` is for one step of a machine, which is looked
    at `every_seconds`.
    """

    def __init__(
        self,
        console: AdminClient,
        *,
        patience_seconds: float = PATIENCE_SECONDS,
        every_seconds: float = _POLL_SECONDS,
    ) -> None:
        self.console = console
        self._patience_seconds = patience_seconds
        self._every_seconds = every_seconds

    def find_id(self, name: str) -> str | None:
        return next((one.id for one in self.console.list_devices() if one.name == name), None)

    def get_id(self, name: str) -> str:
        """Waits until the machine has enrolled."""
        return self._wait_for(f"{name} to enrol", lambda: self.find_id(name))

    def get_device(self, name: str) -> admin.Device:
        return self.console.get_device(self.get_id(name))

    def wait_on(self, names: Iterable[str]) -> None:
        for name in names:
            self._wait_for(f"{name} to come on", lambda name=name: self.get_device(name).is_on)  # type: ignore[misc] # bound now

    def wait_off(self, name: str) -> None:
        self._wait_for(f"{name} to be off", lambda: not self.get_device(name).is_on)

    def update(self, name: str, tag: str | None = None, **words: object) -> admin.Action:
        return self.console.create_action(self.get_id(name), "update", tag=tag, **words)

    def reboot(self, name: str) -> admin.Action:
        return self.console.create_action(self.get_id(name), "reboot")

    def wait_state(self, action: admin.Action, *states: ActionState) -> admin.Action:
        """Until the action is in one of `states`, or has ended otherwise."""

        def look() -> admin.Action | None:
            now = self.console.get_action(action.id)
            return now if now.state in states or now.state in ENDED else None

        return self._wait_for(f"the {action.kind} to be {' or '.join(states)}", look)

    def update_and_stage(self, name: str, tag: str | None = None) -> admin.Action:
        return self.wait_state(self.update(name, tag), ActionState.STAGED)

    def reboot_and_finish(self, name: str, update: admin.Action) -> admin.Action:
        """Restart, and follow the update that waited for it to its end."""
        self.reboot(name)
        return self.wait_state(update, ActionState.DONE)

    def _wait_for(self, what: str, look: Callable[[], Seen | None]) -> Seen:
        return wait_for(what, look, seconds=self._patience_seconds, every_seconds=self._every_seconds)
