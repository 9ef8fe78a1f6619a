"""The guide speaks the console's words: what stands in bold there can be read on a page, in the guide's language."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

ROOT = Path(__file__).parents[2]
GUIDE = ROOT / "docs" / "guide"
CATALOGUE = ROOT / "src" / "cebox" / "console" / "web" / "locale" / "fr" / "LC_MESSAGES" / "console.po"
BOLD = re.compile(r"\*\*(.+?)\*\*")
PLACEHOLDER = re.compile(r"%\\?\(\w+\\?\)s|%\\?\(\w+\\?\)d")
FEWEST_LETTERS = 4
"""Of its own: a message that is almost only a placeholder would fit everything."""
LARGEST_PICTURE_BYTES = 150_000


def _straighten(text: str) -> str:
    return re.sub(r"\s+", " ", text.replace("%%", "%")).strip()


def _list_words(language: str) -> Iterator[str]:
    with CATALOGUE.open("rb") as file:
        for message in read_po(file):
            said = message.string if language == "fr" else message.id
            yield from (said,) if isinstance(said, str) else said or ()


def _fold(words: Iterator[str]) -> tuple[set[str], re.Pattern[str]]:
    """Those that are the same every time, and one pattern for those that are filled in."""
    plain, filled = set(), []
    for one in map(_straighten, words):
        own = PLACEHOLDER.sub("", one)
        if own == one:
            plain.add(one)
        elif sum(letter.isalpha() for letter in own) >= FEWEST_LETTERS:
            filled.append(PLACEHOLDER.sub(".+", re.escape(one)))
    return plain, re.compile("|".join(filled))


@pytest.mark.parametrize("language", ["fr", "en"])
def test_every_word_in_bold_is_one_of_the_consoles(language: str) -> None:
    plain, filled = _fold(_list_words(language))
    quoted = [_straighten(one) for one in BOLD.findall((GUIDE / f"{language}.md").read_text())]
    assert quoted
    assert [one for one in quoted if one not in plain and not filled.fullmatch(one)] == []


def test_every_picture_is_shown_by_a_guide_and_small_and_told_in_words() -> None:
    shown = set()
    for page in [*ROOT.glob("*.md"), *GUIDE.glob("*.md")]:
        for words, target in re.findall(r"!\[([^\]]*)\]\(([^)]+)\)", page.read_text()):
            assert len(words) > 20, f"{page.name}: {target} has no words for who does not see it"
            shown.add((page.parent / target).resolve())
    pictures = set((GUIDE / "images").glob("*.png"))
    assert shown >= pictures, "a picture that no page shows"
    assert [one.name for one in pictures if one.stat().st_size > LARGEST_PICTURE_BYTES] == []


@pytest.mark.parametrize("language", ["fr", "en"])
def test_every_link_inside_a_guide_leads_to_one_of_its_headings(language: str) -> None:
    text = (GUIDE / f"{language}.md").read_text()
    headings = {_anchor(one) for one in re.findall(r"^#+ (.+)$", text, re.MULTILINE)}
    assert [one for one in re.findall(r"\]\(#([^)]+)\)", text) if one not in headings] == []


def _anchor(heading: str) -> str:
    """As the usual readers of Markdown name a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
