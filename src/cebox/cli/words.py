"""The words for states and findings; tests hold every table complete."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import TypeVar, cast

from cebox.domain.action import ActionState
from cebox.domain.preflight import Finding
from cebox.domain.resolution import Reason, Source
from cebox.protocol.device import ReportedEvent

ACTION_STATES: Mapping[ActionState, str] = MappingProxyType(
    {
        ActionState.WAITING: "waiting",
        ActionState.SENT: "sent",
        ActionState.DOWNLOADING: "downloading",
        ActionState.STAGED: "installed, waits for a reboot",
        ActionState.REBOOTING: "restarting",
        ActionState.ON_TRIAL: "on trial",
        ActionState.DONE: "done",
        ActionState.REFUSED: "refused",
        ActionState.FAILED: "failed",
        ActionState.ROLLED_BACK: "rolled back",
        ActionState.EXPIRED: "expired",
        ActionState.CANCELLED: "cancelled",
    }
)

FINDINGS: Mapping[Finding, str] = MappingProxyType(
    {
        Finding.DEVICE_OFF: "the device is off",
        Finding.DEVICE_BUSY: "the device is busy with another action",
        Finding.RELEASE_UNKNOWN: "the version is not published",
        Finding.RELEASE_WITHDRAWN: "the version was withdrawn",
        Finding.SLOT_TOO_SMALL: "the image is larger than the device's slot",
        Finding.BELOW_FLOOR: "the version is older than the device may go back to",
        Finding.ALREADY_THERE: "the device runs this version already",
        Finding.ALREADY_STAGED: "the version is installed already and waits for a reboot",
        Finding.ROLLED_BACK_BEFORE: "the device tried this version before and fell back",
        Finding.WOULD_DOWNGRADE: "the version is older than the one that runs",
        Finding.SITE_DECIDES: "the site's WRS decides, not what was asked",
        Finding.WRS_DOWN: "the site's WRS does not answer: the site's version comes from the cloud",
        Finding.WRS_WOULD_SPREAD_TEST: "the site's boxes would take this test version at their next shutdown",
        Finding.WINDOW_CLOSED: "the download begins when the site's download window opens",
        Finding.ALREADY_ON: "the device is on",
        Finding.NO_SITE_WRS: "no WRS stands on the device's site",
        Finding.SITE_WRS_OFF: "the site's WRS is off",
        Finding.LAST_SEEN_AWAY: "the device was last seen away from its site",
        Finding.NO_LAN_ADDRESS: "the device never said which network card it has",
    }
)

SOURCES: Mapping[Source, str] = MappingProxyType({Source.CLOUD: "the cloud", Source.WRS: "the site's WRS"})

REASONS: Mapping[Reason, str] = MappingProxyType(
    {
        Reason.TAG: "the tag asked",
        Reason.ACCOUNT: "the account's version",
        Reason.SITE: "the version its site runs",
        Reason.SITE_WITHOUT_WRS: "the version its site runs, though the WRS does not answer",
    }
)


EVENTS: Mapping[str, str] = MappingProxyType(
    {
        "enrolled": "enrolled",
        "came_on": "came on",
        "went_off": "went off",
        "now_runs": "now runs",
        "reported": "reported",
        ReportedEvent.DOWNLOAD: "began to download",
        ReportedEvent.STAGE: "installed",
        ReportedEvent.REBOOT: "restarts",
        ReportedEvent.TRY: "tries the new version",
        ReportedEvent.FINISH: "done",
        ReportedEvent.REFUSE: "refused",
        ReportedEvent.FAIL: "failed",
        ReportedEvent.ROLL_BACK: "rolled back",
        ReportedEvent.CANCEL: "cancelled",
    }
)

Term = TypeVar("Term", bound=str)


def word(table: Mapping[Term, str], value: str | None) -> str:
    """The word for a value from the console; a value newer than this command stands for itself."""
    return "-" if value is None else table.get(cast(Term, value), value)
