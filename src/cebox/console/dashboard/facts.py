"""What the dashboard says, as facts: pages put them into words, the admin API gives them as they are."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from cebox.console.accounts.records import Account
from cebox.console.actions.records import Action, CommandProgress
from cebox.console.announcements.records import Announcement
from cebox.console.devices.records import DeviceRecord
from cebox.console.sites.repository import Site
from cebox.domain.ids import DeviceId, SiteId
from cebox.domain.lateness import Lateness
from cebox.domain.version import Version
from cebox.protocol.device import Progress


@dataclass(frozen=True, slots=True)
class Figures:
    """ceBox only. `unknown`: those that never said what they run; every other one is up to date or behind."""

    boxes: int
    on: int
    away: int
    up_to_date: int
    ahead: int
    behind: int
    unknown: int


class AttentionKind(StrEnum):
    WRS_SILENT = "wrs_silent"
    WRS_BEHIND = "wrs_behind"
    FAILED = "failed"
    ROLLED_BACK = "rolled_back"
    NO_ANSWER = "no_answer"


@dataclass(frozen=True, slots=True)
class AttentionItem:
    """One thing the system will not mend by itself. Of a WRS: `version` is what it serves, `boxes` how many it holds.

    Of another device: `version` is the one it could not take, `running` what it runs, `code` the device's reason.
    """

    kind: AttentionKind
    device_id: DeviceId
    name: str
    site_name: str | None
    since: datetime | None
    version: Version | None = None
    running: Version | None = None
    boxes: int = 0
    code: str = ""


@dataclass(frozen=True, slots=True)
class Attention:
    """`items`: the first of each kind, of `counts` there are; `oldest`: since when the longest of all waits."""

    items: tuple[AttentionItem, ...]
    counts: Mapping[AttentionKind, int]
    oldest: datetime | None

    @property
    def total(self) -> int:
        return sum(self.counts.values())

    def count_unshown(self, kinds: tuple[AttentionKind, ...]) -> int:
        shown = sum(item.kind in kinds for item in self.items)
        return sum(self.counts.get(kind, 0) for kind in kinds) - shown


@dataclass(frozen=True, slots=True)
class LateGroup:
    """`site_id` and `site_name` are set where a WRS holds its site's boxes back; then `version` is what it serves."""

    cause: Lateness
    boxes: int
    site_id: SiteId | None = None
    site_name: str | None = None
    wrs_id: DeviceId | None = None
    version: Version | None = None


class SiteState(StrEnum):
    """How a site's WRS stands against the account's version."""

    CLOUD = "cloud"
    NEVER_SERVED = "never_served"
    SILENT = "silent"
    UPDATING = "updating"
    READY = "ready"
    BEHIND = "behind"
    AHEAD = "ahead"
    SAME = "same"


@dataclass(frozen=True, slots=True)
class SiteLine:
    """`boxes` are those on the site now. `site` None: telework, and whatever belongs to no site."""

    site: Site | None
    wrs: DeviceRecord | None
    state: SiteState
    boxes: int
    behind: int


@dataclass(frozen=True, slots=True)
class Single:
    """An update of one device under way, sent by itself."""

    action: Action
    name: str
    progress: Progress | None


@dataclass(frozen=True, slots=True)
class Running:
    """The newest of what is under way; the counts are of all."""

    commands: tuple[CommandProgress, ...]
    command_count: int
    singles: tuple[Single, ...]
    single_count: int


class SeriesRole(StrEnum):
    """What a line of the plot is, the newest version first."""

    TEST = "test"
    ACCOUNT = "account"
    BEFORE = "before"
    OLDER = "older"


@dataclass(frozen=True, slots=True)
class Series:
    """ceBox day by day, of all versions from `oldest` to `version`."""

    role: SeriesRole
    version: Version
    oldest: Version
    counts: tuple[int, ...]

    @property
    def is_merged(self) -> bool:
        return self.oldest != self.version


@dataclass(frozen=True, slots=True)
class History:
    """`days` without a gap, the last one today; every series has a count for each."""

    days: tuple[date, ...]
    series: tuple[Series, ...]


@dataclass(frozen=True, slots=True)
class Dashboard:
    account: Account
    figures: Figures
    attention: Attention
    running: Running
    late: tuple[LateGroup, ...]
    sites: tuple[SiteLine, ...]
    history: History
    announcements: tuple[Announcement, ...]


@dataclass(frozen=True, slots=True)
class AccountLine:
    """An account as the vendor's people look at many. `problems` waits for a person; `under_way` is updates."""

    account: Account
    boxes: int
    servers: int
    behind: int
    under_way: int
    problems: int
