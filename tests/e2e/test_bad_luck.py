"""Real processes that die in the middle: nothing is lost, nothing happens twice, nothing is fetched twice."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cebox.domain.action import ActionState
from cebox.lab import plan
from cebox.lab.hands import Hands, wait_for
from cebox.lab.ledger import Ledger
from cebox.lab.once import prove
from cebox.lab.procedure import CLINIC_FIRST, Procedure
from cebox.lab.vendor import BuiltRelease, Vendor
from cebox.lab.world import World

pytestmark = pytest.mark.timeout(300)
_SLOW_LINE = 150_000


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> list[BuiltRelease]:
    vendor = Vendor(tmp_path_factory.mktemp("vendor"))
    return [vendor.build(planned) for planned in plan.RELEASES]


@pytest.fixture
def carry_out(tmp_path: Path, built: list[BuiltRelease]) -> Callable[[Callable[[Procedure], None]], None]:
    """Runs a story in a world of two boxes on a slow line."""

    def run(story: Callable[[Procedure], None]) -> None:
        world = World(tmp_path / "w", say=lambda _: None, machines=plan.CLINIC, cloud_bytes_per_second=_SLOW_LINE)
        ledger = Ledger()
        asyncio.run(prove(world, ledger, story, lambda: world.vendor.borrow(built)))
        assert ledger.broken == []

    return run


@contextmanager
def in_the_middle_of_an_update(procedure: Procedure) -> Iterator[str]:
    """Send an update, and be there when the first bytes of the release have left the cloud; gives the action's id."""
    sud: Hands = procedure.actors.sud
    operator = procedure.actors.operator.console
    account = next(one for one in operator.list_accounts() if one.name == plan.SUD)
    sud.wait_on([CLINIC_FIRST])
    operator.migrate_account(account.id, str(procedure.new))
    before = procedure.evidence.read_traffic().cloud_bytes
    action = sud.update(CLINIC_FIRST)
    wait_for("the first bytes", lambda: procedure.evidence.read_traffic().cloud_bytes > before)
    assert not is_staged(procedure)
    yield action.id


def is_staged(procedure: Procedure) -> bool:
    other = procedure.read(CLINIC_FIRST).other
    return other is not None and other.version == procedure.new


def count_reports(procedure: Procedure, step: str) -> int:
    """How often the device's history says that `step` was reached."""
    sud = procedure.actors.sud
    events = sud.console.list_events(sud.get_id(CLINIC_FIRST), 100)
    return sum(event.facts.get("event") == step for event in events)


def test_a_console_killed_in_the_middle_of_an_update_misses_nothing(carry_out: Callable[..., None]) -> None:
    def story(procedure: Procedure) -> None:
        with in_the_middle_of_an_update(procedure) as action_id:
            procedure.power(procedure.world.console.kill())
            wait_for("the box to finish without a console", lambda: is_staged(procedure))
            procedure.power(procedure.world.console.start())
            sud = procedure.actors.sud
            action = sud.wait_state(sud.console.get_action(action_id), ActionState.STAGED)
            assert action.state == ActionState.STAGED
            assert sud.reboot_and_finish(CLINIC_FIRST, action).state == ActionState.DONE
            assert procedure.runs(CLINIC_FIRST, procedure.new)
            reports = [count_reports(procedure, step) for step in ("download", "stage", "try", "finish")]
            assert reports == [1, 1, 1, 2], "the reboot order finishes once too"

    carry_out(story)


def test_a_box_that_loses_power_in_the_middle_goes_on_where_it_was(carry_out: Callable[..., None]) -> None:
    def story(procedure: Procedure) -> None:
        machine = procedure.world.get_machine(CLINIC_FIRST)
        running = procedure.read(CLINIC_FIRST).running
        with in_the_middle_of_an_update(procedure) as action_id:
            procedure.power(machine.pull_plug())
            assert procedure.read(CLINIC_FIRST).running == running
            procedure.power(machine.power_on())
            sud = procedure.actors.sud
            action = sud.wait_state(sud.console.get_action(action_id), ActionState.STAGED)
            assert is_staged(procedure)
            assert sud.reboot_and_finish(CLINIC_FIRST, action).state == ActionState.DONE

    carry_out(story)


def test_a_cloud_that_dies_in_the_middle_is_waited_for(carry_out: Callable[..., None]) -> None:
    def story(procedure: Procedure) -> None:
        with in_the_middle_of_an_update(procedure) as action_id:
            procedure.power(procedure.world.repository.kill())
            procedure.power(procedure.world.repository.start())
            sud = procedure.actors.sud
            action = sud.wait_state(sud.console.get_action(action_id), ActionState.STAGED)
            assert action.state == ActionState.STAGED
            assert is_staged(procedure)

    carry_out(story)
