"""The wording of an announcement: a title and a text in Markdown with `{placeholders}`, and nothing that runs.

`{version}` is filled in, `{{` and `}}` are braces. Each kind of announcement has its own placeholders; any other name,
and a brace that stands alone, is refused where it is written, so that nothing half filled in is ever sent.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from cebox.domain.announcement import AnnouncementKind
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


def make_wording(kind: AnnouncementKind, title: str, text: str) -> Wording:
    """From what somebody wrote. Raises InvalidInput (`title_malformed`, `text_malformed`, `placeholder_malformed`,
    `placeholder_unknown`, `placeholder_not_in_title`).
    """
    line, body = title.strip(), text.strip().replace("\r\n", "\n")
    if not line or len(line) > LONGEST_TITLE or not line.isprintable():
        raise InvalidInput("title_malformed", f"a title is one line of 1 to {LONGEST_TITLE} characters")
    if not body or len(body) > LONGEST_TEXT or not body.replace("\n", "").replace("\t", "").isprintable():
        raise InvalidInput("text_malformed", f"a text has 1 to {LONGEST_TEXT} characters, and no control characters")
    names = PLACEHOLDERS[kind]
    _verify_names(kind, body, names)
    _verify_names(kind, line, names)
    if long := _list_names(line) & LONG_PLACEHOLDERS:
        raise InvalidInput(
            "placeholder_not_in_title",
            f"{{{min(long)}}} holds several lines",
            hint="Use it in the text, not in the title.",
        )
    return Wording(line, body)


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


def _list_names(template: str) -> set[str]:
    return {piece["name"] for piece in _PIECE.finditer(template) if piece["name"]}


def _verify_names(kind: AnnouncementKind, template: str, names: tuple[str, ...]) -> None:
    for piece in _PIECE.finditer(template):
        if piece[0] in ("{", "}"):
            line = template.count("\n", 0, piece.start()) + 1
            raise InvalidInput(
                "placeholder_malformed",
                f"a {piece[0]} stands alone in line {line}",
                hint="A placeholder is a name in braces, such as {version}; write {{ and }} for braces.",
            )
        if piece["name"] and piece["name"] not in names:
            known = ", ".join(f"{{{name}}}" for name in names) or "none"
            raise InvalidInput(
                "placeholder_unknown",
                f"there is no {{{piece['name']}}} in a {kind}",
                hint=f"There is: {known}.",
            )
