"""Orders: accepted once, saved before they are acknowledged, begun when the box is at rest. All pure.

An order the box will not carry out is accepted too: its refusal is a result, and results reach the console.
"""

from collections.abc import Callable

from msgspec.structs import replace

from cebox.agent.box import Step
from cebox.agent.journal import Failure, Journal, Update, add_result, remember_order
from cebox.agent.machine import PowerKind
from cebox.agent.states import AT_REST, UPDATING, BoxEvent, BoxState
from cebox.domain.action import ActionKind
from cebox.domain.version import Version
from cebox.errors import InvalidInput
from cebox.protocol.device import Order, ReportedEvent

RequestPower = Callable[[PowerKind, str | None], Callable[[Journal], Journal]]


def accept_order(journal: Journal, order: Order, *, at: str, request_power: RequestPower) -> Journal:
    """What the journal makes of an order: queued, refused with a result, or known already."""
    is_known = order.id in journal.executed
    journal = remember_order(journal, order.id)
    if is_known:
        return journal
    refusal = _find_refusal(journal, order)
    if refusal is not None:
        code, detail = refusal
        return add_result(journal, ReportedEvent.REFUSE, action_id=order.id, at=at, code=code, detail=detail)
    if order.kind == ActionKind.UPDATE:
        return replace(journal, queue=(*journal.queue, order))
    if order.kind == ActionKind.START:
        return replace(journal, to_wake=(*journal.to_wake, order))
    return request_power(PowerKind(order.kind), order.id)(journal)


def withdraw_order(journal: Journal, order_id: str, *, at: str) -> Journal:
    """Drop an order as long as its release has not been started from; later, or if unknown, nothing happens.

    What is under way is only marked: whoever works on it notices.
    """
    if any(order.id == order_id for order in journal.queue):
        journal = replace(journal, queue=tuple(order for order in journal.queue if order.id != order_id))
        return add_result(journal, ReportedEvent.CANCEL, action_id=order_id, at=at, code="cancelled")
    power, update, staged = journal.power, journal.update, journal.staged
    if power is not None and power.order_id == order_id and not power.is_under_way:
        return add_result(
            replace(journal, power=None), ReportedEvent.CANCEL, action_id=order_id, at=at, code="cancelled"
        )
    if update is not None and update.action_id == order_id:
        return replace(journal, update=replace(update, is_cancelled=True))
    if staged is not None and staged.action_id == order_id and journal.state is BoxState.STAGED:
        return replace(journal, staged=replace(staged, is_cancelled=True))
    return journal


def plan_next(journal: Journal, *, running: Version | None, at: str) -> Step | None:
    """What a box at rest does next; None: it goes on resting."""
    if journal.staged is not None and journal.staged.is_cancelled and journal.state is BoxState.STAGED:
        return Step(BoxEvent.CANCEL)
    if journal.power is not None:
        return _plan_power(journal, running, at)
    if journal.queue:
        return Step(BoxEvent.BEGIN, _begin_queued)
    return None


def plan_leaving(journal: Journal, *, at: str) -> Step:
    """The power request begins: what is reported of it stands in the journal before power goes."""
    assert journal.power is not None
    if journal.power.kind is PowerKind.REBOOT:
        return Step(BoxEvent.RESTART, lambda now: _begin_reboot(now, at))
    return Step(BoxEvent.POWER_OFF, lambda now: _begin_shutdown(now, at))


def note_restart(journal: Journal, *, at: str) -> Journal:
    """Tell that the staged release is about to be started from."""
    staged = journal.staged
    if staged is None or staged.action_id is None:
        return journal
    return add_result(journal, ReportedEvent.REBOOT, action_id=staged.action_id, at=at, turn=staged.trials)


def fail_update(journal: Journal, failure: Failure) -> Journal:
    assert journal.update is not None
    return replace(journal, update=replace(journal.update, failure=failure))


def _find_refusal(journal: Journal, order: Order) -> tuple[str, str] | None:
    if order.kind not in set(ActionKind):
        return "order_unknown", f"this agent knows no order {order.kind!r}"
    if order.kind == ActionKind.START:
        # Whatever a WRS is at, a packet is in nobody's way.
        return None if order.lan_addresses else ("no_lan_address", "the order names no network card")
    is_busy = journal.state not in AT_REST or bool(journal.queue)
    if order.kind == ActionKind.SHUTDOWN:
        is_busy = journal.state not in AT_REST | UPDATING
    if is_busy or journal.power is not None:
        return "device_busy", f"the box is {journal.power.kind if journal.power else journal.state}"
    if order.kind == ActionKind.UPDATE:
        return _find_fault(order)
    return None


def _find_fault(order: Order) -> tuple[str, str] | None:
    try:
        Version.parse(order.version or "")
    except InvalidInput as error:
        return error.code, error.message
    return None


def _plan_power(journal: Journal, running: Version | None, at: str) -> Step:
    power = journal.power
    assert power is not None
    account_version = journal.facts.account_version
    may_update = power.kind is PowerKind.SHUTDOWN and not power.is_planned and journal.state is BoxState.IDLE
    if may_update and running is not None and account_version and running < Version.parse(account_version):
        return Step(BoxEvent.BEGIN, _begin_at_shutdown)
    return plan_leaving(journal, at=at)


def _begin_queued(journal: Journal) -> Journal:
    return replace(journal, update=Update(order=journal.queue[0]), queue=journal.queue[1:])


def _begin_at_shutdown(journal: Journal) -> Journal:
    assert journal.power is not None
    return replace(journal, update=Update(), power=replace(journal.power, is_planned=True))


def _begin_reboot(journal: Journal, at: str) -> Journal:
    power = journal.power
    if power is None:
        return note_restart(journal, at=at)
    if power.order_id is not None:
        journal = add_result(journal, ReportedEvent.REBOOT, action_id=power.order_id, at=at)
    return note_restart(replace(journal, power=replace(power, is_under_way=True)), at=at)


def _begin_shutdown(journal: Journal, at: str) -> Journal:
    power = journal.power
    if power is None:
        return journal
    if power.order_id is not None:
        journal = add_result(journal, ReportedEvent.FINISH, action_id=power.order_id, at=at)
    return replace(journal, power=replace(power, is_under_way=True))
