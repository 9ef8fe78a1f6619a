from pathlib import Path

import pytest

from cebox.agent.runner import WORK
from cebox.agent.states import AT_REST, PHASES, TRANSITIONS, BoxEvent, BoxState, next_state, render_diagram
from cebox.errors import Conflict

DOCUMENT = Path(__file__).parents[3] / "docs/box-states.md"


def test_the_diagram_in_the_documentation_is_drawn_from_the_table() -> None:
    assert DOCUMENT.read_text() == render_diagram()


def test_every_state_is_either_rested_in_or_worked_in() -> None:
    assert set(WORK) | AT_REST == set(BoxState)
    assert not set(WORK) & AT_REST


def test_every_state_can_be_reached_and_left() -> None:
    assert set(TRANSITIONS.values()) == set(BoxState)
    assert {state for state, _ in TRANSITIONS} == set(BoxState)


def test_every_event_is_in_the_table_and_every_state_has_a_phase_for_people() -> None:
    assert {event for _, event in TRANSITIONS} == set(BoxEvent)
    assert set(PHASES) == set(BoxState)


def test_the_running_system_is_replaced_only_through_a_trial() -> None:
    into_commit = {state for (state, event), target in TRANSITIONS.items() if target is BoxState.COMMITTING}
    passed = {state for (state, event) in TRANSITIONS if event is BoxEvent.PASS}
    blessed = {state for (state, event) in TRANSITIONS if event is BoxEvent.COME_UP_BLESSED}

    assert passed == {BoxState.ON_TRIAL}
    assert into_commit == passed | blessed


def test_an_event_that_the_table_does_not_know_is_refused() -> None:
    with pytest.raises(Conflict) as caught:
        next_state(BoxState.IDLE, BoxEvent.COMMIT)
    assert caught.value.code == "box_event_refused"
