"""What the pages say of an account's notice."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from cebox.console.accounts.words import notice_words, read_notice
from cebox.console.web.formats import Formats
from cebox.console.web.words import Language, load_words
from cebox.domain.notice import Notice
from cebox.errors import InvalidInput

_AT_ONCE = "C’est immédiat\u00a0: la personne connectée n’est pas consultée et perd ce qui n’est pas enregistré."
_NOBODY = "Si personne n’est connecté, c’est immédiat."


def _formats(language: Language) -> Formats:
    return Formats(load_words(language), ZoneInfo("UTC"), datetime(2026, 11, 22, tzinfo=UTC))


@pytest.mark.parametrize(
    ("notice", "said"),
    [
        (
            Notice(5, 30, 3),
            "La personne connectée est prévenue 5\u00a0min avant "
            "et peut le reporter 3 fois, de 30\u00a0min chaque fois. " + _NOBODY,
        ),
        (
            Notice(60, 90, 1),
            "La personne connectée est prévenue 1\u00a0h avant et peut le reporter 1 fois, de 1\u00a0h\u00a030. "
            + _NOBODY,
        ),
        (
            Notice(5, 30, 0),
            "La personne connectée est prévenue 5\u00a0min avant et ne peut pas le reporter. " + _NOBODY,
        ),
        (Notice(0, 30, 3), _AT_ONCE),
    ],
)
def test_a_notice_reads_as_what_the_person_at_the_box_meets(notice: Notice, said: str) -> None:
    assert notice_words(_formats("fr"), notice) == said


def test_english_has_one_time_and_several() -> None:
    once, thrice = (notice_words(_formats("en"), Notice(5, 30, times)) for times in (1, 3))

    assert "may postpone it 1 time, by 30\u00a0min. With" in once
    assert "may postpone it 3 times, by 30\u00a0min each time. With" in thrice


@pytest.mark.parametrize("text", ["", "bald", "-5", "2.5", "٥", "9" * 5000, "5 min"])
def test_what_is_no_whole_number_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        read_notice(text, "30", "3")

    assert refusal.value.code == "countdown_out_of_range"
