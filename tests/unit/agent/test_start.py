"""What a start makes of the journal, for every state it may find."""

import pytest
from msgspec.structs import replace

from cebox.agent.journal import Failure, Journal, PowerRequest, Staged, Update
from cebox.agent.machine import Boot, PowerKind, SlotContent, SlotName
from cebox.agent.start import Start, begin_boot, plan_start
from cebox.agent.states import TRANSITIONS, UPDATING, BoxState, next_state
from cebox.protocol.device import Order, ReportedEvent

AT = "2026-11-01T00:00:00Z"
OLD = SlotContent("2026.11.1", "1" * 64, 10)
NEW = SlotContent("2026.11.2", "2" * 64, 10)
ORDER = Order(id="u1", kind="update", version="2026.11.2")
STAGED = Staged(slot=SlotName.B, version=NEW.version, sha256=NEW.sha256, action_id="u1")
UPDATE = Update(order=ORDER, version=NEW.version, sha256=NEW.sha256, target=SlotName.B)


def old_runs(*, tries: int | None, is_new_boot: bool = True, entry: SlotContent | None = NEW) -> Start:
    boot = Boot(id="2", slot=SlotName.A, is_blessed=True)
    return Start(boot, is_new_boot, OLD, staged_entry=entry, staged_tries=tries)


def new_runs(*, is_blessed: bool = False, is_new_boot: bool = True) -> Start:
    boot = Boot(id="2", slot=SlotName.B, is_blessed=is_blessed)
    return Start(boot, is_new_boot, NEW, staged_entry=NEW, staged_tries=None if is_blessed else 2)


def take(journal: Journal, start: Start) -> Journal:
    step = plan_start(journal, start, at=AT)
    if step is None:
        return journal
    return replace(step.change(journal), state=next_state(journal.state, step.event))


STARTED_FROM = [BoxState.STAGED, BoxState.REBOOTING, BoxState.POWERING_OFF, BoxState.ON_TRIAL]


@pytest.mark.parametrize("state", STARTED_FROM)
def test_a_staged_release_that_comes_up_is_on_trial(state: BoxState) -> None:
    after = take(Journal(state=state, staged=STAGED), new_runs())

    assert after.state is BoxState.ON_TRIAL
    assert after.staged is not None
    assert after.staged.trials == 1
    assert [result.event for result in after.results] == [ReportedEvent.TRY]


@pytest.mark.parametrize("state", STARTED_FROM)
@pytest.mark.parametrize("start", [old_runs(tries=0), old_runs(tries=None, entry=None)], ids=["used up", "entry gone"])
def test_the_old_system_without_tries_left_means_a_rollback(state: BoxState, start: Start) -> None:
    assert take(Journal(state=state, staged=STAGED), start).state is BoxState.ROLLED_BACK


@pytest.mark.parametrize("state", STARTED_FROM)
def test_the_old_system_chosen_by_hand_leaves_the_release_staged(state: BoxState) -> None:
    assert take(Journal(state=state, staged=STAGED), old_runs(tries=2)).state is BoxState.STAGED


@pytest.mark.parametrize("state", [*STARTED_FROM, BoxState.COMMITTING, BoxState.SERVING])
def test_a_blessed_release_that_comes_up_is_committed(state: BoxState) -> None:
    assert take(Journal(state=state, staged=STAGED), new_runs(is_blessed=True)).state is BoxState.COMMITTING


@pytest.mark.parametrize("state", [*STARTED_FROM, BoxState.COMMITTING])
def test_a_restarted_agent_does_not_take_itself_for_a_restarted_machine(state: BoxState) -> None:
    journal = Journal(state=state, staged=STAGED)
    is_new = state in (BoxState.ON_TRIAL, BoxState.COMMITTING)
    start = new_runs(is_new_boot=False) if is_new else old_runs(tries=3, is_new_boot=False)
    assert take(journal, start) == journal


@pytest.mark.parametrize("state", sorted(UPDATING))
def test_an_ordered_update_goes_on_after_a_power_cut(state: BoxState) -> None:
    after = take(Journal(state=state, update=UPDATE), old_runs(tries=None, entry=None))
    assert (after.state, after.update) == (BoxState.RESOLVING, UPDATE)


