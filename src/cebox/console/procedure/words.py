"""The statuses of steps and stages, and the numbers people know the steps by."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from cebox.console.procedure.records import Place
from cebox.console.web.status import Status, Tone
from cebox.console.web.words import mark as _
from cebox.domain.procedure import Advance, StepKind, StepState

STEP: Mapping[StepState, Status] = MappingProxyType(
    {
        StepState.NOTHING: Status("check", Tone.IDLE, _("Nothing to do")),
        StepState.DONE: Status("circle-check", Tone.OK, _("Done")),
        StepState.OPEN: Status("arrow-right", Tone.RUN, _("To do now")),
        StepState.UNDER_WAY: Status("refresh", Tone.RUN, _("Under way"), is_turning=True),
        StepState.AFTER: Status("clock", Tone.IDLE, _("After the step before")),
        StepState.OFF: Status("moon", Tone.IDLE, _("Off: waits for a start")),
        StepState.TROUBLE: Status("alert-triangle", Tone.WARN, _("Needs attention")),
    }
)

ADVANCE: Mapping[Advance, Status] = MappingProxyType(
    {
        Advance.THERE: Status("circle-check", Tone.OK, _("Done")),
        Advance.AHEAD: Status("circle-check", Tone.OK, _("Above it already")),
        Advance.RESTARTING: Status("refresh", Tone.RUN, _("Restarting"), is_turning=True),
        Advance.READY: Status("power", Tone.RUN, _("Ready, restart to finish")),
        Advance.READY_OFF: Status("moon", Tone.IDLE, _("Ready, tried at its next start")),
        Advance.MOVING: Status("download", Tone.RUN, _("Update under way")),
        Advance.ROLLED_BACK: Status("arrow-back-up", Tone.WARN, _("Rolled back")),
        Advance.FAILED: Status("circle-x", Tone.BAD, _("Failed")),
        Advance.TO_DO: Status("clock", Tone.IDLE, _("To update")),
        Advance.OFF: Status("moon", Tone.IDLE, _("Off")),
    }
)


def list_numbers(places: Iterable[Place]) -> dict[tuple[str | None, StepKind], int]:
    """Steps are counted on each site anew: its first is 1."""
    return {(place.site_id, step.kind): number for place in places for number, step in enumerate(place.steps, start=1)}
