"""The one loop of the agent: save, work, next. Rests where nothing is to be done until somebody wakes it."""

from collections.abc import Callable, Mapping
from importlib import import_module
from types import MappingProxyType

import structlog
from msgspec.structs import replace

from cebox.agent.box import Box, Ending, Interrupted, Interruption, Step
from cebox.agent.countdown import call_off, count_down
from cebox.agent.journal import Journal, add_result
from cebox.agent.journal_file import Origin
from cebox.agent.leaving import power_off_machine, reboot_machine
from cebox.agent.mirror import mirror_release, rest_seconds, serve_release
from cebox.agent.orders import plan_next
from cebox.agent.resolving import resolve_update
from cebox.agent.start import Start, begin_boot, plan_start
from cebox.agent.states import AT_REST, UPDATING, BoxEvent, BoxState, next_state
from cebox.agent.trial import commit_release, judge_trial, roll_back
from cebox.agent.trouble import plan_after_error, plan_interruption
from cebox.agent.update import download_image, end_update, stage_release, verify_slot
from cebox.domain.version import Version
from cebox.errors import CeboxError, Conflict, Exhausted
from cebox.protocol.device import ReportedEvent

_log = structlog.get_logger()

WORK: Mapping[BoxState, Callable[[Box], Step | Ending]] = MappingProxyType(
    {
        BoxState.RESOLVING: resolve_update,
        BoxState.MIRRORING: mirror_release,
        BoxState.DOWNLOADING: download_image,
        BoxState.VERIFYING: verify_slot,
        BoxState.STAGING: stage_release,
        BoxState.FAILED: end_update,
        BoxState.CANCELLED: end_update,
        BoxState.REBOOTING: reboot_machine,
        BoxState.POWERING_OFF: power_off_machine,
        BoxState.ON_TRIAL: judge_trial,
        BoxState.COMMITTING: commit_release,
        BoxState.SERVING: serve_release,
        BoxState.ROLLED_BACK: roll_back,
    }
)
_FULL_WAIT_SECONDS = 5.0


def run_box(box: Box, converse: Callable[[], None]) -> Ending:
    """Until power goes or the agent is stopped. A state partition without room is waited for, not died of.

    `converse` is called once, when the journal knows of this start: an order that came before would meet the power
    request that this start has fulfilled. If that cannot be saved, the console should hear of the box all the same.
    """
    is_started = is_conversing = False
    while True:
        try:
            if not is_started:
                try:
                    start_box(box)
                    is_started = True
                finally:
                    if not is_conversing:
                        is_conversing = True
                        converse()
            ending = _turn(box)
        except Exhausted as error:
            if error.code != "state_not_saved":
                raise
            _log.error("state_not_saved", reason=error.message)
            box.wait(_FULL_WAIT_SECONDS)
            ending = Ending.STOPPED if box.find_interruption() is Interruption.STOP else None
        if ending is not None:
            return ending


def start_box(box: Box) -> None:
    """Bring the journal in line with what the boot loader says has happened."""
    boot, at = box.machine.boot_loader.get_boot(), box.stamp()
    journal = box.journal.now
    is_new_boot = journal.boot_id != boot.id
    slot = journal.staged.slot if journal.staged else (journal.update.target if journal.update else None)
    slots = box.machine.slots
    start = Start(
        boot=boot,
        is_new_boot=is_new_boot,
        running=slots.find_content(boot.slot),
        staged_entry=slots.find_content(slot) if slot else None,
        staged_tries=box.machine.boot_loader.find_tries(slot) if slot else None,
    )
    epoch_seconds = int(box.clock().timestamp())
    step = plan_start(journal, start, at=at)

    def change(now: Journal) -> Journal:
        if box.journal.origin in (Origin.PREVIOUS, Origin.LOST) and is_new_boot:
            now = _explain_damage(now, box.journal.origin, at)
        now = begin_boot(now, boot, epoch_seconds=epoch_seconds, at=at)
        return now if step is None else _take_step(now, step)

    box.journal.change(change)
    _log.info("started", state=box.journal.now.state, slot=boot.slot, journal=box.journal.origin)


def _turn(box: Box) -> Ending | None:
    """One state's work, or one rest."""
    interruption = box.find_interruption()
    if interruption is Interruption.STOP:
        return Ending.STOPPED
    state = box.journal.now.state
    step = plan_interruption(box, interruption) if interruption else None
    if step is not None:
        _save_step(box, step)
        return None
    if state not in AT_REST:
        return _work(box, state)
    _rest(box)
    return None


