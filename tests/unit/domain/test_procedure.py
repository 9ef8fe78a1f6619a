"""The procedure over the whole table of situations: what is so decides the stage, the steps and what is next."""

from collections import Counter
from dataclasses import replace
from itertools import product

import pytest

from cebox.domain.device import Device, DeviceKind, Place, Slots
from cebox.domain.ids import AccountId, DeviceId
from cebox.domain.migration import Phase
from cebox.domain.procedure import (
    Advance,
    Hindrance,
    Stage,
    StagePlan,
    StepKind,
    StepState,
    find_open,
    judge_advance,
    plan_stage,
    plan_steps,
)
from cebox.domain.version import Version

OLD, NOW, NEXT, LATER = map(Version.parse, ("2026.10.1", "2026.11.1", "2026.12.0", "2027.1.0"))
WITHDRAWN = StagePlan(Stage.TEST, NEXT, Hindrance.RELEASE_WITHDRAWN)
BOX = Device(DeviceId("dev"), AccountId("acc"), DeviceKind.CEBOX, Place.SITE, Slots(NOW), is_on=True)


def states(wrs: Advance | None, *boxes: Advance) -> list[str]:
    return [step.state.value for step in plan_steps(wrs, Counter(boxes))]


@pytest.mark.parametrize(
    ("phase", "tested", "facts", "expected"),
    [
        (Phase.TEST, NEXT, {"box_count": 3}, StagePlan(Stage.TEST, NEXT)),
        (Phase.TEST, NEXT, {}, StagePlan(Stage.TEST, NEXT, Hindrance.NO_BOXES)),
        (Phase.TEST, None, {"box_count": 3}, StagePlan(Stage.TEST, NOW, Hindrance.NO_TAG)),
        (Phase.TEST, OLD, {"box_count": 3}, StagePlan(Stage.TEST, NOW, Hindrance.NO_TAG)),
        (Phase.TEST, None, {"is_tag_gone": True}, StagePlan(Stage.TEST, NOW, Hindrance.TAG_GONE)),
        (Phase.TEST, NEXT, {"is_tag_gone": True, "box_count": 3}, StagePlan(Stage.TEST, NEXT, Hindrance.TAG_GONE)),
        (Phase.TEST, NEXT, {"is_withdrawn": True, "box_count": 3}, WITHDRAWN),
        (Phase.TEST, NEXT, {"is_withdrawn": True, "approved": NEXT}, WITHDRAWN),
        (Phase.TEST, NEXT, {"approved": NEXT, "box_count": 3}, StagePlan(Stage.MIGRATION, NEXT)),
        (Phase.TEST, LATER, {"approved": NEXT, "box_count": 3}, StagePlan(Stage.TEST, LATER)),
        (Phase.MIGRATED, NEXT, {"box_count": 3}, StagePlan(Stage.PRODUCTION, NOW)),
        (Phase.MIGRATED, None, {}, StagePlan(Stage.PRODUCTION, NOW)),
        (Phase.PRODUCTION, LATER, {"approved": LATER}, StagePlan(Stage.PRODUCTION, NOW)),
    ],
)
def test_where_an_account_is_follows_from_what_is_so(
    phase: Phase, tested: Version | None, facts: dict[str, object], expected: StagePlan
) -> None:
    assert plan_stage(phase, NOW, tested, **facts) == expected  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "signs", "advance"),
    [
        ({}, {}, Advance.TO_DO),
        ({"is_on": False}, {}, Advance.OFF),
        ({"slots": Slots(None)}, {}, Advance.TO_DO),
        ({}, {"is_updating": True}, Advance.MOVING),
        ({"slots": Slots(NOW, staged=NEXT)}, {}, Advance.READY),
        ({"slots": Slots(NOW, staged=NEXT), "is_on": False}, {}, Advance.READY_OFF),
        ({"slots": Slots(NOW, staged=OLD)}, {}, Advance.TO_DO),
        ({"slots": Slots(NOW, staged=NEXT), "is_on": False}, {"is_restarting": True}, Advance.RESTARTING),
        ({"slots": Slots(NEXT)}, {"is_restarting": True}, Advance.RESTARTING),
        ({"slots": Slots(NEXT)}, {}, Advance.THERE),
        ({"slots": Slots(NEXT), "is_on": False}, {}, Advance.THERE),
        ({"slots": Slots(NEXT, staged=LATER)}, {"is_updating": True}, Advance.THERE),
        ({"slots": Slots(LATER)}, {}, Advance.AHEAD),
        ({"slots": Slots(LATER), "kind": DeviceKind.WRS}, {}, Advance.TO_DO),
        ({"failed_versions": frozenset({NEXT})}, {}, Advance.ROLLED_BACK),
        ({"failed_versions": frozenset({NEXT}), "is_on": False}, {}, Advance.ROLLED_BACK),
        ({"failed_versions": frozenset({LATER})}, {}, Advance.TO_DO),
        ({}, {"has_failed": True}, Advance.FAILED),
        ({"failed_versions": frozenset({NEXT})}, {"is_updating": True}, Advance.MOVING),
        ({"slots": Slots(NEXT)}, {"has_failed": True}, Advance.THERE),
    ],
)
def test_how_far_a_device_is(changes: dict[str, object], signs: dict[str, bool], advance: Advance) -> None:
    device = replace(BOX, **changes)  # type: ignore[arg-type]
    assert judge_advance(device, NEXT, **signs) is advance


