"""The port `People`: who is signed in as logind knows it, and the ways to their eyes."""

import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import msgspec

from cebox.agent.systemd_boot.places import Places
from cebox.agent.systemd_boot.programs import Programs, Said
from cebox.kit.files import replace_file
from cebox.protocol.desk import Coming

# A machine that is busy signing somebody in may take its time to say so.
_PATIENCE_SECONDS = 45.0
_CLEAR_LINE = "\r\x1b[K"
# From the upper left corner, everything; in white, and brighter than what a system says of itself.
_CLEAR_SCREEN = "\x1b[H\x1b[J\x1b[1;37m"
_PLAIN = "\x1b[0m"
_INDENT = " " * 6
_TOP = "\n" * 5
# The virtual terminal is the kernel's name for screen and keyboard, whichever of them is in front.
_TERMINAL = "tty0"


@dataclass(frozen=True, slots=True)
class Person:
    user: int
    name: str


class SignedInPeople:
    def __init__(self, places: Places, programs: Programs) -> None:
        self._places = places
        self._programs = programs
        self._is_alone_on_screen = False
        self._seen: list[Person] = []

    def list_present(self) -> tuple[str, ...]:
        return tuple(sorted({person.name for person in self._list_people()}))

    def is_present(self, user: int) -> bool:
        return any(person.user == user for person in self._list_people())

    def announce(self, text: str) -> None:
        """On every terminal."""
        self._programs.run("wall", "--nobanner", given=f"{text}\n")

    def show_coming(self, coming: Coming | None) -> None:
        """In a file that wakes the desktop of who is signed in when it changes."""
        path, content = self._places.announcement, None if coming is None else msgspec.json.encode(coming)
        with suppress(OSError):
            if content is None:
                path.unlink(missing_ok=True)
            elif _find_content(path) != content:
                replace_file(path, content)

    def show_farewell(self, text: str, progress: str) -> None:
        """The whole screen, where there is one: whatever ends now writes there as well."""
        if not self._has_terminal():
            self._write(f"{_CLEAR_LINE}{progress}")
            return
        self._silence_system()
        self._write(f"{_CLEAR_SCREEN}{_TOP}{_INDENT}{text}\n\n{_INDENT}{progress}{_PLAIN}\n")

    def _list_people(self) -> list[Person]:
        """Who was there is taken to be there still while logind does not answer: nobody's work ends for that."""
        sessions = self._ask("list-sessions", "--no-legend", "--no-pager")
        ids = [line.split()[0] for line in sessions.output.splitlines() if line.split()]
        wanted = [f"--property={name}" for name in ("Name", "User", "Class", "State", "Remote")]
        facts = self._ask("show-session", *wanted, *ids) if ids else sessions
        if sessions.is_success and facts.is_success:
            self._seen = list_people(facts.output) if ids else []
        return self._seen

    def _ask(self, *words: str) -> Said:
        return self._programs.run("loginctl", *words, timeout_seconds=_PATIENCE_SECONDS)

    def _has_terminal(self) -> bool:
        try:
            return _TERMINAL in self._places.consoles.read_text(encoding="ascii").split()
        except (OSError, UnicodeDecodeError):
            return False

    def _silence_system(self) -> None:
        """That this agent still has to stop is what systemd would write there, in the same line."""
        if not self._is_alone_on_screen:
            self._is_alone_on_screen = True
            manager = ("org.freedesktop.systemd1", "/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager")
            self._programs.run("busctl", "call", *manager, "SetShowStatus", "s", "no")

    def _write(self, text: str) -> None:
        with suppress(OSError):
            descriptor = os.open(self._places.screen, os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)
            try:
                os.write(descriptor, text.encode())
            finally:
                os.close(descriptor)


def list_people(sessions: str) -> list[Person]:
    """Of `loginctl show-session`, which says `Key=value` in blocks. From afar nobody sees the screen."""
    return [
        Person(int(facts["User"]), facts["Name"])
        for facts in _list_sessions(sessions)
        if facts.get("Class") == "user"
        and facts.get("State") == "active"
        and facts.get("Remote") != "yes"
        and facts.get("Name")
        and facts.get("User", "").isdecimal()
    ]


def _list_sessions(sessions: str) -> Iterator[Mapping[str, str]]:
    for block in sessions.split("\n\n"):
        yield dict(line.split("=", 1) for line in block.splitlines() if "=" in line)


def _find_content(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None
