"""What an error in the middle of an update leads to: another source, another try, or the end of the update."""

import structlog
from msgspec.structs import replace

from cebox.agent.box import Box, Interruption, Step
from cebox.agent.hours import WINDOW_CLOSED
from cebox.agent.journal import Failure, Journal
from cebox.agent.orders import fail_update, plan_leaving
from cebox.agent.outcome import get_update
from cebox.agent.states import INTERRUPTIBLE, TRANSITIONS, BoxEvent, BoxState
from cebox.domain.resolution import Source
from cebox.errors import CeboxError, NotFound, Unavailable, Untrusted
from cebox.kit.backoff import wait_times
from cebox.protocol.device import ReportedEvent

_log = structlog.get_logger()

# Transient by family, yet nothing that waiting for another machine cures.
_LOCAL = frozenset({"slot_unusable", "state_folder_unusable"})
# What waiting does not cure: a proxy keeps the way it is set up.
_LASTING = frozenset({"range_ignored"})
# What the WRS is no longer asked after: its bytes were wrong or not there, which a moment does not change.
_GIVEN_UP = 2


def plan_after_error(box: Box, error: CeboxError) -> Step:
    """Waits before another try at a silent source, as long as that is of use."""
    journal = box.journal.now
    update = get_update(journal)
    _log.warning("update_troubled", state=journal.state, code=error.code, reason=error.message)
    is_from_wrs = update.source == Source.WRS and journal.state is BoxState.DOWNLOADING
    if is_from_wrs and isinstance(error, Unavailable | NotFound | Untrusted) and error.code not in _LOCAL:
        weight = 1 if error.is_transient and error.code not in _LASTING else _GIVEN_UP
        return Step(BoxEvent.RETRY, lambda now: _blame_source(now, weight))
    may_retry = (journal.state, BoxEvent.RETRY) in TRANSITIONS
    if may_retry and isinstance(error, Unavailable) and error.code not in _LOCAL | _LASTING:
        if error.code != WINDOW_CLOSED and _is_patient(box, journal):
            return _wait_for_source(box)
        if journal.power is not None and update.order is not None:
            return plan_leaving(journal, at=box.stamp())
    event = ReportedEvent.FAIL if update.has_begun else ReportedEvent.REFUSE
    failure = Failure(event=event, code=error.code, detail=error.message)
    return Step(BoxEvent.FAIL, lambda now: fail_update(now, failure))


def plan_interruption(box: Box, interruption: Interruption) -> Step | None:
    """What leaves the present state now; None when it must be finished first, or only the agent stops."""
    journal = box.journal.now
    if interruption is Interruption.CANCEL and journal.state in INTERRUPTIBLE:
        return Step(BoxEvent.CANCEL)
    if interruption is Interruption.POWER and journal.state in INTERRUPTIBLE | {BoxState.ON_TRIAL}:
        return plan_leaving(journal, at=box.stamp())
    return None


def _is_patient(box: Box, journal: Journal) -> bool:
    now = box.monotonic()
    if box.silent_since is None:
        box.silent_since, box.waits = now, None
    is_leaving = journal.power is not None
    most = box.settings.shutdown_silence_seconds if is_leaving else box.settings.silence_seconds
    return now - box.silent_since < most


def _wait_for_source(box: Box) -> Step:
    if box.waits is None:
        settings = box.settings
        box.waits = wait_times(first_seconds=settings.first_retry_seconds, most_seconds=settings.most_retry_seconds)
    box.pause(next(box.waits))
    return Step(BoxEvent.RETRY)


def _blame_source(journal: Journal, weight: int) -> Journal:
    update = get_update(journal)
    return replace(journal, update=replace(update, source_failures=update.source_failures + weight))
