"""The table of the mirror's phases."""

import pytest

from cebox.errors import Conflict
from cebox.protocol.site import MirrorPhase
from cebox.wrs.phases import TRANSITIONS, MirrorEvent, next_phase, render_diagram


def test_a_preparation_runs_from_idle_to_serving() -> None:
    phase = MirrorPhase.IDLE
    for event in (MirrorEvent.PREPARE, MirrorEvent.COMPLETE, MirrorEvent.SERVE):
        phase = next_phase(phase, event)
    assert phase is MirrorPhase.IDLE


def test_a_new_order_is_taken_in_every_phase() -> None:
    assert {next_phase(phase, MirrorEvent.PREPARE) for phase in MirrorPhase} == {MirrorPhase.FETCHING}


@pytest.mark.parametrize("phase", [MirrorPhase.IDLE, MirrorPhase.FETCHING, MirrorPhase.FAILED])
def test_only_a_prepared_mirror_switches(phase: MirrorPhase) -> None:
    with pytest.raises(Conflict) as raised:
        next_phase(phase, MirrorEvent.SERVE)
    assert raised.value.code == "not_prepared"
    assert raised.value.hint


def test_an_event_out_of_place_is_refused() -> None:
    with pytest.raises(Conflict) as raised:
        next_phase(MirrorPhase.IDLE, MirrorEvent.COMPLETE)
    assert raised.value.code == "mirror_phase_conflict"


def test_the_diagram_shows_every_transition() -> None:
    assert render_diagram().count("-->") == len(TRANSITIONS) + 1
