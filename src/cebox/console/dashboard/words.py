"""The looks of the dashboard's own states: icon, tone and words, one table each."""

from collections.abc import Mapping
from types import MappingProxyType

from cebox.console.dashboard.facts import AttentionKind, SiteState
from cebox.console.web.status import ACTION, BEHIND, NO_ANSWER, Status, Tone
from cebox.console.web.words import mark as _
from cebox.domain.action import ActionState

SITE: Mapping[SiteState, Status] = MappingProxyType(
    {
        SiteState.CLOUD: Status("cloud", Tone.IDLE, _("Straight from the cloud")),
        SiteState.NEVER_SERVED: Status("hourglass-off", Tone.IDLE, _("Serves nothing yet")),
        SiteState.SILENT: NO_ANSWER,
        SiteState.UPDATING: Status("download", Tone.RUN, _("Update under way")),
        SiteState.READY: Status("power", Tone.RUN, _("Ready, restart to finish")),
        SiteState.BEHIND: BEHIND,
        SiteState.AHEAD: Status("flask", Tone.RUN, _("Ahead, on test")),
        SiteState.SAME: Status("circle-check", Tone.OK, _("The same")),
    }
)

ATTENTION: Mapping[AttentionKind, Status] = MappingProxyType(
    {
        AttentionKind.WRS_SILENT: NO_ANSWER,
        AttentionKind.WRS_BEHIND: Status("git-compare", Tone.WARN, _("WRS behind")),
        AttentionKind.FAILED: ACTION[ActionState.FAILED],
        AttentionKind.ROLLED_BACK: ACTION[ActionState.ROLLED_BACK],
        AttentionKind.NO_ANSWER: NO_ANSWER,
    }
)
