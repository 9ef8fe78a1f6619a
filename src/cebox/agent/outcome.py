"""What becomes of an update, for the journal: staged, superseded, cancelled, failed. Pure; the work is `update`'s."""

from msgspec.structs import replace

from cebox.agent.journal import Journal, Staged, Update, add_result
from cebox.agent.machine import Contact
from cebox.errors import Conflict
from cebox.protocol.device import ReportedEvent


def get_update(journal: Journal) -> Update:
    """Raises Conflict (`journal_contradicts_itself`)."""
    if journal.update is None:
        raise Conflict("journal_contradicts_itself", f"the box is {journal.state} without an update")
    return journal.update


def stage_update(journal: Journal, at: str, contacts: tuple[Contact, ...] = ()) -> Journal:
    """The update has become a staged release, for the journal."""
    update = get_update(journal)
    assert update.target is not None
    staged = Staged(
        slot=update.target,
        version=update.version,
        sha256=update.sha256,
        action_id=update.action_id,
        taken=update.taken,
        is_cancelled=update.is_cancelled,
        contacts=contacts,
    )
    journal = replace(journal, update=None, staged=staged)
    return add_result(journal, ReportedEvent.STAGE, action_id=update.action_id, at=at, taken=update.taken)


def supersede_staged(journal: Journal, at: str) -> Journal:
    staged = journal.staged
    if staged is None:
        return journal
    journal = replace(journal, staged=None)
    if staged.action_id is None:
        return journal
    return add_result(journal, ReportedEvent.CANCEL, action_id=staged.action_id, at=at, code="superseded")


def cancel_staged(journal: Journal, at: str) -> Journal:
    staged = journal.staged
    if staged is None:
        return journal
    journal = replace(journal, staged=None)
    return add_result(journal, ReportedEvent.CANCEL, action_id=staged.action_id, at=at, code="cancelled")


def report_failure(journal: Journal, at: str) -> Journal:
    """The update is over, and the console is told why."""
    update = get_update(journal)
    journal = drop_update(journal)
    if update.failure is None:
        return add_result(journal, ReportedEvent.CANCEL, action_id=update.action_id, at=at, code="cancelled")
    return add_result(
        journal,
        update.failure.event,
        action_id=update.action_id,
        at=at,
        taken=update.taken if update.version else None,
        code=update.failure.code,
        detail=update.failure.detail,
    )


def drop_update(journal: Journal) -> Journal:
    return replace(journal, update=None)
