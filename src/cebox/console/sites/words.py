"""A site's limits as people write and read them: megabits per second, as lines are sold, and hours."""

from babel.numbers import NumberFormatError, format_decimal, parse_decimal

from cebox.console.sites.limits import LineLimits
from cebox.console.web.formats import Formats
from cebox.console.web.words import mark as _
from cebox.errors import InvalidInput

_BYTES_IN_MEGABIT = 125_000


def limit_words(formats: Formats, limits: LineLimits) -> str:
    """`16 Mbit/s at most, 22:00–06:00 (Europe/Paris)`."""
    words = formats.words
    parts = []
    if limits.download_bytes_per_second is not None:
        rate = write_megabits(formats, limits.download_bytes_per_second)
        parts.append(words.get(_("%(rate)s Mbit/s at most")) % {"rate": rate})
    if limits.download_window:
        parts.append(f"{limits.download_window.replace('-', '–')} ({limits.time_zone})")
    return ", ".join(parts) or words.get(_("no limit"))


def write_megabits(formats: Formats, bytes_per_second: int | None) -> str:
    if bytes_per_second is None:
        return ""
    return format_decimal(bytes_per_second / _BYTES_IN_MEGABIT, "0.###", locale=formats.language)


def read_megabits(text: str) -> int | None:
    """With a comma or a point, whatever the language: nobody groups thousands of megabits.

    Raises InvalidInput (`download_rate_out_of_range`).
    """
    if not text:
        return None
    try:
        return int(parse_decimal(text.replace(",", "."), locale="en", strict=True) * _BYTES_IN_MEGABIT)
    except (NumberFormatError, OverflowError, ValueError) as error:
        raise InvalidInput(
            "download_rate_out_of_range",
            f"{text!r} is no rate",
            hint="Write megabits per second, such as 16 or 2.5; leave it empty for no limit.",
        ) from error
