"""How long before a restart people are told, and how far they may put it off: what can be, and what cannot."""

import pytest

from cebox.domain.notice import DEFAULT_NOTICE, Notice, make_notice
from cebox.errors import InvalidInput


@pytest.mark.parametrize("words", [(0, 5, 0), (60, 480, 10), (5, 30, 3)])
def test_a_notice_reaches_its_bounds(words: tuple[int, int, int]) -> None:
    assert make_notice(*words) == Notice(*words)


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ((-1, 30, 3), "countdown_out_of_range"),
        ((61, 30, 3), "countdown_out_of_range"),
        ((5, 4, 3), "postponement_out_of_range"),
        ((5, 481, 3), "postponement_out_of_range"),
        ((5, 30, -1), "too_many_postponements"),
        ((5, 30, 11), "too_many_postponements"),
    ],
)
def test_beyond_its_bounds_it_is_refused_and_they_are_named(words: tuple[int, int, int], code: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        make_notice(*words)

    assert refusal.value.code == code
    assert refusal.value.hint


def test_what_happens_at_once_cannot_be_postponed() -> None:
    assert DEFAULT_NOTICE.may_be_postponed
    assert not Notice(countdown_minutes=0, most_postponements=3).may_be_postponed
    assert not Notice(countdown_minutes=5, most_postponements=0).may_be_postponed
