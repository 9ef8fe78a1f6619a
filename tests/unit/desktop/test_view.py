import pytest

from cebox.desktop.view import build_view, is_due_again
from cebox.desktop.words import Words
from cebox.protocol.desk import Coming

WORDS = Words(is_french=False)


def announce(*, is_restart: bool = True, left: int = 3) -> Coming:
    return Coming(is_restart=is_restart, due=1000.0, postpone_seconds=1800, postponements_left=left)


def test_a_restart_is_counted_down_and_can_be_postponed() -> None:
    view = build_view(announce(), 700.0, WORDS)

    assert (view.title, view.headline) == ("Restart of this machine", "This machine restarts in 5 min 00 s.")
    assert view.text.endswith("You can postpone it 3 more times.")
    assert view.button == "Postpone by 30 min"


def test_a_shutdown_is_called_one() -> None:
    view = build_view(announce(is_restart=False), 990.0, WORDS)

    assert (view.title, view.headline) == ("Shutdown of this machine", "This machine goes off in 10 s.")


@pytest.mark.parametrize(("left", "said"), [(2, "2 more times"), (1, "once more"), (0, "no longer")])
def test_what_is_left_of_the_postponements_is_told(left: int, said: str) -> None:
    view = build_view(announce(left=left), 700.0, WORDS)

    assert said in view.text
    assert (view.button is None) == (left == 0)


@pytest.mark.parametrize("now", [1000.0, 1060.0])
def test_what_happens_now_cannot_be_postponed(now: float) -> None:
    view = build_view(announce(), now, WORDS)

    assert (view.headline, view.text, view.button) == ("This machine restarts now.", "", None)


@pytest.mark.parametrize(
    ("closed_with", "left", "again"),
    [
        (290.0, 289.0, False),
        (290.0, 61.0, False),
        (290.0, 60.0, True),
        (1800.0, 301.0, False),
        (1800.0, 300.0, True),
        (1800.0, 12.0, True),
        (50.0, 3.0, False),
        (60.0, 59.0, False),
    ],
)
def test_a_closed_window_comes_back_when_time_runs_out(closed_with: float, left: float, again: bool) -> None:
    assert is_due_again(closed_with, left) is again
