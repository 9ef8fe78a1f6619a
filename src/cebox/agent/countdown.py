"""Between an order to restart or go off and its execution, while somebody is signed in: they are told, and may put it
off as often and as long as the account allows. Nobody signed in: at once. Their own button asks nobody.
"""

from msgspec.structs import replace

from cebox.agent.box import Box
from cebox.agent.journal import Journal, PowerRequest
from cebox.agent.machine import PowerKind
from cebox.agent.words import Word, say
from cebox.errors import Conflict
from cebox.protocol.desk import Coming

_LOOK_EVERY_SECONDS = 5.0
_REMIND_SECONDS = 60.0


def count_down(box: Box) -> float | None:
    """Seconds after which to look again whether to leave; None: leave now. Tells the people what is coming."""
    power = box.journal.now.power
    if power is None or power.order_id is None or not box.machine.people.list_present():
        return None
    now = box.monotonic()
    if power.due is None:
        due = now + box.facts.settings.countdown_seconds
        power = _change(box, replace(power, due=due))
        _tell(box, power, now)
    assert power.due is not None
    if not power.is_reminded and power.due - now <= _REMIND_SECONDS < box.facts.settings.countdown_seconds:
        power = _change(box, replace(power, is_reminded=True))
        _tell(box, power, now)
    box.machine.people.show_coming(_find_coming(box, power))
    left = (power.due or 0.0) - now
    return min(left, _LOOK_EVERY_SECONDS) if left > 0 else None


def call_off(box: Box) -> None:
    """Say that what was announced does not happen, if it was."""
    box.machine.people.show_coming(None)
    if box.live.is_announced:
        box.live.is_announced = False
        box.machine.people.announce(say(Word.CALLED_OFF))


def postpone(box: Box) -> str:
    """Put the announced restart or shutdown off; what to tell whoever asked.

    Raises Conflict (`nothing_to_postpone`, `postponed_enough`).
    """
    now, settings = box.monotonic(), box.facts.settings

    def change(journal: Journal) -> Journal:
        power = journal.power
        if power is None or power.due is None or power.is_under_way:
            raise Conflict("nothing_to_postpone", "no restart or shutdown has been announced")
        if power.postponements >= settings.most_postponements:
            raise Conflict(
                "postponed_enough",
                f"it has been postponed {power.postponements} times already",
                hint="Your administrator sets how often; save your work now.",
            )
        later = replace(
            power, due=now + settings.postpone_seconds, postponements=power.postponements + 1, is_reminded=False
        )
        return replace(journal, power=later)

    power = box.journal.change(change).power
    assert power is not None
    text = describe(box, power, now)
    box.machine.people.announce(text)
    box.machine.people.show_coming(_find_coming(box, power))
    box.wake()
    return text


def describe(box: Box, power: PowerRequest, now: float) -> str:
    """What is coming, when, and what can be done about it."""
    is_restart = power.kind is PowerKind.REBOOT
    if power.due is None or power.due <= now:
        return say(Word.RESTART_NOW if is_restart else Word.SHUTDOWN_NOW)
    minutes = max(1, round((power.due - now) / 60))
    word = Word.RESTART if is_restart else Word.SHUTDOWN
    left = _count_postponements_left(box, power)
    text = say(word, minutes=minutes)
    return f"{text} {say(Word.MAY_POSTPONE, left=left)}" if left > 0 else text


def _find_coming(box: Box, power: PowerRequest) -> Coming | None:
    if power.due is None:
        return None
    return Coming(
        is_restart=power.kind is PowerKind.REBOOT,
        due=power.due,
        postpone_seconds=box.facts.settings.postpone_seconds,
        postponements_left=_count_postponements_left(box, power),
    )


def _count_postponements_left(box: Box, power: PowerRequest) -> int:
    """None, too, when an administrator has allowed fewer since."""
    return max(0, box.facts.settings.most_postponements - power.postponements)


def _tell(box: Box, power: PowerRequest, now: float) -> None:
    box.live.is_announced = True
    box.machine.people.announce(describe(box, power, now))


def _change(box: Box, power: PowerRequest) -> PowerRequest:
    """Keeps what others made of the request meanwhile: postponed, withdrawn."""

    def change(journal: Journal) -> Journal:
        now = journal.power
        if now is None or now.postponements != power.postponements:
            return journal
        return replace(journal, power=replace(now, due=power.due, is_reminded=power.is_reminded))

    return box.journal.change(change).power or power
