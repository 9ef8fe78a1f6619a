"""A WRS's part in starting its site's boxes: what the console ordered is saved, sent, and told."""

from functools import partial

import structlog
from msgspec.structs import replace

from cebox.agent.box import Box
from cebox.agent.journal import Journal, add_result
from cebox.errors import CeboxError
from cebox.protocol.device import Order, ReportedEvent

_log = structlog.get_logger()


def wake_machines(box: Box) -> None:
    """Send the packets that were ordered. Cut short, it begins again: a packet too many starts nobody twice."""
    for order in box.journal.now.to_wake:
        failure = _send(box, order)
        _log.info("woken", action_id=order.id, code=failure.code if failure else "")
        box.journal.change(partial(_settle, order=order, failure=failure, at=box.stamp()))
        box.live.changed.set()


def _send(box: Box, order: Order) -> CeboxError | None:
    """None when the packets are on their way."""
    site = box.facts.site
    try:
        for address in order.lan_addresses:
            box.machine.lan.wake(address, site.networks if site else ())
    except CeboxError as error:
        return error
    return None


def _settle(journal: Journal, *, order: Order, failure: CeboxError | None, at: str) -> Journal:
    journal = replace(journal, to_wake=tuple(one for one in journal.to_wake if one.id != order.id))
    if failure is None:
        return add_result(journal, ReportedEvent.REBOOT, action_id=order.id, at=at)
    return add_result(journal, ReportedEvent.FAIL, action_id=order.id, at=at, code=failure.code, detail=failure.message)
