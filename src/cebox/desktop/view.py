"""What the window shows at one moment, and whether it is to be seen at all. Pure."""

from dataclasses import dataclass

from cebox.desktop.words import Word, Words
from cebox.protocol.desk import Coming

# Whoever has closed the window sees it again when so many seconds are left.
_AGAIN_SECONDS = (300.0, 60.0)


@dataclass(frozen=True, slots=True)
class View:
    """`button` postpones; None: there is nothing to postpone any more."""

    title: str
    headline: str
    text: str
    button: str | None


def build_view(coming: Coming, now: float, words: Words) -> View:
    """`now` is on the clock of `coming`."""
    left = coming.due - now
    is_open = left > 0 and coming.postponements_left > 0
    span = words.write_span(coming.postpone_seconds)
    return View(
        title=words.write(Word.RESTART if coming.is_restart else Word.SHUTDOWN),
        headline=_write_headline(coming, left, words),
        text=f"{words.write(Word.SAVE)}\n{_write_chances(coming, words)}" if left > 0 else "",
        button=words.write(Word.POSTPONE, time=span) if is_open else None,
    )


def is_due_again(closed_with: float, left: float) -> bool:
    """Whether a window closed with `closed_with` seconds left has to be seen again now."""
    return any(left <= mark < closed_with for mark in _AGAIN_SECONDS)


def _write_headline(coming: Coming, left: float, words: Words) -> str:
    if left <= 0:
        return words.write(Word.RESTARTS_NOW if coming.is_restart else Word.GOES_OFF_NOW)
    return words.write(Word.RESTARTS_IN if coming.is_restart else Word.GOES_OFF_IN, time=words.write_time(left))


def _write_chances(coming: Coming, words: Words) -> str:
    if coming.postponements_left > 1:
        return words.write(Word.OFTEN, left=coming.postponements_left)
    return words.write(Word.ONCE if coming.postponements_left else Word.NO_MORE)
