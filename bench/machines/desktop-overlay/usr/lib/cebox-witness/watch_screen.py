"""One line whenever something has changed: what the agent announces, and what is written on the screen as text."""

import json
import sys
import time
from pathlib import Path

_ANNOUNCEMENT = Path("/run/cebox/announcement")
# Of the terminal in front, four bytes a character.
_TEXT = Path("/dev/vcsu")
_ACTIVE = Path("/sys/class/tty/tty0/active")
_LONGEST_TEXT = 300
_EVERY_SECONDS = 1.0


def describe_coming() -> str:
    try:
        coming = json.loads(_ANNOUNCEMENT.read_bytes())
    except (OSError, ValueError):
        return "coming: nothing"
    due, left = coming["due"], coming["postponements_left"]
    return f"coming: restart={coming['is_restart']} due={due:.0f} left={left}"


def describe_text() -> str:
    try:
        text = _TEXT.read_bytes().decode("utf-32-le", errors="replace")
        active = _ACTIVE.read_text().strip()
    except OSError:
        return ""
    return f"text: {active}: {' '.join(text.split())[:_LONGEST_TEXT]}"


def main() -> None:
    said: dict[str, str] = {}
    while True:
        for line in (describe_coming(), describe_text()):
            subject = line.partition(":")[0]
            if line and said.get(subject) != line:
                said[subject] = line
                sys.stdout.write(f"{line}\n")
                sys.stdout.flush()
        time.sleep(_EVERY_SECONDS)


main()