def _rest(box: Box) -> None:
    """Until there is something to do; begins it, unless people have to be warned first."""
    is_leaving = _is_leaving(plan_next(box.journal.now, running=_find_running(box), at=box.stamp()))
    held_seconds = count_down(box) if is_leaving else None
    if not is_leaving:
        call_off(box)
    if held_seconds is not None:
        box.wait(held_seconds)
    elif not _begin_next(box, may_leave=is_leaving):
        _warm_up()
        box.wait(rest_seconds(box))


def _warm_up() -> None:
    """Load what an update needs while there is time: from the click to the download it would be half the wait.

    Nothing loads it earlier, so that a new system is judged, and a box reported on, as soon as it is up.
    """
    import_module("cebox.release.trust.repository")
    import_module("cebox.release.applying.apply")


def _is_leaving(step: Step | None) -> bool:
    return step is not None and step.event in (BoxEvent.RESTART, BoxEvent.POWER_OFF)


def _find_running(box: Box) -> Version | None:
    content = box.machine.slots.find_content(box.machine.slots.get_running())
    return Version.parse(content.version) if content else None


def _begin_next(box: Box, *, may_leave: bool) -> bool:
    """Decided and saved at once: an order may come or be withdrawn at any moment. One to leave that came just now waits
    for the next turn, which looks first whether somebody is there.
    """
    running, at = _find_running(box), box.stamp()

    def change(now: Journal) -> Journal:
        step = plan_next(now, running=running, at=at)
        if step is None or (_is_leaving(step) and not may_leave):
            return now
        return _take_step(now, step)

    before = box.journal.now.state
    return box.journal.change(change).state is not before


def _work(box: Box, state: BoxState) -> Ending | None:
    with structlog.contextvars.bound_contextvars(action_id=_find_action_id(box.journal.now)):
        box.machine.witness.before(state)
        try:
            outcome = _attempt(box, state)
        except Interrupted:
            return None
        box.machine.witness.after(state)
        if isinstance(outcome, Ending):
            return outcome
        _save_step(box, outcome)
        return None


def _attempt(box: Box, state: BoxState) -> Step | Ending:
    try:
        return WORK[state](box)
    except Interrupted:
        raise
    except CeboxError as error:
        return _recover(box, state, error)
    except Exception as error:  # a fault of ours ends the update, not the box
        _log.exception("agent_fault", state=state)
        return _recover(box, state, Conflict("agent_fault", f"{type(error).__name__}: {error}"))


def _recover(box: Box, state: BoxState, error: CeboxError) -> Step:
    """An interruption is no error of the update's; the next turn acts on it. Raises Interrupted then."""
    if error.code == "state_not_saved":
        raise error
    if state in UPDATING and box.journal.now.update is not None:
        box.verify_uninterrupted()
        return plan_after_error(box, error)
    _log.error("state_given_up", state=state, code=error.code, reason=error.message)
    return Step(BoxEvent.GIVE_UP, lambda now: _give_up(now, error, box.stamp()))


def _save_step(box: Box, step: Step) -> None:
    before = box.journal.now.state
    after = box.journal.change(lambda now: _take_step(now, step)).state
    box.live.changed.set()
    if before is not after:
        _log.info("state", was=before, now=after, by=step.event)


def _take_step(journal: Journal, step: Step) -> Journal:
    return replace(step.change(journal), state=next_state(journal.state, step.event))


def _give_up(journal: Journal, error: CeboxError, at: str) -> Journal:
    """A state whose work cannot be done leaves the box at rest, with the reason told."""
    action_id = _find_action_id(journal)
    journal = replace(journal, update=None, staged=None)
    return add_result(journal, ReportedEvent.FAIL, action_id=action_id, at=at, code=error.code, detail=error.message)


def _explain_damage(journal: Journal, origin: Origin, at: str) -> Journal:
    detail = "an earlier copy was taken" if origin is Origin.PREVIOUS else "nothing of it could be read"
    return add_result(
        journal, ReportedEvent.FAIL, action_id=None, at=at, code="journal_damaged", detail=f"the journal: {detail}"
    )


def _find_action_id(journal: Journal) -> str | None:
    if journal.update is not None:
        return journal.update.action_id
    if journal.staged is not None:
        return journal.staged.action_id
    return journal.power.order_id if journal.power else None
