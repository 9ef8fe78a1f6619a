"""One cause for each box that is behind: the first that holds."""

from itertools import product

import pytest

from cebox.domain.lateness import Lateness, find_lateness

_ALONE = {
    Lateness.FAILED: {"has_failed": True},
    Lateness.UNDER_WAY: {"is_under_way": True},
    Lateness.READY: {"is_ready": True},
    Lateness.HELD: {"is_held": True},
    Lateness.LONG_OFF: {"is_on": False, "is_long_off": True},
    Lateness.OFF: {"is_on": False},
    Lateness.UNASKED: {},
}
_PLAIN = {
    "has_failed": False,
    "is_under_way": False,
    "is_ready": False,
    "is_held": False,
    "is_on": True,
    "is_long_off": False,
}


@pytest.mark.parametrize("cause", list(Lateness))
def test_each_cause_is_found_alone(cause: Lateness) -> None:
    assert find_lateness(**{**_PLAIN, **_ALONE[cause]}) is cause


@pytest.mark.parametrize(("first", "second"), list(product(list(Lateness)[:-1], repeat=2)))
def test_the_one_to_deal_with_first_wins(first: Lateness, second: Lateness) -> None:
    both = {**_PLAIN, **_ALONE[first], **_ALONE[second]}
    assert find_lateness(**both) is min(first, second, key=list(Lateness).index)
