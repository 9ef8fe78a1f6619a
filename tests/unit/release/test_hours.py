"""The gate of a download window, by a clock that a test moves."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from cebox.domain.download_window import DownloadWindow
from cebox.release.network.hours import WindowGate, find_window

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


@dataclass
class Waiting:
    """Time passes only while the gate waits. `windows` says what the settings say at each look."""

    now: datetime = NOON
    window: DownloadWindow | None = None
    pauses: list[float] = field(default_factory=list)
    shown: list[datetime | None] = field(default_factory=list)

    def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += timedelta(seconds=seconds)

    def make_gate(self) -> WindowGate:
        return WindowGate(lambda: self.window, lambda: self.now, pause=self.pause, show=self.shown.append)


def test_without_hours_it_is_open() -> None:
    waiting = Waiting()
    gate = waiting.make_gate()
    gate.wait()

    assert gate.is_open()
    assert waiting.shown == []


def test_it_waits_until_the_hours_begin_and_says_so() -> None:
    waiting = Waiting(window=find_window("13:00-15:00", "UTC"))
    gate = waiting.make_gate()
    assert not gate.is_open()
    gate.wait()

    assert waiting.now == NOON + timedelta(hours=1)
    assert set(waiting.shown[:-1]) == {NOON + timedelta(hours=1)}
    assert waiting.shown[-1] is None


def test_it_closes_at_their_end() -> None:
    waiting = Waiting(window=find_window("11:00-15:00", "UTC"))
    gate = waiting.make_gate()
    assert gate.is_open()
    waiting.now += timedelta(hours=3)

    assert not gate.is_open()


def test_other_hours_are_noticed_while_it_waits_and_while_it_is_open() -> None:
    waiting = Waiting(window=find_window("13:00-15:00", "UTC"))
    gate = waiting.make_gate()
    assert not gate.is_open()
    waiting.window = find_window("11:00-15:00", "UTC")
    assert gate.is_open()
    waiting.window = find_window("16:00-17:00", "UTC")
    assert not gate.is_open()
    waiting.window = None
    assert gate.is_open()


def test_a_clock_that_is_set_back_closes_it_again() -> None:
    waiting = Waiting(window=find_window("11:00-15:00", "UTC"))
    gate = waiting.make_gate()
    assert gate.is_open()
    waiting.now -= timedelta(hours=5)

    assert not gate.is_open()


def test_hours_that_cannot_be_read_are_none_and_an_unknown_zone_is_universal_time() -> None:
    assert find_window("", "Europe/Paris") is None
    assert find_window("every other night", "Europe/Paris") is None
    nowhere = find_window("22:00-06:00", "Europe/Nowhere")
    assert nowhere is not None
    assert nowhere.opens_at(NOON) == NOON.replace(hour=22)
