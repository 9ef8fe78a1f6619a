"""Numbers, sizes and times as each language writes them."""

from datetime import UTC, datetime, timedelta

import pytest

from cebox.console.web.formats import Formats, find_zone
from cebox.console.web.words import Language, load_words

_NOW = datetime(2026, 12, 8, 13, 32, tzinfo=UTC)


def _formats(language: Language) -> Formats:
    return Formats(load_words(language), find_zone("Europe/Paris"), _NOW)


@pytest.mark.parametrize(
    ("count", "french", "english"),
    [
        (0, "0\u00a0o", "0\u00a0B"),
        (999, "999\u00a0o", "999\u00a0B"),
        (214_100_000, "214,1\u00a0Mo", "214.1\u00a0MB"),
        (1_900_000_000, "1,90\u00a0Go", "1.90\u00a0GB"),
    ],
)
def test_a_size_has_decimal_units_of_its_language(count: int, french: str, english: str) -> None:
    assert (_formats("fr").size(count), _formats("en").size(count)) == (french, english)


def test_thousands_are_spaced_narrowly_in_french() -> None:
    assert _formats("fr").number(1288) == "1\u202f288"


def test_a_time_is_said_as_far_as_it_helps() -> None:
    formats = _formats("fr")
    assert formats.when(_NOW) == "14:32"
    assert formats.when(_NOW - timedelta(hours=17)) == "hier 21:32"
    assert formats.when(datetime(2026, 10, 28, 9, tzinfo=UTC)) == "28\u00a0oct."
    assert formats.when(datetime(2025, 3, 1, 9, tzinfo=UTC)) == "1\u00a0mars\u00a02025"


def test_a_percentage_is_never_rounded_up_to_the_whole() -> None:
    assert _formats("fr").percent(0.999) == "99\u202f%" or _formats("fr").percent(0.999) == "99\u00a0%"


@pytest.mark.parametrize(
    ("seconds", "words"), [(24, "24\u00a0s"), (300, "5\u00a0min"), (22_200, "6\u00a0h\u00a010"), (200_000, "2 jours")]
)
def test_a_duration_is_said_in_its_largest_unit(seconds: int, words: str) -> None:
    assert _formats("fr").duration(seconds) == words


@pytest.mark.parametrize("name", ["Nowhere/Atall", "../../etc/passwd", "", "Europe/Paris\0"])
def test_an_unknown_zone_is_universal_time(name: str) -> None:
    assert find_zone(name).key == "UTC"
