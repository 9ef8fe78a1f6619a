"""The port `Power`: systemd carries it out, and tells whether it is doing so already."""

from collections.abc import Mapping
from types import MappingProxyType

from cebox.agent.machine import PowerKind
from cebox.agent.systemd_boot.programs import Programs
from cebox.errors import Conflict

_TARGETS: Mapping[str, PowerKind] = MappingProxyType(
    {
        "poweroff.target": PowerKind.SHUTDOWN,
        "halt.target": PowerKind.SHUTDOWN,
        "reboot.target": PowerKind.REBOOT,
        "kexec.target": PowerKind.REBOOT,
    }
)
_PATIENCE_SECONDS = 45.0


class SystemdPower:
    def __init__(self, programs: Programs) -> None:
        self._programs = programs

    def reboot(self) -> None:
        """Raises Conflict (`power_refused`)."""
        self._begin("reboot")

    def power_off(self) -> None:
        """Raises Conflict (`power_refused`)."""
        self._begin("poweroff")

    def take_request(self) -> PowerKind | None:
        """The agent was told to end: because the machine goes down, or only the agent does (None)."""
        jobs = self._programs.run("systemctl", "list-jobs", "--plain", "--no-legend", "--full")
        return find_power_job(jobs.output)

    def _begin(self, verb: str) -> None:
        # Asked a second time, systemd would refuse; going down is what was wanted.
        if self.take_request() is not None:
            return
        words = ("systemctl", "--no-wall", "--no-ask-password", "--no-block", "-i", verb)
        said = self._programs.run(*words, timeout_seconds=_PATIENCE_SECONDS)
        # A slow answer is no refusal: what counts is whether the machine goes down.
        if not said.is_success and self.take_request() is None:
            raise Conflict(
                "power_refused",
                f"the system does not {verb}: {said.text}",
                hint="Look at the machine's system log; send the action again.",
            )


def find_power_job(jobs: str) -> PowerKind | None:
    """What the output of `systemctl list-jobs` says of the machine's end."""
    for line in jobs.splitlines():
        words = line.split()
        if len(words) >= 3 and words[2] == "start" and words[1] in _TARGETS:
            return _TARGETS[words[1]]
    return None
