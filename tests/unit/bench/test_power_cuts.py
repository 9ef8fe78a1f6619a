"""What is to be found on a disk after power went: valid or not, and the tries left to what is on trial."""

import pytest

from bench.machines.cuts import FIVE, SEVEN, find_tries, is_valid
from cebox.agent.systemd_boot.entry_name import EntryName
from cebox.domain.version import Version
from cebox.lab.vm.disk import Slots

OLD, NEW = Version.parse("2026.10.1"), Version.parse("2026.11.1")
BLESSED, TRIAL = EntryName(OLD), EntryName(NEW, 2, 1)


@pytest.mark.parametrize(
    ("slots", "valid"),
    [
        (Slots({"a": OLD, "b": None}, (BLESSED,)), True),
        (Slots({"a": OLD, "b": NEW}, (BLESSED, TRIAL)), True),
        (Slots({"a": OLD, "b": NEW}, (BLESSED, EntryName(NEW))), True),
        (Slots({"a": OLD, "b": None}, (BLESSED, TRIAL)), False),
        (Slots({"a": None, "b": NEW}, (BLESSED, TRIAL)), False),
        (Slots({"a": OLD, "b": NEW}, (TRIAL,)), False),
        (Slots({"a": OLD, "b": None}, ()), False),
    ],
)
def test_something_is_blessed_and_all_that_has_an_entry_is_whole(slots: Slots, valid: bool) -> None:
    assert is_valid(slots) is valid


def test_the_tries_are_those_of_the_entry_on_trial() -> None:
    assert find_tries(Slots({}, (BLESSED, TRIAL)), NEW) == 2
    assert find_tries(Slots({}, (BLESSED,)), NEW) is None
    assert find_tries(Slots({}, (BLESSED,)), OLD) is None


def test_the_short_proof_cuts_five_times_and_four_long_rounds_more_than_twenty_five() -> None:
    assert FIVE.count == 5
    assert 4 * SEVEN.count >= 25
