"""The work after a restart: judge the new system, keep it, or remember that it failed."""

from contextlib import suppress

import structlog
from msgspec.structs import replace

from cebox.agent.boot_image import discard_boot_images
from cebox.agent.box import Box, Step
from cebox.agent.contacts import Outlook
from cebox.agent.journal import Journal, Staged, add_result, forget_failed, remember_failed
from cebox.agent.machine import Examination, Verdict
from cebox.agent.orders import note_restart
from cebox.agent.states import BoxEvent
from cebox.domain.device import DeviceKind
from cebox.errors import Conflict
from cebox.protocol.device import ReportedEvent

_log = structlog.get_logger()

_LOOK_EVERY_SECONDS = 0.2
_LOOK_LATER_SECONDS = 5.0


def get_staged(journal: Journal) -> Staged:
    """Raises Conflict (`journal_contradicts_itself`)."""
    if journal.staged is None:
        raise Conflict("journal_contradicts_itself", f"the box is {journal.state} without an installed release")
    return journal.staged


def judge_trial(box: Box) -> Step:
    """Healthy: keep it. If not, restart; the boot loader counts the tries and falls back by itself after the last."""
    examination = _examine(box)
    if examination.verdict is Verdict.HEALTHY:
        return Step(BoxEvent.PASS)
    # A machine that is being switched off right now is no proof of anything.
    box.verify_uninterrupted()
    _log.warning("trial_not_passed", reason=examination.reason)
    at = box.stamp()
    return Step(BoxEvent.RESTART, lambda now: _note_unhealthy(now, examination.reason, at))


def commit_release(box: Box) -> Step:
    """The new release is the box's own from here on. A WRS reports so once it serves it too."""
    box.machine.boot_loader.bless()
    with suppress(OSError):
        discard_boot_images(box)
    if box.kind is DeviceKind.WRS:
        return Step(BoxEvent.SERVE)
    at = box.stamp()
    return Step(BoxEvent.COMMIT, lambda now: finish_staged(now, at))


def finish_staged(journal: Journal, at: str) -> Journal:
    staged = get_staged(journal)
    journal = forget_failed(replace(journal, staged=None, partial=None), staged.version)
    return add_result(journal, ReportedEvent.FINISH, action_id=staged.action_id, at=at, taken=staged.taken)


def roll_back(box: Box) -> Step:
    """The old system runs again. The failed release is remembered, and tried again only on an order."""
    staged = get_staged(box.journal.now)
    box.machine.boot_loader.clear(staged.slot)
    at = box.stamp()
    return Step(BoxEvent.SETTLE, lambda now: _report_rollback(now, at))


def _examine(box: Box) -> Examination:
    """A system that does not become ready within `trial_seconds` has failed, unless somebody works with it: their
    next restart is early enough.
    """
    outlook = Outlook(box, get_staged(box.journal.now).contacts)
    until, pause_seconds = box.monotonic() + box.settings.trial_seconds, _LOOK_EVERY_SECONDS
    while True:
        try:
            examination = box.machine.health.examine(outlook.find_missed())
        except OSError as error:
            examination = Examination(Verdict.UNHEALTHY, f"the system cannot be examined: {error}")
        if examination.verdict is not Verdict.PENDING:
            return examination
        if box.monotonic() >= until:
            if not box.machine.people.list_present():
                return Examination(Verdict.UNHEALTHY, f"not ready in time: {examination.reason}")
            pause_seconds = _LOOK_LATER_SECONDS
        box.pause(pause_seconds)


def _note_unhealthy(journal: Journal, reason: str, at: str) -> Journal:
    return note_restart(replace(journal, staged=replace(get_staged(journal), reason=reason)), at=at)


def _report_rollback(journal: Journal, at: str) -> Journal:
    staged = get_staged(journal)
    journal = remember_failed(replace(journal, staged=None), staged)
    return add_result(
        journal,
        ReportedEvent.ROLL_BACK,
        action_id=staged.action_id,
        at=at,
        taken=staged.taken,
        code="trial_failed",
        detail=staged.reason or "the new system did not come up",
    )
