"""The wording of an announcement: a title and a text in Markdown with `{placeholders}`, and nothing that runs.

`{version}` is filled in, `{{` and `}}` are braces. Each kind of announcement has its own placeholders; any other name,
and a brace that stands alone, is refused where it is written, so that nothing half filled in is ever sent.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from cebox.domain.announcement import AnnouncementKind
from cebox.domain.text import is_printable
from cebox.errors import InvalidInput

LONGEST_TITLE = 200
LONGEST_TEXT = 20_000

# What each kind can say. Those that hold several lines stand in no title.
PLACEHOLDERS: Mapping[AnnouncementKind, tuple[str, ...]] = MappingProxyType(
    {
        AnnouncementKind.RELEASE: ("version", "notes", "changes"),
        AnnouncementKind.WITHDRAWAL: ("version",),
        AnnouncementKind.MIGRATION: ("from", "to", "keys"),
        AnnouncementKind.INFRASTRUCTURE: ("day", "date"),
        AnnouncementKind.MESSAGE: (),
    }
)
LONG_PLACEHOLDERS = frozenset({"notes", "changes", "keys"})

_PIECE = re.compile(r"\{\{|\}\}|\{(?P<name>[a-z_]{1,40})\}|[{}]")


@dataclass(frozen=True, slots=True)
class Wording:
    """One language's."""

    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Fault:
    """What cannot be filled in: a placeholder or a brace, in which line of the text; line 0 is the title."""

    code: str
    piece: str
    line: int


def make_wording(kind: AnnouncementKind, title: str, text: str) -> Wording:
    """From what somebody wrote. Raises InvalidInput (`title_malformed`, `text_malformed`, `placeholder_malformed`,
    `placeholder_unknown`, `placeholder_not_in_title`).
    """
    line, body = title.strip(), text.strip().replace("\r\n", "\n")
    if not line or len(line) > LONGEST_TITLE or not is_printable(line):
        raise InvalidInput("title_malformed", f"a title is one line of 1 to {LONGEST_TITLE} characters")
    if not body or len(body) > LONGEST_TEXT or not is_printable(body.replace("\n", "").replace("\t", "")):
        raise InvalidInput("text_malformed", f"a text has 1 to {LONGEST_TEXT} characters, and no control characters")
    for fault in list_faults(kind, line, body):
        raise _describe(kind, fault)
    return Wording(line, body)


def list_faults(kind: AnnouncementKind, title: str, text: str) -> list[Fault]:
    """All of them, in the order of the title and the text."""
    names = PLACEHOLDERS[kind]
    faults = []
    for template, is_title in ((title, True), (text, False)):
        for piece in _PIECE.finditer(template):
            line = 0 if is_title else template.count("\n", 0, piece.start()) + 1
            if piece[0] in ("{", "}"):
                faults.append(Fault("placeholder_malformed", piece[0], line))
            elif piece["name"] and piece["name"] not in names:
                faults.append(Fault("placeholder_unknown", piece[0], line))
            elif is_title and piece["name"] in LONG_PLACEHOLDERS:
                faults.append(Fault("placeholder_not_in_title", piece[0], line))
    return faults


def fill_in(wording: Wording, values: Mapping[str, str]) -> Wording:
    """With the values in place of their names, once: what a value contains is not looked at again.

    A placeholder nobody has a value for becomes nothing.
    """
    return Wording(_fill(wording.title, values), _fill(wording.text, values).strip())


def _fill(template: str, values: Mapping[str, str]) -> str:
    def put(piece: re.Match[str]) -> str:
        name = piece["name"]
        return values.get(name, "") if name else piece[0][0]

    return _PIECE.sub(put, template)


def _describe(kind: AnnouncementKind, fault: Fault) -> InvalidInput:
    where = f"line {fault.line}" if fault.line else "the title"
    if fault.code == "placeholder_malformed":
        return InvalidInput(
            "placeholder_malformed",
            f"a {fault.piece} stands alone in {where}",
            hint="A placeholder is a name in braces, such as {version}; write {{ and }} for braces.",
        )
    if fault.code == "placeholder_unknown":
        known = ", ".join(f"{{{name}}}" for name in PLACEHOLDERS[kind]) or "none"
        return InvalidInput(
            "placeholder_unknown", f"there is no {fault.piece} in a {kind}, see {where}", hint=f"There is: {known}."
        )
    return InvalidInput(
        "placeholder_not_in_title", f"{fault.piece} holds several lines", hint="Use it in the text, not in the title."
    )
