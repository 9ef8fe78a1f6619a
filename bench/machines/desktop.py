"""The workstation with a person at it: one who works while their machine is updated, and one who switches it off."""

import re

from bench.machines.courtesy import prove_courtesy
from bench.machines.person import Notice, Person
from bench.machines.stage import Stage
from cebox.domain.action import ActionState
from cebox.lab import plan
from cebox.lab.hands import Hands
from cebox.lab.vm.guest import PATIENCE_SECONDS, Guest, Model
from cebox.lab.vm.sticks import Wanted
from cebox.protocol import admin

MODEL = Model(disk_bytes=12 << 30, memory_mib=2048, has_screen=True)
# Long enough to be read and answered in an emulator; put off so that the window comes back after a minute.
NOTICE = admin.Notice(countdown_minutes=2, postpone_minutes=6, most_postponements=2)
_MINUTE = 60.0
_COMING = r"coming: restart=True due=(\d+) left={left}$"
_NOTICE_GONE = r"windows: (?!.*Cebox-notice)"
# Between what was announced and the agent's letting go: it looks every few seconds.
_LATE_SECONDS = 30.0


def prove_session(stage: Stage) -> None:
    session = _Session(stage, "BUREAU-01")
    with session.person.looking_on():
        session.install()
        session.update()
        session.announce()
        session.postpone_by_keyboard()
        session.postpone_by_pointer()
        session.ask_once_more()
        session.restart()


class _Session:
    """`due`: when the restart is, on the machine's own clock."""

    def __init__(self, stage: Stage, name: str) -> None:
        self._stage = stage
        self._name = name
        self._tag = f"essai-{name.lower()}"
        self._hands = stage.open_hands(plan.OPERATOR)
        self._guest = stage.add_guest(name, model=MODEL)
        self.person = Person(self._guest)
        self._mark = 0
        self._due = 0
        self._told_at = 0.0

    def install(self) -> None:
        stage, hands, guest = self._stage, self._hands, self._guest
        account = stage.open_account(hands, self._name, self._tag)
        hands.console.set_notice(account.id, NOTICE)
        stage.install(guest, hands, Wanted(self._name), account)
        guest.computer.switch_on()
        self.person.see_sign_in()
        hands.wait_on([self._name])
        seconds = self.person.sign_in()
        stage.measure("session/desktop_s", seconds, "s", note="from the password to the desktop, the first time")

    def update(self) -> None:
        """Beside the running system, while somebody works."""
        with self.person.staying_there():
            update = prove_courtesy(self._stage, self._hands, self._guest, self._tag)
        self._update = self._hands.wait_state(update, ActionState.STAGED)
        self.person.save_picture("at-work")

    def announce(self) -> None:
        self._mark = self._guest.mark
        began = self._guest.computer.console.elapsed_seconds
        self._reboot = self._hands.reboot(self._name)
        notice = self._see_notice("announced")
        self._stage.measure(
            "notice/window_s", notice.line.seconds - began, "s", note="from the order in the console to the window"
        )
        self._take_due(NOTICE.most_postponements)
        self._note(
            "a restart that is ordered comes as a window with its countdown, which leaves the keyboard where it is",
            not notice.has_keyboard,
            notice.line.text,
        )

    def postpone_by_keyboard(self) -> None:
        self.person.turn_to_notice()
        self.person.save_picture("has-the-keyboard")
        self._mark = self._guest.mark
        self.person.press_second_button()
        self._note_postponed(NOTICE.most_postponements - 1, "by keyboard")

    def postpone_by_pointer(self) -> None:
        notice = self._see_notice("announced-again")
        self._mark = self._guest.mark
        self.person.click_last_button(notice)
        self._note_postponed(NOTICE.most_postponements - 2, "by pointer")

    def ask_once_more(self) -> None:
        """There is no button any more; whoever asks in a terminal is refused."""
        notice = self._see_notice("no-button")
        self.person.open_terminal()
        self.person.seat.type_text("cebox-agent postpone\n")
        later = self._find_later_due()
        self.person.save_picture("refused")
        self._note("the last postponement is the last: no button, and a refusal in the terminal", not later, later)
        self._mark = self._guest.mark
        self.person.click_last_button(notice)
        self.person.see(_NOTICE_GONE, after=self._mark)
        self._mark = self._guest.mark
        again = self._see_notice("last-minute")
        self._note(
            "closed, it comes back for the last minute, and what is typed still goes to the terminal",
            not again.has_keyboard,
        )

    def restart(self) -> None:
        stage, hands, guest = self._stage, self._hands, self._guest
        leaving = guest.wait_for_state("rebooting", after=self._mark)
        late_seconds = leaving.seconds - self._told_at - NOTICE.postpone_minutes * _MINUTE
        guest.wait_until_blessed(stage.new, after=self._mark)
        done = hands.wait_state(self._update, ActionState.DONE)
        reboot = hands.wait_state(self._reboot, ActionState.DONE)
        stage.measure("notice/late_s", late_seconds, "s", note="from the end of the countdown to the restart")
        self._note(
            f"at the end of the countdown it restarts, into {stage.new}",
            done.state == ActionState.DONE and abs(late_seconds) < _LATE_SECONDS,
            f"update {done.state}, reboot {reboot.state}, {late_seconds:.0f} s after its time",
        )
        stage.measure("notice/postponed", NOTICE.most_postponements, "", "== 2", note="by keyboard, by pointer")
        guest.computer.cut_power()

    def _see_notice(self, picture: str) -> Notice:
        notice = self.person.see_notice(after=self._mark)
        self.person.save_picture(picture)
        return notice

    def _take_due(self, left: int) -> int:
        """The machine's own second; how much later than what was announced before."""
        line = self.person.see(_COMING.format(left=left), after=self._mark)
        found = re.search(_COMING.format(left=left), line.text)
        assert found is not None
        due, before = int(found[1]), self._due
        self._due, self._told_at = due, line.seconds
        return due - before

    def _note_postponed(self, left: int, how: str) -> None:
        later_seconds = self._take_due(left)
        self.person.see(_NOTICE_GONE, after=self._mark)
        self._mark = self._guest.mark
        state = self._hands.console.get_action(self._reboot.id).state
        self._note(
            f"the person puts it off, {how}: the agent says so, and the window closes",
            later_seconds > _MINUTE and state != ActionState.DONE,
            f"{later_seconds} s later, {left} times left; the console: {state}",
        )

    def _find_later_due(self) -> str:
        """What the agent announces instead, when it has given way once more; empty: it has not."""
        try:
            return self.person.see(r"coming: restart=True due=\d+ left=", after=self._mark, seconds=20).text
        except TimeoutError:
            return ""

    def _note(self, statement: str, is_kept: bool, facts: str = "") -> None:
        self._stage.note("desk", statement, is_kept, facts)


