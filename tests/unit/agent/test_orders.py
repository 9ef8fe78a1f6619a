from collections.abc import Callable

import pytest
from msgspec.structs import replace

from cebox.agent.journal import Facts, Journal, PowerRequest, Staged, Update
from cebox.agent.machine import PowerKind, SlotName
from cebox.agent.orders import accept_order, plan_next, withdraw_order
from cebox.agent.states import AT_REST, BoxEvent, BoxState
from cebox.domain.version import Version
from cebox.protocol.device import Order, ReportedEvent

AT = "2026-11-01T00:00:00Z"
UPDATE = Order(id="u1", kind="update", version="2026.11.2")
REBOOT = Order(id="r1", kind="reboot")
SHUTDOWN = Order(id="s1", kind="shutdown")
FIRST = Version.parse("2026.11.1")


def request_power(kind: PowerKind, order_id: str | None) -> Callable[[Journal], Journal]:
    return lambda now: replace(now, power=PowerRequest(kind=kind, deadline=10.0, order_id=order_id))


def accept(journal: Journal, *orders: Order) -> Journal:
    for order in orders:
        journal = accept_order(journal, order, at=AT, request_power=request_power)
    return journal


def list_told(journal: Journal) -> list[tuple[str | None, str, str]]:
    return [(result.action_id, result.event, result.code) for result in journal.results]


@pytest.mark.parametrize("state", sorted(AT_REST))
def test_an_update_is_queued_by_a_box_at_rest_and_acknowledged(state: BoxState) -> None:
    after = accept(Journal(state=state), UPDATE)
    assert (after.queue, after.to_acknowledge, after.results) == ((UPDATE,), ("u1",), ())


@pytest.mark.parametrize("state", sorted(set(BoxState) - AT_REST))
@pytest.mark.parametrize("order", [UPDATE, REBOOT], ids=["update", "reboot"])
def test_a_busy_box_refuses_and_says_so(state: BoxState, order: Order) -> None:
    after = accept(Journal(state=state), order)

    assert not after.queue
    assert after.power is None
    assert list_told(after) == [(order.id, "refuse", "device_busy")]
    assert after.to_acknowledge == (order.id,)


def test_the_same_order_again_is_only_acknowledged_again() -> None:
    once = replace(accept(Journal(), UPDATE), to_acknowledge=(), queue=())
    again = accept(once, UPDATE)
    assert (again.queue, again.results, again.to_acknowledge) == ((), (), ("u1",))


def test_a_second_update_in_the_same_answer_is_refused() -> None:
    after = accept(Journal(), UPDATE, Order(id="u2", kind="update", version="2026.11.3"))
    assert [order.id for order in after.queue] == ["u1"]
    assert list_told(after) == [("u2", "refuse", "device_busy")]


def test_a_shutdown_is_taken_while_an_update_is_on_its_way() -> None:
    after = accept(Journal(state=BoxState.DOWNLOADING, update=Update(order=UPDATE)), SHUTDOWN)
    assert after.power is not None
    assert after.power.order_id == "s1"


@pytest.mark.parametrize(
    ("order", "code"),
    [
        (Order(id="x", kind="dance"), "order_unknown"),
        (Order(id="x", kind="update"), "version_malformed"),
        (Order(id="x", kind="update", version="../../etc"), "version_malformed"),
    ],
)
def test_an_order_that_makes_no_sense_is_refused_with_its_reason(order: Order, code: str) -> None:
    assert list_told(accept(Journal(), order)) == [("x", "refuse", code)]


def test_a_withdrawn_order_that_has_not_begun_is_dropped() -> None:
    after = withdraw_order(accept(Journal(), UPDATE), "u1", at=AT)
    assert not after.queue
    assert list_told(after) == [("u1", "cancel", "cancelled")]


def test_a_withdrawn_reboot_that_has_not_begun_is_dropped() -> None:
    after = withdraw_order(accept(Journal(), REBOOT), "r1", at=AT)
    assert after.power is None


def test_a_withdrawn_update_on_its_way_is_marked_for_whoever_works_on_it() -> None:
    after = withdraw_order(Journal(state=BoxState.DOWNLOADING, update=Update(order=UPDATE)), "u1", at=AT)
    assert after.update is not None
    assert after.update.is_cancelled


def test_withdrawing_an_unknown_order_changes_nothing() -> None:
    assert withdraw_order(Journal(), "nobody", at=AT) == Journal()


def test_a_box_at_rest_with_nothing_to_do_goes_on_resting() -> None:
    assert plan_next(Journal(), running=FIRST, at=AT) is None


def test_a_queued_update_begins() -> None:
    journal = accept(Journal(), UPDATE)
    step = plan_next(journal, running=FIRST, at=AT)
    assert step is not None
    after = step.change(journal)
    assert step.event is BoxEvent.BEGIN
    assert after.update is not None
    assert (after.update.order, after.queue) == (UPDATE, ())


def test_a_reboot_tells_of_the_staged_release_it_starts() -> None:
    staged = Staged(slot=SlotName.B, version="2026.11.2", sha256="2" * 64, action_id="u1")
    journal = accept(Journal(state=BoxState.STAGED, staged=staged), REBOOT)
    step = plan_next(journal, running=FIRST, at=AT)
    assert step is not None
    after = step.change(journal)
    assert step.event is BoxEvent.RESTART
    assert [(one.action_id, one.event) for one in after.results] == [
        ("r1", ReportedEvent.REBOOT),
        ("u1", ReportedEvent.REBOOT),
    ]


@pytest.mark.parametrize(
    ("account_version", "event"),
    [
        (None, BoxEvent.POWER_OFF),
        ("2026.10.9", BoxEvent.POWER_OFF),
        ("2026.11.1", BoxEvent.POWER_OFF),
        ("2026.11.1-rc.1", BoxEvent.POWER_OFF),
        ("2026.11.2-rc.1", BoxEvent.BEGIN),
        ("2026.11.2", BoxEvent.BEGIN),
    ],
)
def test_r10_only_a_device_below_the_accounts_version_installs_at_shutdown(
    account_version: str | None, event: BoxEvent
) -> None:
    journal = accept(Journal(facts=Facts(account_version=account_version)), SHUTDOWN)
    step = plan_next(journal, running=FIRST, at=AT)
    assert step is not None
    assert step.event is event


def test_r10_is_looked_at_once_per_shutdown() -> None:
    journal = accept(Journal(facts=Facts(account_version="2026.11.2")), SHUTDOWN)
    step = plan_next(journal, running=FIRST, at=AT)
    assert step is not None
    failed = replace(step.change(journal), update=None)
    again = plan_next(failed, running=FIRST, at=AT)
    assert again is not None
    assert again.event is BoxEvent.POWER_OFF
