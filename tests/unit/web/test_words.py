"""The words of the pages: complete, French, and spaced as French is."""

import re

import pytest
from babel.messages.catalog import Message as Entry

from cebox.console.web.words import choose_language, load_words, read_catalogue
from tests.unit.web.extraction import extract_messages

_PLACEHOLDER = re.compile(r"%\((\w+)\)s")
_CONTEXT_ONLY = {("wrs", "On"), ("wrs", "Off")}


def _list_entries() -> list[Entry]:
    return [entry for entry in read_catalogue("fr") if entry.id]


def _forms(entry: Entry) -> list[str]:
    return [str(entry.string)] if isinstance(entry.string, str) else [str(form) for form in entry.string or ()]


def test_every_message_of_code_and_templates_has_its_french() -> None:
    known = {entry.id if isinstance(entry.id, str) else tuple(entry.id) for entry in _list_entries()}
    assert sorted(map(str, extract_messages() - known)) == []
    assert [entry.id for entry in _list_entries() if entry.fuzzy or not all(_forms(entry))] == []


def test_the_catalogue_holds_no_message_that_nobody_says() -> None:
    said = extract_messages()
    spoken = {
        entry.id if isinstance(entry.id, str) else tuple(entry.id) for entry in _list_entries() if not entry.context
    }
    assert sorted(map(str, spoken - said)) == []
    assert {(entry.context, entry.id) for entry in _list_entries() if entry.context} == _CONTEXT_ONLY


def test_a_translation_fills_in_the_same_values() -> None:
    for entry in _list_entries():
        source = " ".join([entry.id] if isinstance(entry.id, str) else entry.id)
        for form in _forms(entry):
            assert set(_PLACEHOLDER.findall(form)) <= set(_PLACEHOLDER.findall(source)), entry.id
        if isinstance(entry.id, str):
            assert set(_PLACEHOLDER.findall(str(entry.string))) == set(_PLACEHOLDER.findall(source)), entry.id


def test_french_uses_its_own_spaces_and_apostrophe() -> None:
    for entry in _list_entries():
        for form in _forms(entry):
            assert not re.search(r" [:;!?»]|« |'", form), form
            assert not re.search(r"\w[;!?](\s|$)", form), form


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("fr-FR,fr;q=0.9,en;q=0.8", "fr"),
        ("en-GB,en;q=0.9", "en"),
        ("de,en;q=0.5", "en"),
        ("fr;q=0.2,en;q=0.7", "en"),
        ("de", "fr"),
        ("", "fr"),
        ("en;q=nonsense", "fr"),
    ],
)
def test_before_sign_in_the_browser_chooses_the_language(accepted: str, language: str) -> None:
    assert choose_language(accepted) == language


def test_a_wrs_is_masculine_and_a_cebox_feminine() -> None:
    words = load_words("fr")
    assert (words.get("On"), words.get_in("wrs", "On")) == ("Allumée", "Allumé")


def test_none_and_one_take_the_singular_in_french_only() -> None:
    one, many = "%(number)s day", "%(number)s days"
    assert [load_words("fr").count(one, many, number) % {"number": number} for number in (0, 1, 2)] == [
        "0 jour",
        "1 jour",
        "2 jours",
    ]
    assert load_words("en").count(one, many, 0) == many
