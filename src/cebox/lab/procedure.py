"""The update procedure, step by step, each step checked against slots and counters; the rules R1 to R13 on the way.

Steps are in the order of the procedure: test phase (the site's server first), migration, production.
"""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from cebox.domain.action import ActionState
from cebox.domain.preflight import Finding
from cebox.domain.version import Version
from cebox.errors import CeboxError
from cebox.lab import plan
from cebox.lab.evidence import Evidence, MachineEvidence, Traffic
from cebox.lab.hands import Hands, find_refusal, wait_for
from cebox.lab.ledger import Ledger
from cebox.lab.vendor import BuiltRelease
from cebox.lab.world import World
from cebox.protocol import admin

WRS = plan.WRS.name
FIRST, SECOND, THIRD = (box.name for box in plan.ON_SITE)
HOME = plan.TELEWORK.name
CLINIC_FIRST, CLINIC_SECOND = (box.name for box in plan.CLINIC)


@dataclass(slots=True)
class Actors:
    operator: Hands
    nord: Hands
    viewer: Hands
    sud: Hands


class Procedure:
    """Synchronous, for a thread; `loop` is where the machines live. `old` runs everywhere, `new` is published."""

    def __init__(
        self,
        world: World,
        actors: Actors,
        ledger: Ledger,
        releases: tuple[BuiltRelease, BuiltRelease],
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self.world = world
        self.actors = actors
        self.ledger = ledger
        self.old, self.new = (one.manifest.version for one in releases)
        self.evidence = Evidence(world, list(releases))
        self._loop = loop

    def note(self, rule: str, statement: str, is_kept: bool, facts: str = "") -> None:
        self.ledger.note(rule, statement, is_kept, facts)

    def power(self, act: Coroutine[Any, Any, None]) -> None:
        """Do something to a machine's power and wait until it is done."""
        asyncio.run_coroutine_threadsafe(act, self._loop).result(timeout=300)

    def read(self, name: str) -> MachineEvidence:
        return self.evidence.read_machine(name)

    # The test phase.

    def start(self) -> None:
        everyone = [machine.name for machine in plan.MACHINES if machine.name in self.world.machines]
        self.actors.operator.wait_on(everyone)
        wait_for("the site's server to serve its first release", lambda: self.evidence.find_served(WRS) == self.old)
        runs = {name: self.read(name).running.version for name in everyone}
        self.note("R8", f"every machine starts on {self.old}", set(runs.values()) == {self.old})

    def refuse_what_the_rules_refuse(self) -> None:
        nord, sud, viewer = self.actors.nord, self.actors.sud, self.actors.viewer
        self._refused("R2", "a tag nobody handed out is unknown", lambda: nord.update(HOME, "essai-9"), "tag_unknown")
        if CLINIC_FIRST in self.world.machines:
            self._refused(
                "R2",
                "another account's tag is unknown, not forbidden",
                lambda: sud.update(CLINIC_FIRST, plan.TEST_TAG),
                "tag_unknown",
            )
            box_id = sud.get_id(CLINIC_FIRST)
            self._refused(
                "R2",
                "another account's device is not found",
                lambda: nord.console.create_action(box_id, "update"),
                "device_unknown",
            )
        ids = [nord.get_id(FIRST)]
        self._refused(
            "R4",
            "a group command with a tag is refused",
            lambda: nord.console.create_command("update", ids, tag=plan.TEST_TAG),
            "group_takes_no_tag",
        )
        account = nord.console.list_accounts()[0]
        self._refused(
            "R12",
            "a customer cannot migrate the account",
            lambda: nord.console.migrate_account(account.id, str(self.new)),
            "role_may_not",
        )
        self._refused("R12", "a viewer sends nothing", lambda: viewer.update(HOME), "role_may_not")

    def ask_a_box_before_its_server(self) -> None:
        """R6 and R11: said before anything is sent."""
        nord = self.actors.nord
        forecast = nord.console.preflight(nord.get_id(SECOND), "update", plan.TEST_TAG)
        resolution = forecast.resolution
        is_said = (
            resolution is not None
            and (resolution.asked_version, resolution.version) == (str(self.new), str(self.old))
            and {Finding.SITE_DECIDES, Finding.ALREADY_THERE} <= set(forecast.findings)
        )
        self.note("R6", "before sending: the box would take its server's version, not the tag's", is_said)
        refusal = find_refusal(lambda: nord.update(SECOND, plan.TEST_TAG))
        untouched = self.read(SECOND)
        self.note(
            "R11",
            "so a box asked before its server changes nothing",
            refusal == "already_there" and untouched.other is None and untouched.running.version == self.old,
            f"refused: {refusal}",
        )

    def update_the_server(self) -> None:
        before = self.read(WRS)
        with self._traffic() as traffic:
            update = self.actors.nord.update_and_stage(WRS, plan.TEST_TAG)
        staged, carried = self.read(WRS), traffic()
        self._tell("R5", "the site's server is updated by the same action, with a tag", update, carried)
        self.note(
            "R8",
            "installed beside the running system, which is untouched, and not served yet",
            staged.running == before.running
            and staged.other is not None
            and staged.other.version == self.new
            and self.evidence.find_served(WRS) == self.old,
            self._slots(before, staged),
        )
        self.actors.nord.reboot_and_finish(WRS, update)
        wait_for("the site's server to serve the new release", lambda: self.evidence.find_served(WRS) == self.new)
        after = self.read(WRS)
        self.note("R8", "its reboot finalises: it runs and serves the new release", after.running == staged.other)

    def update_boxes_on_site(self) -> None:
        self._update_box("R6", "a box asked for nothing takes its server's version", FIRST, None, is_from_cloud=False)
        self.power(self.world.get_machine(WRS).pull_plug())
        self.actors.nord.wait_off(WRS)
        self._update_box(
            "R6",
            "with its server dead, a box on site takes the site's version from the cloud",
            SECOND,
            None,
            is_from_cloud=True,
        )
        self.power(self.world.get_machine(WRS).power_on())
        self.actors.nord.wait_on([WRS])
        wait_for("the site's server to be back", lambda: self.evidence.find_served(WRS) == self.new)

    def update_the_box_at_home(self) -> None:
        self._update_box(
            "R7", "a box away takes the tag's version, from the cloud", HOME, plan.TEST_TAG, is_from_cloud=True
        )

    # On, off, and what a shutdown does.

    def switch_a_box_off(self) -> None:
        nord, machine = self.actors.nord, self.world.get_machine(THIRD)
        before = self.read(THIRD)
        self.power(machine.press_button())
        nord.wait_off(THIRD)
        self.note("R10", "at the account's version, a shutdown updates nothing", self.read(THIRD) == before)
        self._refused(
            "R9", "a device that is off is refused, with the reason", lambda: nord.update(THIRD), "device_off"
        )
        queued = nord.update(THIRD, at_next_start=True)
        self.power(machine.power_on())
        staged = nord.wait_state(queued, ActionState.STAGED)
        self.note(
            "R9",
            "or it runs at the next start",
            self.read(THIRD).other is not None and staged.state == ActionState.STAGED,
            _describe(staged),
        )

    # Migration and production.

    def migrate(self, hands: Hands, name: str) -> None:
        operator = self.actors.operator.console
        account = next(one for one in operator.list_accounts() if one.name == name)
        told_before = len(hands.console.list_announcements())
        first = operator.migrate_account(account.id, str(self.new))
        again = operator.migrate_account(account.id, str(self.new))
        told = len(hands.console.list_announcements()) - told_before
        self.note(
            "R12",
            f"the vendor migrates {name}; sent twice it happens once and is announced once",
            first.migration is not None and again.migration is None and told == 1,
            f"{account.version} to {first.account.version}, phase {first.account.phase}, announcements {told}",
        )
        keys = hands.console.list_keys()
        self.note(
            "R13",
            "keys made for the old version are out of date",
            bool(keys) and all(key.is_out_of_date for key in keys),
            f"{len(keys)} keys",
        )

    def finish_the_site_as_a_group(self) -> None:
        """Production: the rest, without a tag."""
        nord = self.actors.nord
        names = [FIRST, SECOND, THIRD, HOME]
        command = nord.console.create_command("update", [nord.get_id(name) for name in names])
        nord.console.create_command("reboot", [nord.get_id(THIRD)])
        wait_for(f"{THIRD} to run {self.new}", lambda: self.runs(THIRD, self.new))
        account = nord.console.list_accounts()[0]
        self.note(
            "R3",
            "a group without a tag means the account's version; who has it already is left alone",
            self.runs(THIRD, self.new) and account.version == str(self.new) and len(command.refusals) == len(names),
            f"left alone: {', '.join(sorted({refusal.finding for refusal in command.refusals}))}",
        )

    def update_the_clinic_by_shutdown(self) -> None:
        machine = self.world.get_machine(CLINIC_FIRST)
        before = self.read(CLINIC_FIRST)
        with self._traffic() as traffic:
            self.power(machine.press_button())
        off = self.read(CLINIC_FIRST)
        self.power(machine.power_on())
        wait_for(f"{CLINIC_FIRST} to prove itself", lambda: self._is_proven(CLINIC_FIRST, self.new))
        self.note(
            "R10",
            "below the account's version, a shutdown installs before power goes, and the box starts on it",
            off.running == before.running and off.other is not None and off.other.version == self.new,
            f"{self._slots(before, self.read(CLINIC_FIRST))}; cloud {traffic().cloud_bytes} bytes",
        )

    def update_the_clinic_as_a_group(self) -> None:
        sud = self.actors.sud
        before = self.read(CLINIC_SECOND)
        with self._traffic() as traffic:
            command = sud.console.create_command("update", [sud.get_id(CLINIC_SECOND)])
            wait_for("the group to be ready", lambda: sud.console.get_command(command.id).counts.get("staged"))
        sud.console.create_command("reboot", [sud.get_id(CLINIC_SECOND)])
        wait_for("the group to be done", lambda: sud.console.get_command(command.id).counts.get("done"))
        after = self.read(CLINIC_SECOND)
        self.note(
            "R3",
            "a group command without a tag takes the account's version",
            after.running.version == self.new,
            f"{self._slots(before, after)}; cloud {traffic().cloud_bytes} bytes",
        )

    def end(self) -> None:
        runs = {name: self.read(name) for name in self.world.machines}
        identical = [name for name, machine in runs.items() if machine.running.version == self.new]
        kept = [name for name, machine in runs.items() if machine.other and machine.other.version == self.old]
        self.note(
            "R8",
            f"every running slot is the published image of {self.new}, bit for bit",
            len(identical) == len(runs),
            f"{len(identical)} of {len(runs)}",
        )
        self.note("R8", f"every other slot still holds {self.old}, untouched", len(kept) == len(runs))

    # How a step is carried out and told.

    def _update_box(self, rule: str, statement: str, name: str, tag: str | None, *, is_from_cloud: bool) -> None:
        before = self.read(name)
        with self._traffic() as traffic:
            update = self.actors.nord.update_and_stage(name, tag)
        staged, carried = self.read(name), traffic()
        is_right_source = (carried.cloud_bytes > 0) == is_from_cloud and (carried.lan_bytes > 0) != is_from_cloud
        is_beside = staged.running == before.running and staged.other is not None and staged.other.version == self.new
        done = self.actors.nord.reboot_and_finish(name, update)
        after = self.read(name)
        self.note(
            rule,
            statement,
            is_right_source and is_beside and after.running == staged.other and done.state == ActionState.DONE,
            f"{_describe(done)}; cloud {carried.cloud_bytes}, site {carried.lan_bytes} bytes; "
            f"{self._slots(before, after)}",
        )

    def _tell(self, rule: str, statement: str, update: admin.Action, carried: Traffic) -> None:
        facts = f"{_describe(update)}; cloud {carried.cloud_bytes}, site {carried.lan_bytes} bytes"
        self.note(rule, statement, update.state == ActionState.STAGED, facts)

    def _refused(self, rule: str, statement: str, act: Callable[[], object], code: str) -> None:
        refusal = find_refusal(act)
        self.note(rule, statement, refusal == code, f"refused: {refusal or 'no'}")

    def _slots(self, before: MachineEvidence, after: MachineEvidence) -> str:
        return f"slot {before.running.sha256[:12]} to {after.running.sha256[:12]}"

    def runs(self, name: str, version: Version) -> bool:
        """Whether the running slot's bytes are that release."""
        try:
            return self.read(name).running.version == version
        except CeboxError:
            return False

    def _is_proven(self, name: str, version: Version) -> bool:
        """Running and blessed: its trial is over."""
        return self.evidence.is_blessed(name) and self.runs(name, version)

    @contextmanager
    def _traffic(self) -> Any:
        before = self.evidence.read_traffic()
        after: list[Traffic] = []
        yield lambda: after[0].since(before)
        after.append(self.evidence.read_traffic())


def _describe(action: admin.Action) -> str:
    taken = action.taken
    words = f"asked {action.asked_tag or 'no tag'} ({action.asked_version})"
    return f"{words}, took {taken.version} from {taken.source}, {taken.way}" if taken else words
