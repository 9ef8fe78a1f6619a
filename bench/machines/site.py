"""A site with its server, on a network of its own: the procedure from the test phase to production."""

from collections.abc import Callable

from bench.machines.stage import LOOK_EVERY_SECONDS, Stage
from cebox.domain.action import ActionState
from cebox.domain.device import DeviceKind, Place
from cebox.domain.preflight import Finding
from cebox.domain.version import Version
from cebox.lab import plan
from cebox.lab.hands import Hands, find_refusal, wait_for
from cebox.lab.vm.guest import PATIENCE_SECONDS, Guest
from cebox.lab.vm.lan import FIRST_ADDRESS
from cebox.lab.vm.sticks import Wanted

SERVER = plan.WRS.name
FIRST, LATE, AWAY = (box.name for box in plan.ON_SITE)


def prove_site(stage: Stage) -> None:
    hands = stage.open_hands()
    site = _Site(stage, hands)
    site.start()
    site.ask_before_the_server()
    site.update_the_server()
    site.update_the_first_box()
    site.migrate()
    site.finish_as_a_group()
    site.switch_off_at_the_accounts_version()
    site.switch_off_below_it()
    site.end()


class _Site:
    """`away` is a box of the same site that is at somebody's home."""

    def __init__(self, stage: Stage, hands: Hands) -> None:
        self._stage = stage
        self._hands = hands
        lan = stage.lan.netdev
        self._server, self._first, self._late = (stage.add_guest(name, netdev=lan) for name in (SERVER, FIRST, LATE))
        self._away = stage.add_guest(AWAY)

    def start(self) -> None:
        """The server first: it gets the site's first address."""
        stage, hands = self._stage, self._hands
        server = Wanted(SERVER, DeviceKind.WRS, plan.LYON, f"http://{FIRST_ADDRESS}:8420")
        stage.install(self._server, hands, server)
        for guest in (self._first, self._late, self._away):
            stage.install(guest, hands, Wanted(guest.name, site=plan.LYON))
        self._switch_on(self._server, stage.old)
        self._wait_served(stage.old)
        self._switch_on(self._first, stage.old)
        # It learns from the console where its site is, and says with its next words that it is there.
        self._wait(f"{FIRST} to be on its site", lambda: hands.get_device(FIRST).place == Place.SITE)
        stage.note(
            "R5",
            "a machine of the same image with the role wrs serves its site; a box beside it knows that it is there",
            True,
            f"{SERVER} serves {hands.get_device(SERVER).served}",
        )

    def ask_before_the_server(self) -> None:
        stage, hands = self._stage, self._hands
        forecast = hands.console.preflight(hands.get_id(FIRST), "update", plan.TEST_TAG)
        found = forecast.resolution
        refusal = find_refusal(lambda: hands.update(FIRST, plan.TEST_TAG))
        stage.note(
            "R6",
            "said before sending: the box would take its server's version, not the tag's",
            found is not None
            and (found.asked_version, found.version) == (str(stage.new), str(stage.old))
            and Finding.SITE_DECIDES in forecast.findings
            and refusal == "already_there",
            f"refused: {refusal}",
        )

    def update_the_server(self) -> None:
        stage, hands = self._stage, self._hands
        update = hands.update_and_stage(SERVER, plan.TEST_TAG)
        served = hands.get_device(SERVER).served
        mark = self._server.mark
        done = hands.reboot_and_finish(SERVER, update)
        self._server.wait_until_blessed(stage.new, after=mark)
        self._wait_served(stage.new)
        stage.note(
            "R8",
            "the server is updated by the same action and serves the new release only after its own restart",
            (update.state, served, done.state) == (ActionState.STAGED, str(stage.old), ActionState.DONE),
            f"staged: serves {served}; {done.state}: serves {hands.get_device(SERVER).served}",
        )

    def update_the_first_box(self) -> None:
        """The account is still on the old version: what the box takes is its server's word."""
        stage, hands = self._stage, self._hands
        mark = self._first.mark
        update = hands.update_and_stage(FIRST)
        source = self._first.find_source(after=mark)
        done = hands.reboot_and_finish(FIRST, update)
        line = self._first.wait_until_blessed(stage.new, after=mark)
        taken = done.taken
        stage.note(
            "R6",
            "a box on the site takes its server's version from its server, as the box itself says",
            source == "wrs"
            and done.state == ActionState.DONE
            and taken is not None
            and taken.version == str(stage.new),
            f"{done.state} from {source}; {line.text}",
        )

    def migrate(self) -> None:
        stage, hands = self._stage, self._hands
        operator = stage.open_hands(plan.OPERATOR).console
        account = stage.get_account(hands)
        told = len(hands.console.list_announcements())
        operator.migrate_account(account.id, str(stage.new))
        told = len(hands.console.list_announcements()) - told
        old_keys = [key for key in hands.console.list_keys() if key.version == str(stage.old)]
        stage.note("R12", "the vendor migrates the account, once announced", told == 1, f"announcements: {told}")
        stage.note(
            "R13",
            "keys made before are marked out of date",
            bool(old_keys) and all(key.is_out_of_date for key in old_keys),
            f"{len(old_keys)} keys",
        )

    def finish_as_a_group(self) -> None:
        stage, hands = self._stage, self._hands
        self._switch_on(self._late, stage.old)
        mark = self._late.mark
        command = hands.console.create_command("update", [hands.get_id(FIRST), hands.get_id(LATE)])
        self._wait("the group to be ready", lambda: hands.console.get_command(command.id).counts.get("staged"))
        hands.console.create_command("reboot", [hands.get_id(LATE)])
        self._late.wait_until_blessed(stage.new, after=mark)
        left_alone = [refusal.finding for refusal in command.refusals]
        stage.note(
            "R3",
            "production: a group without a tag takes the account's version; who has it is left alone",
            left_alone == [Finding.ALREADY_THERE] and self._late.find_source(after=mark) == "wrs",
            f"left alone: {', '.join(left_alone)}",
        )
        self._late.computer.cut_power()

    def switch_off_at_the_accounts_version(self) -> None:
        stage = self._stage
        seconds = self._first.switch_off()
        slots = self._first.read_slots(stage.manifests)
        stage.note(
            "R10",
            "at the account's version, power off updates nothing",
            slots.blessed == (stage.old, stage.new) and set(slots.roots.values()) == {stage.old, stage.new},
            f"off after {seconds:.0f} s; entries {', '.join(map(str, slots.entries))}",
        )

    def switch_off_below_it(self) -> None:
        stage = self._stage
        self._switch_on(self._away, stage.old)
        seconds = self._away.switch_off()
        slots = self._away.read_slots(stage.manifests)
        is_installed = stage.new in slots.roots.values() and slots.blessed == (stage.old,)
        self._switch_on(self._away, stage.new)
        stage.note(
            "R10",
            "below it, power off installs before power goes, and the box starts on the new version",
            is_installed,
            f"off after {seconds:.0f} s; entries {', '.join(map(str, slots.entries))}",
        )
        stage.measure("update/power_off_s", seconds, "s", note="from the button to off, with an update on the way")

    def end(self) -> None:
        for guest in (self._server, self._away):
            guest.computer.cut_power()

    def _switch_on(self, guest: Guest, version: Version) -> None:
        guest.computer.switch_on()
        guest.wait_until_blessed(version)
        self._hands.wait_on([guest.name])

    def _wait_served(self, version: Version) -> None:
        self._wait(f"{SERVER} to serve {version}", lambda: self._hands.get_device(SERVER).served == str(version))

    def _wait(self, what: str, look: Callable[[], object]) -> None:
        wait_for(what, look, seconds=PATIENCE_SECONDS, every_seconds=LOOK_EVERY_SECONDS)
