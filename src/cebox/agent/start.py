"""What a start means: of the machine (something else may run now), or only of the agent (nothing has changed). Pure.

The boot loader knows what runs, the journal what was meant. Where they disagree the boot loader is right.
"""

from dataclasses import dataclass

from msgspec.structs import replace

from cebox.agent.box import Step
from cebox.agent.journal import Journal, add_result, adopt_staged
from cebox.agent.machine import Boot, PowerKind, SlotContent
from cebox.agent.outcome import report_failure, stage_update
from cebox.agent.states import TRANSITIONS, UPDATING, BoxEvent, BoxState
from cebox.protocol.device import ReportedEvent

# Their work is simply done again, whatever brought the machine here.
_REDONE = frozenset({BoxState.IDLE, BoxState.ROLLED_BACK})
_ENDINGS = frozenset({BoxState.FAILED, BoxState.CANCELLED})


@dataclass(frozen=True, slots=True)
class Start:
    """What the boot loader says. `staged_entry` is that of the release the journal holds staged or being staged;
    `staged_tries` are the starts left to it (None: no entry, or blessed).
    """

    boot: Boot
    is_new_boot: bool
    running: SlotContent | None
    staged_entry: SlotContent | None = None
    staged_tries: int | None = None


def begin_boot(journal: Journal, boot: Boot, *, epoch_seconds: int, at: str) -> Journal:
    """Count a start of the machine, once, and close the power request that it fulfils.

    The count follows the clock, so that it goes on growing when the journal was lost.
    """
    if journal.boot_id == boot.id:
        return journal
    power = journal.power
    is_untold = power is not None and (power.kind is PowerKind.REBOOT or not power.is_under_way)
    journal = replace(journal, boot=max(journal.boot + 1, epoch_seconds), boot_id=boot.id, power=None)
    if power is not None and power.order_id is not None and is_untold:
        journal = add_result(journal, ReportedEvent.FINISH, action_id=power.order_id, at=at)
    return journal


def plan_start(journal: Journal, start: Start, *, at: str) -> Step | None:
    """What the journal must learn before work goes on; None: go on as it says."""
    candidate = _find_candidate(journal, at)
    if candidate is not None and candidate.staged is not None and start.boot.slot is candidate.staged.slot:
        return _plan_came_up(candidate, start, at)
    if candidate is None and not start.boot.is_blessed and start.running is not None:
        running = start.running
        return Step(BoxEvent.COME_UP_NEW, lambda now: _adopt(now, start.boot, running, at))
    if not start.is_new_boot or journal.state in _REDONE:
        return None
    if candidate is None or journal.state is BoxState.STAGING:
        return None if journal.state in _ENDINGS else _plan_resume(journal)
    return _plan_came_up_old(journal, start, at)


def _find_candidate(journal: Journal, at: str) -> Journal | None:
    """The journal as it is once its release is staged; an entry may have been made just before power went."""
    if journal.staged is not None:
        return journal
    if journal.state is BoxState.STAGING and journal.update is not None:
        return stage_update(journal, at)
    return None


def _plan_came_up(candidate: Journal, start: Start, at: str) -> Step | None:
    if start.boot.is_blessed:
        is_known = candidate.state in (BoxState.COMMITTING, BoxState.SERVING) and not start.is_new_boot
        return None if is_known else Step(BoxEvent.COME_UP_BLESSED, lambda now: _set_aside(_settle(now, at), at))
    if not start.is_new_boot:
        return None
    return Step(BoxEvent.COME_UP_NEW, lambda now: _note_trial(_set_aside(_settle(now, at), at), at))


def _plan_came_up_old(journal: Journal, start: Start, at: str) -> Step | None:
    """The old system runs. With tries left somebody chose it by hand; with none the boot loader fell back."""
    is_waiting = bool(start.staged_tries)
    is_taken_away = start.staged_entry is None and journal.state in UPDATING | _ENDINGS
    if not is_waiting and not is_taken_away:
        return Step(BoxEvent.FALL_BACK, lambda now: _set_aside(now, at))
    if journal.state in _ENDINGS:
        return None
    return _plan_resume(journal) if journal.state in UPDATING else Step(BoxEvent.COME_UP_OLD)


def _plan_resume(journal: Journal) -> Step:
    """An ordered update goes on; one that a shutdown asked for waits for the next shutdown."""
    is_ordered = journal.update is not None and journal.update.order is not None
    if is_ordered and (journal.state, BoxEvent.RESUME) in TRANSITIONS:
        return Step(BoxEvent.RESUME)
    return Step(BoxEvent.WAKE, lambda now: replace(now, update=None))


def _settle(journal: Journal, at: str) -> Journal:
    return _find_candidate(journal, at) or journal


def _set_aside(journal: Journal, at: str) -> Journal:
    """An update that was to replace the staged release, which started first after all, begins again afterwards."""
    update = journal.update
    if update is None:
        return journal
    if update.failure is not None or update.is_cancelled:
        return report_failure(journal, at)
    queue = (update.order, *journal.queue) if update.order is not None else journal.queue
    return replace(journal, update=None, queue=queue)


def _note_trial(journal: Journal, at: str) -> Journal:
    staged = journal.staged
    assert staged is not None
    staged = replace(staged, trials=staged.trials + 1)
    journal = replace(journal, staged=staged)
    if staged.action_id is None:
        return journal
    return add_result(journal, ReportedEvent.TRY, action_id=staged.action_id, at=at, turn=staged.trials)


def _adopt(journal: Journal, boot: Boot, running: SlotContent, at: str) -> Journal:
    """On trial, and the journal does not know why: it was lost."""
    return _note_trial(replace(_set_aside(journal, at), staged=adopt_staged(boot.slot, running)), at)