def test_an_update_of_a_shutdown_does_not_go_on_by_itself() -> None:
    after = take(Journal(state=BoxState.POWERING_OFF, update=Update()), old_runs(tries=None, entry=None))
    assert (after.state, after.update) == (BoxState.IDLE, None)


def test_power_lost_just_after_staging_leads_to_the_trial() -> None:
    after = take(Journal(state=BoxState.STAGING, update=UPDATE), new_runs())

    assert after.state is BoxState.ON_TRIAL
    assert after.update is None
    assert [result.event for result in after.results] == [ReportedEvent.STAGE, ReportedEvent.TRY]


def test_an_order_that_was_to_replace_a_release_now_on_trial_begins_afterwards() -> None:
    later = Update(order=Order(id="u2", kind="update", version="2026.11.3"))
    after = take(Journal(state=BoxState.RESOLVING, staged=STAGED, update=later), new_runs())

    assert after.state is BoxState.ON_TRIAL
    assert [order.id for order in after.queue] == ["u2"]


def test_a_refusal_that_was_not_told_yet_is_told() -> None:
    refused = Update(
        order=Order(id="u2", kind="update", version="2026.11.3"),
        failure=Failure(event=ReportedEvent.REFUSE, code="below_floor"),
    )
    after = take(Journal(state=BoxState.FAILED, staged=STAGED, update=refused), new_runs())

    assert after.state is BoxState.ON_TRIAL
    assert ("u2", ReportedEvent.REFUSE) in [(result.action_id, result.event) for result in after.results]


def test_a_staged_release_taken_away_just_before_a_power_cut_is_no_rollback() -> None:
    journal = Journal(state=BoxState.RESOLVING, staged=STAGED, update=UPDATE)
    assert take(journal, old_runs(tries=None, entry=None)).state is BoxState.RESOLVING


def test_a_trial_of_which_the_journal_knows_nothing_is_judged_all_the_same() -> None:
    after = take(Journal(), new_runs())

    assert after.state is BoxState.ON_TRIAL
    assert after.staged is not None
    assert (after.staged.version, after.staged.action_id) == (NEW.version, None)


@pytest.mark.parametrize("state", sorted(BoxState))
@pytest.mark.parametrize(
    "start",
    [
        old_runs(tries=0),
        old_runs(tries=2),
        old_runs(tries=None, entry=None),
        new_runs(),
        new_runs(is_blessed=True),
        old_runs(tries=2, is_new_boot=False),
        new_runs(is_new_boot=False),
    ],
)
@pytest.mark.parametrize("has_update", [False, True])
@pytest.mark.parametrize("has_staged", [False, True])
def test_no_start_leaves_the_table_whatever_the_journal_says(
    state: BoxState, start: Start, has_update: bool, has_staged: bool
) -> None:
    journal = Journal(state=state, update=UPDATE if has_update else None, staged=STAGED if has_staged else None)
    step = plan_start(journal, start, at=AT)
    assert step is None or (state, step.event) in TRANSITIONS


def test_a_boot_is_counted_once_and_grows_even_after_the_journal_was_lost() -> None:
    boot = Boot(id="7", slot=SlotName.A, is_blessed=True)
    once = begin_boot(Journal(boot=5), boot, epoch_seconds=1000, at=AT)
    again = begin_boot(once, boot, epoch_seconds=2000, at=AT)

    assert once.boot == 1000
    assert again == once
    assert begin_boot(once, Boot(id="8", slot=SlotName.A, is_blessed=True), epoch_seconds=3, at=AT).boot == 1001


@pytest.mark.parametrize(
    ("kind", "is_under_way", "told"),
    [
        (PowerKind.REBOOT, True, ["finish"]),
        (PowerKind.REBOOT, False, ["finish"]),
        (PowerKind.SHUTDOWN, False, ["finish"]),
        (PowerKind.SHUTDOWN, True, []),
    ],
)
def test_a_start_fulfils_the_power_order_before_it(kind: PowerKind, is_under_way: bool, told: list[str]) -> None:
    power = PowerRequest(kind=kind, deadline=0, order_id="p1", is_under_way=is_under_way)
    after = begin_boot(Journal(power=power), Boot("2", SlotName.A, True), epoch_seconds=1, at=AT)

    assert after.power is None
    assert [result.event for result in after.results] == told
