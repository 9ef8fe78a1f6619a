"""An action's life: one table, every state accounted for."""

from itertools import product

import pytest

from cebox.domain.action import DEADLINES, TERMINAL, TRANSITIONS, ActionEvent, ActionState, is_step, next_state
from cebox.errors import Conflict

GOOD_DAY = (
    (ActionEvent.DELIVER, ActionState.SENT),
    (ActionEvent.DOWNLOAD, ActionState.DOWNLOADING),
    (ActionEvent.STAGE, ActionState.STAGED),
    (ActionEvent.REBOOT, ActionState.REBOOTING),
    (ActionEvent.TRY, ActionState.ON_TRIAL),
    (ActionEvent.FINISH, ActionState.DONE),
)


def test_a_good_day_goes_from_waiting_to_done() -> None:
    state = ActionState.WAITING
    for event, expected in GOOD_DAY:
        state = next_state(state, event)
        assert state is expected


def test_a_box_out_of_touch_may_report_a_later_step_first() -> None:
    assert next_state(ActionState.SENT, ActionEvent.FINISH) is ActionState.DONE
    assert next_state(ActionState.WAITING, ActionEvent.ROLL_BACK) is ActionState.ROLLED_BACK


def test_a_report_never_goes_backwards() -> None:
    assert not is_step(ActionState.STAGED, ActionEvent.DOWNLOAD)
    with pytest.raises(Conflict, match="action_event_refused"):
        next_state(ActionState.STAGED, ActionEvent.DOWNLOAD)


def test_what_has_ended_stays_ended_except_silence_which_the_box_may_correct() -> None:
    for state, event in product(TERMINAL - {ActionState.EXPIRED}, ActionEvent):
        assert (state, event) not in TRANSITIONS
    assert next_state(ActionState.EXPIRED, ActionEvent.FINISH) is ActionState.DONE
    assert next_state(ActionState.EXPIRED, ActionEvent.ROLL_BACK) is ActionState.ROLLED_BACK
    assert (ActionState.EXPIRED, ActionEvent.DELIVER) not in TRANSITIONS


def test_every_state_is_reached_and_every_open_one_can_end_and_has_a_deadline() -> None:
    assert set(TRANSITIONS.values()) | {ActionState.WAITING} == set(ActionState)
    for state in set(ActionState) - TERMINAL:
        assert {TRANSITIONS[state, ActionEvent.EXPIRE], TRANSITIONS[state, ActionEvent.CANCEL]} <= TERMINAL
    assert set(DEADLINES) == set(ActionState) - TERMINAL - {ActionState.WAITING}
