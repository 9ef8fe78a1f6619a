"""The port `People`: who is signed in as logind knows it, and the ways to their eyes."""

import os
from contextlib import suppress

from cebox.agent.systemd_boot.places import Places
from cebox.agent.systemd_boot.programs import Programs
from cebox.kit.files import replace_file

_CLEAR_LINE = "\r\x1b[K"


class SignedInPeople:
    def __init__(self, places: Places, programs: Programs) -> None:
        self._places = places
        self._programs = programs

    def list_present(self) -> tuple[str, ...]:
        sessions = self._programs.run("loginctl", "list-sessions", "--no-legend", "--no-pager")
        ids = [line.split()[0] for line in sessions.output.splitlines() if line.split()]
        if not ids:
            return ()
        wanted = [f"--property={name}" for name in ("Name", "Class", "State", "Remote")]
        return list_names(self._programs.run("loginctl", "show-session", *wanted, *ids).output)

    def announce(self, text: str) -> None:
        """On every terminal, and in a file that a desktop shows."""
        self._programs.run("wall", "--nobanner", given=f"{text}\n")
        with suppress(OSError):
            replace_file(self._places.announcement, f"{text}\n".encode())

    def show_progress(self, text: str) -> None:
        with suppress(OSError):
            descriptor = os.open(self._places.screen, os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)
            try:
                os.write(descriptor, f"{_CLEAR_LINE}{text}".encode())
            finally:
                os.close(descriptor)


def list_names(sessions: str) -> tuple[str, ...]:
    """The people of `loginctl show-session`: blocks of `Key=value`. From afar nobody sees the screen."""
    names = set()
    for block in sessions.split("\n\n"):
        facts = dict(line.split("=", 1) for line in block.splitlines() if "=" in line)
        is_here = facts.get("Class") == "user" and facts.get("State") == "active" and facts.get("Remote") != "yes"
        if is_here and facts.get("Name"):
            names.add(facts["Name"])
    return tuple(sorted(names))