@pytest.mark.parametrize(
    ("wrs", "boxes", "expected"),
    [
        # No WRS: the boxes alone, at once.
        (None, [Advance.TO_DO], ["open", "after"]),
        (None, [Advance.READY], ["done", "open"]),
        (None, [Advance.THERE, Advance.AHEAD], ["done", "done"]),
        (None, [], ["nothing", "nothing"]),
        # The order on a site.
        (Advance.TO_DO, [Advance.TO_DO], ["open", "after", "after", "after"]),
        (Advance.MOVING, [Advance.TO_DO], ["under_way", "after", "after", "after"]),
        (Advance.READY, [Advance.TO_DO], ["done", "open", "after", "after"]),
        (Advance.RESTARTING, [Advance.TO_DO], ["done", "under_way", "after", "after"]),
        (Advance.THERE, [Advance.TO_DO], ["done", "done", "open", "after"]),
        (Advance.THERE, [Advance.MOVING], ["done", "done", "under_way", "after"]),
        (Advance.THERE, [Advance.READY], ["done", "done", "done", "open"]),
        (Advance.THERE, [Advance.RESTARTING], ["done", "done", "done", "under_way"]),
        (Advance.THERE, [Advance.THERE], ["done", "done", "done", "done"]),
        (Advance.THERE, [], ["done", "done", "nothing", "nothing"]),
        # A WRS that is off, failed or fell back holds its boxes.
        (Advance.OFF, [Advance.TO_DO], ["off", "after", "after", "after"]),
        (Advance.READY_OFF, [Advance.TO_DO], ["done", "off", "after", "after"]),
        (Advance.FAILED, [Advance.TO_DO], ["trouble", "trouble", "after", "after"]),
        (Advance.ROLLED_BACK, [Advance.TO_DO], ["trouble", "trouble", "after", "after"]),
        # Half-finished work: what can be done is open, whatever else goes on.
        (Advance.THERE, [Advance.TO_DO, Advance.READY, Advance.THERE], ["done", "done", "open", "open"]),
        (Advance.THERE, [Advance.MOVING, Advance.TO_DO], ["done", "done", "open", "after"]),
        (Advance.THERE, [Advance.OFF, Advance.THERE], ["done", "done", "off", "after"]),
        (Advance.THERE, [Advance.OFF, Advance.FAILED], ["done", "done", "trouble", "after"]),
        (Advance.THERE, [Advance.ROLLED_BACK, Advance.THERE], ["done", "done", "trouble", "trouble"]),
        (Advance.THERE, [Advance.READY_OFF, Advance.THERE], ["done", "done", "done", "off"]),
        # Boxes done by hand before their WRS: they are not undone.
        (Advance.TO_DO, [Advance.THERE], ["open", "after", "done", "done"]),
        (Advance.TO_DO, [Advance.READY], ["open", "after", "done", "open"]),
    ],
)
def test_the_steps_of_a_place(wrs: Advance | None, boxes: list[Advance], expected: list[str]) -> None:
    assert states(wrs, *boxes) == expected


def test_every_mixture_has_an_answer_and_is_done_only_when_all_are_there() -> None:
    for wrs, first, second in product((None, *Advance), Advance, Advance):
        steps = plan_steps(wrs, Counter([first, second]))
        arrived = {Advance.THERE, Advance.AHEAD}
        assert steps[-1].is_settled is ({first, second} <= arrived)
        for step in steps:
            assert 0 <= step.left <= step.total
            assert (step.left == 0) is (step.state is StepState.DONE) or step.kind in (
                StepKind.REBOOT_WRS,
                StepKind.REBOOT_BOXES,
            )
        if wrs is not None and wrs is not Advance.THERE:
            (update_boxes,) = [step for step in steps if step.kind is StepKind.UPDATE_BOXES]
            assert update_boxes.state is not StepState.OPEN


def test_the_one_next_step_is_the_first_that_can_be_done() -> None:
    mixed = plan_steps(Advance.THERE, Counter([Advance.TO_DO, Advance.READY]))
    nothing = plan_steps(Advance.OFF, Counter([Advance.TO_DO]))
    first = find_open(mixed)
    assert first is not None
    assert first.kind is StepKind.UPDATE_BOXES
    assert find_open(nothing) is None
