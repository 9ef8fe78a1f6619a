"""An account's notice as people write and read it."""

from cebox.console.web.formats import Formats
from cebox.console.web.words import mark as _
from cebox.domain.notice import Notice, make_notice
from cebox.errors import InvalidInput

_MOST_DIGITS = 6


def notice_words(formats: Formats, notice: Notice) -> str:
    """What the person at the box meets when a restart or shutdown is ordered."""
    words = formats.words
    if notice.countdown_minutes == 0:
        return words.get(_("It happens at once: people are not asked and lose what is not saved."))
    if notice.may_be_postponed:
        told = words.count(
            "Whoever is signed in is told %(countdown)s before and may postpone it %(number)s time, "
            "by %(postponement)s.",
            "Whoever is signed in is told %(countdown)s before and may postpone it %(number)s times, "
            "by %(postponement)s each time.",
            notice.most_postponements,
        )
    else:
        told = words.get(_("Whoever is signed in is told %(countdown)s before and cannot postpone it."))
    values = {
        "countdown": formats.duration(notice.countdown_minutes * 60),
        "number": formats.number(notice.most_postponements),
        "postponement": formats.duration(notice.postpone_minutes * 60),
    }
    nobody = words.get(_("With nobody signed in it happens at once."))
    return f"{told % values} {nobody}"


def read_notice(countdown: str, postponement: str, times: str) -> Notice:
    """From a form's fields. Raises what `make_notice` raises."""
    return make_notice(
        _read_whole(countdown, "countdown_out_of_range"),
        _read_whole(postponement, "postponement_out_of_range"),
        _read_whole(times, "too_many_postponements"),
    )


def _read_whole(text: str, code: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) <= _MOST_DIGITS):
        raise InvalidInput(code, f"{text!r} is no whole number", hint="Write a whole number, such as 5.")
    return int(text)
