"""What a device says of its actions, and what it is told: the device's half of an action's life.

Everything here happens inside the device's own exchange, whose unit holds the device's row: two exchanges of one device
come one after the other.
"""

import hashlib
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from cebox.console.actions.asking import read_asked
from cebox.console.actions.records import Action
from cebox.console.actions.repository import ActionRepository
from cebox.console.database.columns import Id, Name
from cebox.console.database.engine import Unit
from cebox.console.database.scope import Scope
from cebox.console.devices.records import DeviceRecord, EventKind
from cebox.console.devices.service import notify_change, record_event
from cebox.domain.action import TERMINAL, ActionEvent, ActionKind, ActionState, find_deadline, is_step, next_state
from cebox.domain.ids import ActionId
from cebox.domain.resolution import Reason, Source
from cebox.domain.version import Version
from cebox.errors import CeboxError, InvalidInput
from cebox.protocol.device import Order, Result, Taken

_LONGEST_DETAIL = 2000
_MOST_BYTES = 2**63 - 1
# After these there is nothing left to withdraw on the device.
_SETTLING = frozenset(
    {
        ActionEvent.REBOOT,
        ActionEvent.TRY,
        ActionEvent.FINISH,
        ActionEvent.REFUSE,
        ActionEvent.FAIL,
        ActionEvent.ROLL_BACK,
        ActionEvent.CANCEL,
    }
)


async def apply_result(
    unit: Unit, device: DeviceRecord, result: Result, action: Action | None, now: datetime
) -> Action | None:
    """Take in one report; returns the action as it is afterwards.

    A repeated report changes nothing. `action` is the one the result names, None when it names none, or none of this
    device: then it is only remembered.
    """
    event = ActionEvent(result.event.value)
    moves = action is not None and is_step(action.state, event)
    facts = _describe(result) | {"is_step": moves}
    is_new = await record_event(
        unit, device.id, device.account_id, EventKind.REPORTED, facts, at=now, result_id=_fit_id(result.id)
    )
    if not is_new:
        return action
    notify_change(unit, device.id, device.account_id)
    if action is None:
        return None
    notify_change(unit, action.device_id, device.account_id)
    repository = ActionRepository(unit.connection, Scope.account(device.account_id))
    await repository.change(action.id, _changes(action, event, result, now))
    if event is ActionEvent.STAGE and action.kind is ActionKind.UPDATE:
        await repository.supersede_staged(device.id, action.id, now)
    return await repository.find(action.id)


async def note_started(unit: Unit, device: DeviceRecord, actions: Iterable[Action], now: datetime) -> None:
    """The device is heard of: whatever was to start it has, or is no longer needed."""
    repository = ActionRepository(unit.connection, Scope.account(device.account_id))
    for action in actions:
        await repository.change(action.id, _step(action.kind, ActionState.DONE, now) | {"is_withdrawing": False})
        notify_change(unit, device.id, device.account_id)


async def acknowledge(unit: Unit, device: DeviceRecord, actions: Iterable[Action], now: datetime) -> None:
    """The device has saved these and will carry them out."""
    repository = ActionRepository(unit.connection, Scope.account(device.account_id))
    fresh = [action for action in actions if not action.is_acknowledged]
    await repository.acknowledge(device.id, [action.id for action in fresh])
    for action in fresh:
        # It holds an order nobody remembers to have delivered: its word counts.
        if action.state is ActionState.WAITING:
            await repository.change(action.id, _step(action.kind, ActionState.SENT, now))
            notify_change(unit, action.device_id, device.account_id)


