"""Two terminals show the same, and whoever types first is heard."""

import os
import pty
import threading
from pathlib import Path

import pytest

from cebox.errors import Unavailable
from cebox.installer.screen import Screen
from tests.machines.typist import sit_at_screen


def read_until(hand: int, end: str) -> str:
    """What a terminal shows comes in pieces of any size."""
    shown = ""
    while end not in shown:
        shown += os.read(hand, 4096).decode()
    return shown


def test_an_answer_is_what_was_typed_up_to_enter() -> None:
    with sit_at_screen(("Which?", "  sda ")) as (screen, typist):
        assert screen.ask("Which?") == "sda"
        typist.wait_until(lambda: "> " in typist.seen)


def test_either_terminal_may_answer_and_both_show_everything() -> None:
    one, other = pty.openpty(), pty.openpty()
    screen = Screen([Path(os.ttyname(one[1])), Path("/nowhere/tty"), Path(os.ttyname(other[1]))])
    answers: list[str] = []
    asking = threading.Thread(target=lambda: answers.append(screen.ask("Which?")))
    asking.start()
    os.write(one[0], b"half an ans")
    os.write(other[0], b"the other\n")
    asking.join(timeout=20)

    assert answers == ["the other"]
    assert "Which?" in read_until(one[0], "> ")
    assert "Which?" in read_until(other[0], "> ")
    screen.close()
    for descriptor in (*one, *other):
        os.close(descriptor)


def test_a_terminal_that_is_unplugged_is_left_out_and_without_any_nobody_is_asked() -> None:
    hand, eye = pty.openpty()
    screen = Screen([Path(os.ttyname(eye))])
    os.close(eye)
    os.close(hand)

    screen.say("to nobody")
    with pytest.raises(Unavailable) as refused:
        screen.ask("Anybody?")

    assert refused.value.code == "screen_missing"


def test_progress_is_shown_in_one_line_and_not_more_often_than_it_is_read() -> None:
    moments = iter([0.0, 0.1, 1.0, 1.1])
    hand, eye = pty.openpty()
    screen = Screen([Path(os.ttyname(eye))], clock=lambda: next(moments))

    for done in (0, 10, 50, 100):
        screen.show_progress(done, 100)
    screen.say("Done")

    shown = read_until(hand, "Done\r\n")
    assert [part.split("]")[-1].strip() for part in shown.split("\x1b[K")[1:]] == ["0%", "50%", "100%\r\nDone"]
    screen.close()
    os.close(eye)
    os.close(hand)


def test_a_line_that_nobody_reads_holds_nothing_up() -> None:
    hand, eye = pty.openpty()
    screen = Screen([Path(os.ttyname(eye))])

    for _ in range(2000):
        screen.say("x" * 100)

    screen.close()
    os.close(eye)
    os.close(hand)
