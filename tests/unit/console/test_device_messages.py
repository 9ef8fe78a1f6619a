"""Small decisions of the device API that need no database."""

import pytest

from cebox.console.actions.records import is_busy
from cebox.console.boxes.api import parse_wait
from cebox.console.boxes.enrolment import LONGEST_NAME, choose_name, clean_name
from cebox.console.devices.observing import is_newer
from cebox.errors import InvalidInput
from cebox.protocol.device import BoxPhase, Observed


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ([], 0),
        (["wait=25"], 25),
        (["respond-async, wait=25"], 25),
        (["respond-async", " WAIT = 7 ; x=1"], 7),
        (['wait="10"'], 10),
        (["wait=999999999999999999999999"], 55),
        (["wait=-1"], 0),
        (["wait=1.5"], 0),
        (["wait="], 0),
        (["wait=²"], 0),
        (["waits=9"], 0),
    ],
)
def test_the_preferred_wait_is_read_and_bounded(headers: list[str], seconds: float) -> None:
    assert parse_wait(headers) == seconds


@pytest.mark.parametrize(
    ("typed", "kept"),
    [("poste-01", "poste-01"), ("  a \t b\n", "a b"), ("a\0b\x1b[31m", "a b [31m"), ("é" * 100, "é" * LONGEST_NAME)],
)
def test_a_devices_name_is_one_bounded_line(typed: str, kept: str) -> None:
    assert clean_name(typed) == kept


@pytest.mark.parametrize("typed", ["", " ", "\n\0\x7f"])
def test_a_device_without_a_name_is_refused(typed: str) -> None:
    with pytest.raises(InvalidInput, match="device_name_empty"):
        clean_name(typed)


def test_a_name_that_is_taken_gets_the_first_free_number() -> None:
    assert choose_name("box", set()) == "box"
    assert choose_name("box", {"box", "box-2", "box-4", "boxer"}) == "box-3"


def test_a_report_is_newer_by_boot_then_by_sequence() -> None:
    report = Observed(boot=3, sequence=7, phase=BoxPhase.IDLE, place="site")

    assert is_newer(report, (3, 6))
    assert is_newer(report, (2, 900))
    assert not is_newer(report, (3, 7))
    assert not is_newer(report, (4, 0))


def test_what_a_device_did_last_is_in_the_way_only_while_it_is_on() -> None:
    assert is_busy((), BoxPhase.REBOOTING, is_on=True)
    assert not is_busy((), BoxPhase.REBOOTING, is_on=False)
    assert not is_busy((), BoxPhase.STAGED, is_on=True)
