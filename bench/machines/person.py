"""The person at a workstation: what they see, as the machine's witnesses say it, what they type, and pictures of it."""

import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from bench.machines.workstations import PASSWORD, PERSON
from bench.measures import ROOT
from cebox.lab.vm.guest import PATIENCE_SECONDS, Guest
from cebox.lab.vm.seat import Seat
from cebox.lab.vm.serial import Line

PICTURES = ROOT / "build/desktop"
_SIGN_IN = r"windows: .*\[\*?Lightdm-gtk-greeter\|"
_DESKTOP = r"windows: .*\[\*?Xfdesktop\|"
_TERMINAL = r"windows: .*\[\*Xfce4-terminal\|"
_NOTICE = r"windows: .*\[(?P<star>\*?)Cebox-notice\|[^|]*\|(?P<place>[\d, x]+)\]"
# A window that has come is not yet one that listens, and drawing it takes an emulator its time.
_DRAWN_SECONDS = 8.0
_SIGNED_IN_SECONDS = 240.0
_TRIES = 3
# A desktop that nobody touches locks itself after ten minutes.
_TOUCH_SECONDS = 60.0
# From the window's lower right corner to its last button, however wide that is.
_BUTTON_LEFT, _BUTTON_UP = 60, 42


class Person:
    def __init__(self, guest: Guest) -> None:
        self.seat = Seat(guest.computer)
        self._guest = guest
        self._pictures = 0

    def save_picture(self, name: str) -> Path:
        """In their order."""
        self._pictures += 1
        path = PICTURES / f"{self._guest.name.lower()}-{self._pictures}-{name}.png"
        self.seat.save_picture(path)
        return path

    @contextmanager
    def looking_on(self) -> Iterator[None]:
        """What goes wrong meanwhile leaves a picture."""
        try:
            yield
        except Exception:
            with suppress(OSError):
                self.save_picture("gone-wrong")
            raise

    @contextmanager
    def staying_there(self) -> Iterator[None]:
        """Touches a key now and then, one that writes nothing."""
        is_over = threading.Event()

        def touch() -> None:
            while not is_over.wait(_TOUCH_SECONDS):
                with suppress(OSError):
                    self.seat.press("shift")

        thread = threading.Thread(target=touch, daemon=True)
        thread.start()
        try:
            yield
        finally:
            is_over.set()
            thread.join()

    def see(self, pattern: str, *, after: int = 0, seconds: float = PATIENCE_SECONDS) -> Line:
        """Raises TimeoutError."""
        return self._guest.computer.console.wait_for(pattern, seconds, after=after)

    def see_sign_in(self, *, after: int = 0) -> Line:
        line = self.see(_SIGN_IN, after=after)
        time.sleep(_DRAWN_SECONDS)
        return line

    def sign_in(self) -> float:
        """From the password to the desktop, in seconds; again, when a key got lost. Raises TimeoutError."""
        for left in reversed(range(_TRIES)):
            mark = self._guest.mark
            self.seat.type_text(f"{PERSON}\n")
            time.sleep(_DRAWN_SECONDS)
            began = self._guest.computer.console.elapsed_seconds
            self.seat.type_text(f"{PASSWORD}\n")
            try:
                return self.see(_DESKTOP, after=mark, seconds=_SIGNED_IN_SECONDS).seconds - began
            except TimeoutError:
                self.save_picture("not-signed-in")
                if not left:
                    raise
                self.seat.press("esc")
        raise AssertionError("the last try returns or raises")

    def open_terminal(self) -> None:
        mark = self._guest.mark
        self.seat.press("ctrl+alt+t")
        self.see(_TERMINAL, after=mark)
        time.sleep(_DRAWN_SECONDS)

    def see_notice(self, *, after: int) -> "Notice":
        """The window that tells of a restart, once it is drawn."""
        line = self.see(_NOTICE, after=after)
        time.sleep(_DRAWN_SECONDS)
        return read_notice(line)

    def turn_to_notice(self) -> None:
        """By keyboard, as to any window."""
        mark = self._guest.mark
        self.seat.press("alt+tab")
        self.see(_NOTICE.replace(r"\*?", r"\*"), after=mark)

    def press_second_button(self) -> None:
        """Of a window that has the keyboard, and whose first button has it there."""
        self.seat.press("tab", "spc")

    def click_last_button(self, notice: "Notice") -> None:
        self.seat.click(notice.right - _BUTTON_LEFT, notice.bottom - _BUTTON_UP)


class Notice:
    """Where the window is on the screen, and whether what is typed goes to it."""

    def __init__(self, line: Line, place: str, *, has_keyboard: bool) -> None:
        x, y, width, height = (int(word) for word in re.findall(r"\d+", place))
        self.line = line
        self.right, self.bottom = x + width, y + height
        self.has_keyboard = has_keyboard


def read_notice(line: Line) -> Notice:
    found = re.search(_NOTICE, line.text)
    assert found is not None, line.text
    return Notice(line, found["place"], has_keyboard=bool(found["star"]))