def prove_shutdown(stage: Stage) -> None:
    hands = stage.open_hands(plan.OPERATOR)
    guest = stage.add_guest("BUREAU-02", model=MODEL)
    shutdown = _Shutdown(stage, hands, guest)
    with shutdown.person.looking_on():
        shutdown.install()
        shutdown.restart_with_nobody_there()
        shutdown.switch_off()
        shutdown.switch_on_again()


class _Shutdown:
    """Installed from a key, restarted while nobody is there, switched off below its account's version."""

    def __init__(self, stage: Stage, hands: Hands, guest: Guest) -> None:
        self._stage = stage
        self._hands = hands
        self._guest = guest
        self.person = Person(guest)

    def install(self) -> None:
        stage, hands, guest = self._stage, self._hands, self._guest
        self._account = stage.open_account(hands, guest.name, f"essai-{guest.name.lower()}")
        hands.console.set_notice(self._account.id, NOTICE)
        stick = stage.make_stick(hands, Wanted(guest.name), self._account)
        stage.measure("key/bytes", stick.stat().st_size, "bytes")
        stage.measure("key/install_s", guest.install(stick), "s", note="power on, installed, off")
        stick.unlink()
        guest.computer.switch_on()
        line = self.person.see_sign_in()
        self.person.save_picture("sign-in")
        stage.measure("boot/desktop_s", line.seconds, "s", note="power on to the sign-in screen, at the first start")
        hands.wait_on([guest.name])
        device = hands.get_device(guest.name)
        stage.note(
            "key",
            "an empty disk, installed from a key, comes up with the sign-in screen and is seen in the console",
            device.running == str(stage.old),
            f"{device.name} runs {device.running}",
        )

    def restart_with_nobody_there(self) -> None:
        stage, hands, guest = self._stage, self._hands, self._guest
        guest.wait_until_blessed(stage.old)
        hands.console.migrate_account(self._account.id, str(stage.new))
        mark, began = guest.mark, guest.computer.console.elapsed_seconds
        hands.reboot(guest.name)
        leaving = guest.wait_for_state("rebooting", after=mark)
        told = [line.text for line in guest.computer.console.lines[mark:] if "coming: restart" in line.text]
        guest.wait_until_blessed(stage.old, after=mark)
        self.person.see_sign_in(after=mark)
        hands.wait_on([guest.name])
        seconds = leaving.seconds - began
        stage.measure("notice/nobody_s", seconds, "s", note="from the order to the restart, with nobody signed in")
        stage.note("desk", "with nobody signed in it restarts at once", seconds < _LATE_SECONDS and not told)

    def switch_off(self) -> None:
        """As the desktop does it, and as whoever types does: through the system's own shutdown."""
        stage, guest, person = self._stage, self._guest, self.person
        person.sign_in()
        person.open_terminal()
        mark, began = guest.mark, guest.computer.console.elapsed_seconds
        person.seat.type_text("systemctl poweroff\n")
        person.see(rf"text: tty\d+: .*{re.escape(str(stage.new))}.* \d+ %", after=mark)
        person.save_picture("installing")
        half = person.see(rf"text: tty\d+: .*{re.escape(str(stage.new))}.* ([3-9]\d|100) %", after=mark)
        person.save_picture("half-installed")
        guest.computer.wait_until_off(PATIENCE_SECONDS)
        seconds = guest.computer.console.lines[-1].seconds - began
        stage.measure("update/power_off_s", seconds, "s", note="from the word to off, with an update on the way")
        stage.note("desk", "the screen says that it installs, how far it is, and not to switch off", True, half.text)

    def switch_on_again(self) -> None:
        stage, hands, guest = self._stage, self._hands, self._guest
        slots = guest.read_slots(stage.manifests)
        guest.computer.switch_on()
        guest.wait_until_blessed(stage.new)
        hands.wait_on([guest.name])
        stage.note(
            "R10",
            "below the account's version, power off installs before power goes, and it starts on the new version",
            slots.blessed == (stage.old,) and set(slots.roots.values()) == {stage.old, stage.new},
            f"entries {', '.join(map(str, slots.entries))}; runs {hands.get_device(guest.name).running}",
        )
        self.person.see_sign_in()
        self.person.save_picture("sign-in-on-the-new-one")
        guest.computer.cut_power()
