"""The words of the pages: English in the code, French from `locale/`, read once at start; no compiled catalogues."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final, Literal, get_args

from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po

Language = Literal["fr", "en"]
LANGUAGES: Final[tuple[Language, ...]] = get_args(Language)
DEFAULT_LANGUAGE: Final[Language] = "fr"
LOCALE_FOLDER = Path(__file__).parent / "locale"


def mark(message: str) -> str:
    """Notes a message for the catalogue where it is written; whoever shows it translates it."""
    return message


@dataclass(frozen=True, slots=True)
class Words:
    """One language's words. An unknown message comes back as it is: English."""

    language: Language
    singles: dict[tuple[str, str], str]
    plurals: dict[str, tuple[str, ...]]
    choose_form: Callable[[int], int]

    def get(self, message: str) -> str:
        return self.singles.get(("", message), message)

    def get_in(self, context: str, message: str) -> str:
        return self.singles.get((context, message), message)

    def count(self, one: str, many: str, number: int) -> str:
        forms = self.plurals.get(one)
        if forms is None:
            return one if number == 1 else many
        return forms[self.choose_form(number)]


@cache
def load_words(language: Language) -> Words:
    """The words of one language, from its catalogue on disk."""
    if language == "en":
        return Words("en", {}, {}, lambda number: int(number != 1))
    catalogue = read_catalogue(language)
    singles: dict[tuple[str, str], str] = {}
    plurals: dict[str, tuple[str, ...]] = {}
    for message in catalogue:
        if not message.id:
            continue
        if isinstance(message.id, str):
            singles[message.context or "", message.id] = str(message.string)
        else:
            plurals[message.id[0]] = tuple(map(str, message.string or ()))
    return Words(language, singles, plurals, lambda number: int(number > 1))


def read_catalogue(language: str) -> Catalog:
    with (LOCALE_FOLDER / language / "LC_MESSAGES" / "console.po").open("rb") as stream:
        return read_po(stream, locale=language)


def choose_language(accept_language: str) -> Language:
    """Before sign-in: the first language of `Accept-Language` that the console speaks, else French."""
    ranked: list[tuple[float, int, str]] = []
    for position, part in enumerate(accept_language.split(",")):
        name, _, weight = part.strip().partition(";q=")
        try:
            ranked.append((-float(weight or 1), position, name[:2].lower()))
        except ValueError:
            continue
    for _, _, name in sorted(ranked):
        if language := find_language(name):
            return language
    return DEFAULT_LANGUAGE


def find_language(name: str) -> Language | None:
    return next((language for language in LANGUAGES if language == name), None)
