"""Why a ceBox runs less than its account's version: one cause each, the one to deal with first."""

from enum import StrEnum


class Lateness(StrEnum):
    """In the order in which they are looked at."""

    FAILED = "failed"
    """An update failed, fell back or fell silent, and nothing was asked since."""
    UNDER_WAY = "under_way"
    READY = "ready"
    """The new version is installed: a restart is left to do."""
    HELD = "held"
    """Its site's WRS serves less than the account's version, and the box takes no other (R6)."""
    LONG_OFF = "long_off"
    OFF = "off"
    UNASKED = "unasked"
    """On, and nobody asked: its next shutdown updates it (R10)."""


def find_lateness(
    *, has_failed: bool, is_under_way: bool, is_ready: bool, is_held: bool, is_on: bool, is_long_off: bool
) -> Lateness:
    """For a box that is behind; whoever asks has seen that it is."""
    causes = (
        (Lateness.FAILED, has_failed),
        (Lateness.UNDER_WAY, is_under_way),
        (Lateness.READY, is_ready),
        (Lateness.HELD, is_held),
        (Lateness.LONG_OFF, not is_on and is_long_off),
        (Lateness.OFF, not is_on),
    )
    return next((cause for cause, holds in causes if holds), Lateness.UNASKED)
