"""One table for every state a page shows: its icon, its tone and its words. One macro renders it."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from cebox.console.web.words import mark as _
from cebox.domain.action import ActionState
from cebox.domain.announcement import AnnouncementKind, DeliveryState
from cebox.domain.campaign import CampaignState, MemberState
from cebox.domain.migration import Phase
from cebox.domain.preflight import SEVERITY, Finding, Severity
from cebox.protocol.device import BoxPhase


class Tone(StrEnum):
    OK = "ok"
    RUN = "run"
    WARN = "warn"
    BAD = "bad"
    IDLE = "idle"


@dataclass(frozen=True, slots=True)
class Status:
    icon: str
    tone: Tone
    message: str
    is_turning: bool = False


ACTION: Mapping[ActionState, Status] = MappingProxyType(
    {
        ActionState.WAITING: Status("clock", Tone.IDLE, _("Waiting")),
        ActionState.SENT: Status("send", Tone.RUN, _("Sent")),
        ActionState.DOWNLOADING: Status("download", Tone.RUN, _("Downloading")),
        ActionState.STAGED: Status("power", Tone.RUN, _("Ready, restart to finish")),
        ActionState.REBOOTING: Status("refresh", Tone.RUN, _("Restarting"), is_turning=True),
        ActionState.ON_TRIAL: Status("flask", Tone.RUN, _("On trial")),
        ActionState.DONE: Status("circle-check", Tone.OK, _("Done")),
        ActionState.REFUSED: Status("ban", Tone.WARN, _("Refused")),
        ActionState.FAILED: Status("circle-x", Tone.BAD, _("Failed")),
        ActionState.ROLLED_BACK: Status("arrow-back-up", Tone.WARN, _("Rolled back")),
        ActionState.EXPIRED: Status("hourglass-off", Tone.IDLE, _("Expired")),
        ActionState.CANCELLED: Status("x", Tone.IDLE, _("Cancelled")),
    }
)

PRESENCE: Mapping[bool, Status] = MappingProxyType(
    {True: Status("power", Tone.OK, _("On")), False: Status("moon", Tone.IDLE, _("Off"))}
)

BOX: Mapping[BoxPhase, Status] = MappingProxyType(
    {
        BoxPhase.IDLE: Status("check", Tone.IDLE, _("No update")),
        BoxPhase.DOWNLOADING: Status("download", Tone.RUN, _("Downloading")),
        BoxPhase.INSTALLING: Status("pencil", Tone.RUN, _("Writing")),
        BoxPhase.STAGED: Status("power", Tone.RUN, _("Ready, restart to finish")),
        BoxPhase.REBOOTING: Status("refresh", Tone.RUN, _("Restarting"), is_turning=True),
        BoxPhase.ON_TRIAL: Status("flask", Tone.RUN, _("On trial")),
        BoxPhase.SHUTTING_DOWN: Status("moon", Tone.RUN, _("Shutting down")),
    }
)

ACCOUNT_PHASE: Mapping[Phase, Status] = MappingProxyType(
    {
        Phase.TEST: Status("flask", Tone.RUN, _("Test")),
        Phase.MIGRATED: Status("circle-check", Tone.RUN, _("Migrated")),
        Phase.PRODUCTION: Status("circle-check", Tone.OK, _("Production")),
    }
)


class KeyState(StrEnum):
    CURRENT = "current"
    OUT_OF_DATE = "out_of_date"
    REVOKED = "revoked"
    EXPIRED = "expired"
    USED_UP = "used_up"


KEY: Mapping[KeyState, Status] = MappingProxyType(
    {
        KeyState.CURRENT: Status("circle-check", Tone.OK, _("Up to date")),
        KeyState.OUT_OF_DATE: Status("clock-exclamation", Tone.WARN, _("Out of date")),
        KeyState.REVOKED: Status("ban", Tone.IDLE, _("Revoked")),
        KeyState.EXPIRED: Status("hourglass-off", Tone.IDLE, _("Expired")),
        KeyState.USED_UP: Status("check", Tone.IDLE, _("Used up")),
    }
)

ANNOUNCEMENT: Mapping[AnnouncementKind, Status] = MappingProxyType(
    {
        AnnouncementKind.RELEASE: Status("versions", Tone.IDLE, _("Version")),
        AnnouncementKind.WITHDRAWAL: Status("ban", Tone.IDLE, _("Version withdrawn")),
        AnnouncementKind.MIGRATION: Status("route", Tone.IDLE, _("Migration")),
        AnnouncementKind.INFRASTRUCTURE: Status("server-2", Tone.IDLE, _("Infrastructure")),
        AnnouncementKind.MESSAGE: Status("mail", Tone.IDLE, _("Message")),
    }
)

DELIVERY: Mapping[DeliveryState, Status] = MappingProxyType(
    {
        DeliveryState.WAITING: Status("clock", Tone.IDLE, _("To be sent")),
        DeliveryState.SENDING: Status("send", Tone.RUN, _("Being sent")),
        DeliveryState.RETRYING: Status("refresh", Tone.WARN, _("To be tried again")),
        DeliveryState.DELIVERED: Status("circle-check", Tone.OK, _("Delivered")),
        DeliveryState.FAILED: Status("circle-x", Tone.BAD, _("Failed")),
        DeliveryState.CANCELLED: Status("x", Tone.IDLE, _("Not sent")),
    }
)
READ: Mapping[bool, Status] = MappingProxyType(
    {True: Status("mail-opened", Tone.IDLE, _("Read")), False: Status("mail", Tone.RUN, _("Unread"))}
)
CAMPAIGN: Mapping[CampaignState, Status] = MappingProxyType(
    {
        CampaignState.DRAFT: Status("pencil", Tone.IDLE, _("Draft")),
        CampaignState.RUNNING: Status("player-play", Tone.RUN, _("Under way")),
        CampaignState.PAUSED: Status("player-pause", Tone.WARN, _("Paused")),
        CampaignState.STOPPED: Status("hand-stop", Tone.BAD, _("Stopped automatically")),
        CampaignState.ENDING: Status("loader-2", Tone.RUN, _("Ending")),
        CampaignState.ENDED: Status("x", Tone.IDLE, _("Ended early")),
        CampaignState.COMPLETED: Status("circle-check", Tone.OK, _("Completed")),
    }
)

MEMBER: Mapping[MemberState, Status] = MappingProxyType(
    {
        MemberState.PENDING: Status("clock", Tone.IDLE, _("Not sent yet")),
        MemberState.UPDATING: Status("download", Tone.RUN, _("Update under way")),
        MemberState.READY: Status("power", Tone.RUN, _("Ready, restart to finish")),
        MemberState.RESTARTING: Status("refresh", Tone.RUN, _("Restarting"), is_turning=True),
        MemberState.DONE: Status("circle-check", Tone.OK, _("Done")),
        MemberState.FAILED: Status("circle-x", Tone.BAD, _("Failed")),
        MemberState.ROLLED_BACK: Status("arrow-back-up", Tone.WARN, _("Rolled back")),
        MemberState.SILENT: Status("plug-connected-x", Tone.BAD, _("No answer")),
        MemberState.REFUSED: Status("ban", Tone.WARN, _("Refused")),
        MemberState.SKIPPED: Status("arrow-right", Tone.IDLE, _("Skipped")),
        MemberState.WITHDRAWN: Status("x", Tone.IDLE, _("Taken out by hand")),
        MemberState.INSTALLED: Status("power", Tone.IDLE, _("Installed, not restarted")),
        MemberState.NOT_SENT: Status("clock", Tone.IDLE, _("Not sent")),
    }
)


class WaveState(StrEnum):
    TO_COME = "to_come"
    UNDER_WAY = "under_way"
    STOPPED = "stopped"
    OVER = "over"


WAVE: Mapping[WaveState, Status] = MappingProxyType(
    {
        WaveState.TO_COME: Status("clock", Tone.IDLE, _("Not begun")),
        WaveState.UNDER_WAY: Status("player-play", Tone.RUN, _("Under way")),
        WaveState.STOPPED: Status("hand-stop", Tone.BAD, _("Stopped")),
        WaveState.OVER: Status("circle-check", Tone.OK, _("Over")),
    }
)

_SEVERITY_LOOK: Mapping[Severity, tuple[str, Tone]] = MappingProxyType(
    {
        Severity.BLOCKS: ("ban", Tone.BAD),
        Severity.WARNS: ("alert-triangle", Tone.WARN),
        Severity.INFORMS: ("info-circle", Tone.RUN),
    }
)

# Calm on purpose: nothing is broken when a box is off, busy or already there.
_CALM: Mapping[Finding, tuple[str, Tone]] = MappingProxyType(
    {
        Finding.DEVICE_OFF: ("moon", Tone.IDLE),
        Finding.DEVICE_BUSY: ("loader-2", Tone.RUN),
        Finding.ALREADY_THERE: ("circle-check", Tone.OK),
        Finding.ALREADY_STAGED: ("power", Tone.RUN),
        Finding.WINDOW_CLOSED: ("clock", Tone.RUN),
        Finding.ALREADY_ON: ("circle-check", Tone.OK),
        Finding.SITE_WRS_OFF: ("moon", Tone.IDLE),
        Finding.LAST_SEEN_AWAY: ("home", Tone.IDLE),
        Finding.NO_SITE_WRS: ("alert-triangle", Tone.WARN),
        Finding.NO_LAN_ADDRESS: ("alert-triangle", Tone.WARN),
    }
)

_FINDING_WORDS: Mapping[Finding, str] = MappingProxyType(
    {
        Finding.DEVICE_OFF: _("It is off."),
        Finding.DEVICE_BUSY: _("Something is already under way on it."),
        Finding.RELEASE_UNKNOWN: _("This version is not published."),
        Finding.RELEASE_WITHDRAWN: _("This version was withdrawn."),
        Finding.SLOT_TOO_SMALL: _("The image is larger than its slot."),
        Finding.BELOW_FLOOR: _("This version is below the lowest it may go back to."),
        Finding.ALREADY_THERE: _("It already runs this version."),
        Finding.ALREADY_STAGED: _("This version is already installed and waits for a restart."),
        Finding.ROLLED_BACK_BEFORE: _("This version was tried here before and rolled back."),
        Finding.WOULD_DOWNGRADE: _("This version is older than the one it runs."),
        Finding.SITE_DECIDES: _("The site's WRS decides the version, not the tag."),
        Finding.WRS_DOWN: _("The site's WRS does not answer: the same version will come from the cloud."),
        Finding.WRS_WOULD_SPREAD_TEST: _(
            "Other ceBox of the site would take this test version at their next shutdown."
        ),
        Finding.WINDOW_CLOSED: _("The download begins when the download window of the site opens."),
        Finding.ALREADY_ON: _("It is already on."),
        Finding.NO_SITE_WRS: _("No WRS stands on its site: nobody there can start it."),
        Finding.SITE_WRS_OFF: _("The WRS of its site is off: only a WRS that is on can start it."),
        Finding.LAST_SEEN_AWAY: _("It was last seen away from its site: the WRS does not reach it there."),
        Finding.NO_LAN_ADDRESS: _("It never said which network card it has; its agent does so at its next start."),
    }
)


def _build_findings() -> Mapping[Finding, Status]:
    table = {}
    for finding, words in _FINDING_WORDS.items():
        icon, tone = _CALM.get(finding) or _SEVERITY_LOOK[SEVERITY[finding]]
        table[finding] = Status(icon, tone, words)
    return MappingProxyType(table)


FINDING = _build_findings()
WINDOW = Status("clock", Tone.IDLE, _("Waits for the download window"))
BEHIND = Status("git-compare", Tone.WARN, _("Behind"))
NO_ANSWER = Status("plug-connected-x", Tone.BAD, _("No answer"))
WITHDRAWN = Status("ban", Tone.WARN, _("Withdrawn"))
