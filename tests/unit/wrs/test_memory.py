"""What the mirror remembers: its counter, its record, and the time it was told."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cebox.errors import InvalidInput
from cebox.protocol.site import MirrorPhase, PrepareRequest
from cebox.wrs.counter import DurableCounter
from cebox.wrs.record import MirrorRecord, load_record, save_record
from cebox.wrs.reference_clock import ReferenceClock

WALL = datetime(2026, 11, 1, 8, tzinfo=UTC)


def test_a_counter_goes_on_where_another_process_left_it(tmp_path: Path) -> None:
    first = DurableCounter(tmp_path / "n")
    first.set(123_456_789_012)
    assert DurableCounter(tmp_path / "n").value == 123_456_789_012


@pytest.mark.parametrize("content", [b"", b"12", b"garbage"])
def test_a_damaged_counter_is_a_number_all_the_same(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "n").write_bytes(content)
    counter = DurableCounter(tmp_path / "n")
    counter.set(7)
    assert DurableCounter(tmp_path / "n").value == 7


def test_a_record_comes_back_as_it_was(tmp_path: Path) -> None:
    request = PrepareRequest(version="2026.11.1", repository_url="http://127.0.0.1/", box_versions=("2026.10.1",))
    record = MirrorRecord(phase=MirrorPhase.FETCHING, request=request)
    save_record(tmp_path, record)
    assert load_record(tmp_path) == record


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"\x00" * 64, b'{"phase": "fetching"}', b'{"format": 99}', b'{"phase": "unheard-of"}', b"[]"],
)
def test_a_damaged_record_is_an_empty_one(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "mirror.json").write_bytes(content)
    assert load_record(tmp_path) == MirrorRecord()


def test_without_the_consoles_time_the_wall_clock_counts() -> None:
    assert ReferenceClock(lambda: WALL)() == WALL


def test_the_consoles_time_overrules_a_wrong_wall_clock_and_goes_on() -> None:
    clock = ReferenceClock(lambda: WALL - timedelta(days=9000))
    clock.learn("2026-11-01T08:00:00Z")
    assert timedelta(0) <= clock() - WALL < timedelta(minutes=1)


def test_after_a_restart_the_wall_clock_is_not_believed_to_be_before_the_last_time_told() -> None:
    clock = ReferenceClock(lambda: WALL - timedelta(days=9000))
    clock.recall("2026-11-01T08:00:00Z")
    assert clock() == WALL
    assert ReferenceClock(lambda: WALL)() == WALL


@pytest.mark.parametrize("text", ["yesterday", "2026-11-01T08:00:00", "2026-13-01T08:00:00Z"])
def test_a_time_without_its_zone_or_sense_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        ReferenceClock(lambda: WALL).learn(text)
    assert raised.value.code == "reference_time_malformed"
