"""Texts that people type: bounded, trimmed, without what a database or a terminal would stumble over."""

from cebox.domain.text import is_printable
from cebox.errors import InvalidInput

LONGEST_LINE = 200
LONGEST_NOTE = 4000


def clean_line(text: str, what: str) -> str:
    """One line, not empty. `what` names it, such as `site_name`. Raises InvalidInput (`<what>_malformed`)."""
    line = text.strip()
    if not line or len(line) > LONGEST_LINE or not is_printable(line):
        raise InvalidInput(
            f"{what}_malformed",
            f"a {what.replace('_', ' ')} is one line of 1 to {LONGEST_LINE} characters",
        )
    return line


def clean_note(text: str) -> str:
    """Several lines, or none. Raises InvalidInput (`note_malformed`)."""
    note = text.strip().replace("\r\n", "\n")
    if len(note) > LONGEST_NOTE or not is_printable(note.replace("\n", "").replace("\t", "")):
        raise InvalidInput("note_malformed", f"a note has at most {LONGEST_NOTE} characters, and no control characters")
    return note