async def deliver(unit: Unit, device: DeviceRecord, action: Action, now: datetime) -> Action | None:
    """Settle what a waiting action asks for now and count it as sent; None when it can no longer be carried out.

    From here on it is told unchanged until it is acknowledged.
    """
    repository = ActionRepository(unit.connection, Scope.account(device.account_id))
    notify_change(unit, action.device_id, device.account_id)
    asked: dict[str, Any] = {}
    if action.kind is ActionKind.UPDATE:
        try:
            settled = await read_asked(unit.connection, device.account_id, action.asked_tag)
        except CeboxError as error:
            ended = _step(action.kind, ActionState.REFUSED, now) | {"code": error.code, "detail": error.message}
            await repository.change(action.id, ended)
            return None
        asked = {"asked_version": str(settled.version)}
    sent = _step(action.kind, next_state(action.state, ActionEvent.DELIVER), now) | asked
    is_sent = await repository.change(action.id, sent, expected=action.state)
    return await repository.find(action.id) if is_sent else None


def pending_orders(actions: Iterable[Action]) -> tuple[Order, ...]:
    """What a device is told: the same until it acknowledges."""
    return tuple(
        Order(
            id=action.id,
            kind=action.kind.value,
            version=str(action.asked_version) if action.asked_version else None,
            tag=action.asked_tag,
            lan_addresses=action.lan_addresses,
        )
        for action in actions
        if action.is_deliverable and action.state is ActionState.SENT
    )


def pending_withdrawals(actions: Iterable[Action]) -> tuple[ActionId, ...]:
    return tuple(action.id for action in actions if action.is_withdrawing)


def _changes(action: Action, event: ActionEvent, result: Result, now: datetime) -> dict[str, Any]:
    values = _take(result.taken)
    values["is_withdrawing"] = action.is_withdrawing and event not in _SETTLING
    if is_step(action.state, event):
        values |= _step(action.kind, next_state(action.state, event), now)
        values["is_acknowledged"] = True
        values["code"] = clean_text(result.code, Name.length)
        values["detail"] = clean_text(result.detail, _LONGEST_DETAIL)
    return values


def _step(kind: ActionKind, state: ActionState, now: datetime) -> dict[str, Any]:
    deadline = find_deadline(kind, state)
    return {
        "state": state.value,
        "is_open": state not in TERMINAL,
        "changed_at": now,
        "deadline_at": now + deadline if deadline else None,
    }


def _take(taken: Taken | None) -> dict[str, Any]:
    """What a device says it took, as far as it makes sense."""
    if taken is None:
        return {}
    try:
        version, source = Version.parse(taken.version), Source(taken.source)
    except (InvalidInput, ValueError):
        return {}
    return {
        "taken_version": str(version),
        "taken_source": source.value,
        "taken_reason": taken.reason if taken.reason in set(Reason) else None,
        "way": clean_text(taken.way, Name.length),
        "wan_bytes": _fit_bytes(taken.wan_bytes),
        "lan_bytes": _fit_bytes(taken.lan_bytes),
    }


def _describe(result: Result) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "event": result.event.value,
        "action_id": clean_text(result.action_id, Id.length) if result.action_id else None,
        "at": clean_text(result.at, Id.length),
        "code": clean_text(result.code, Name.length),
        "detail": clean_text(result.detail, _LONGEST_DETAIL),
    }
    if result.taken is not None:
        facts |= {
            "version": clean_text(result.taken.version, Id.length),
            "source": clean_text(result.taken.source, Id.length),
            "reason": clean_text(result.taken.reason, Id.length),
            "way": clean_text(result.taken.way, Name.length),
            "wan_bytes": _fit_bytes(result.taken.wan_bytes),
            "lan_bytes": _fit_bytes(result.taken.lan_bytes),
        }
    return facts


def clean_text(text: str, longest: int | None) -> str:
    """A device's words, fit for every engine: no NUL, bounded."""
    return text.replace("\0", "")[:longest]


def _fit_bytes(count: int) -> int:
    return max(0, min(count, _MOST_BYTES))


def _fit_id(result_id: str) -> str:
    """A device may name its results as it likes; what does not fit the column is kept as its hash."""
    if "\0" not in result_id and len(result_id) <= (Id.length or 0):
        return result_id
    return hashlib.sha256(result_id.encode("utf-8", "surrogatepass")).hexdigest()[: Id.length]
