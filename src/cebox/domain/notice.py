"""How long before a restart or shutdown that is ordered the people signed in at a box are told, and how far they may
put it off. In whole minutes, as they are told.
"""

from dataclasses import dataclass

from cebox.errors import InvalidInput

MOST_COUNTDOWN_MINUTES = 60
LEAST_POSTPONE_MINUTES = 5
MOST_POSTPONE_MINUTES = 8 * 60
MOST_POSTPONEMENTS = 10


@dataclass(frozen=True, slots=True)
class Notice:
    """An account's. `postpone_minutes` is how long one postponement puts it off."""

    countdown_minutes: int = 5
    postpone_minutes: int = 30
    most_postponements: int = 3

    @property
    def may_be_postponed(self) -> bool:
        """What happens at once cannot be."""
        return self.countdown_minutes > 0 and self.most_postponements > 0


DEFAULT_NOTICE = Notice()


def make_notice(countdown_minutes: int, postpone_minutes: int, most_postponements: int) -> Notice:
    """Raises InvalidInput (`countdown_out_of_range`, `postponement_out_of_range`, `too_many_postponements`)."""
    if not 0 <= countdown_minutes <= MOST_COUNTDOWN_MINUTES:
        raise InvalidInput(
            "countdown_out_of_range",
            f"a countdown cannot last {countdown_minutes} minutes",
            hint=f"It lasts 0 to {MOST_COUNTDOWN_MINUTES} minutes; with 0, restarts and shutdowns happen at once.",
        )
    if not LEAST_POSTPONE_MINUTES <= postpone_minutes <= MOST_POSTPONE_MINUTES:
        raise InvalidInput(
            "postponement_out_of_range",
            f"a postponement cannot last {postpone_minutes} minutes",
            hint=f"One lasts {LEAST_POSTPONE_MINUTES} minutes to {MOST_POSTPONE_MINUTES // 60} hours.",
        )
    if not 0 <= most_postponements <= MOST_POSTPONEMENTS:
        raise InvalidInput(
            "too_many_postponements",
            f"{most_postponements} postponements cannot be allowed",
            hint=f"Allow 0 to {MOST_POSTPONEMENTS}; with 0 nobody can put it off.",
        )
    return Notice(countdown_minutes, postpone_minutes, most_postponements)
