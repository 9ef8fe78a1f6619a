"""The answers of the admin API as its clients read them. Unknown fields are ignored: a newer console may say more."""

from datetime import datetime
from typing import Any, Generic, TypeVar

import msgspec

Item = TypeVar("Item")


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """Base of all answers: immutable, unknown fields ignored."""


class Listing(Answer, Generic[Item], frozen=True, kw_only=True):
    """One piece of a list; `next`, given as `after`, asks for the following one."""

    items: tuple[Item, ...]
    next: str | None = None


class Me(Answer, frozen=True, kw_only=True):
    """Who the token speaks for; `account_id` None is the vendor's people."""

    user_id: str
    email: str
    name: str
    role: str
    account_id: str | None = None


class NewToken(Answer, frozen=True, kw_only=True):
    """`token` is said once."""

    id: str
    token: str


class User(Answer, frozen=True, kw_only=True):
    id: str
    email: str
    name: str
    role: str
    account_id: str | None = None


class Announcement(Answer, frozen=True, kw_only=True):
    id: str
    kind: str
    facts: dict[str, Any]
    created_at: datetime


class Notice(Answer, frozen=True, kw_only=True):
    """Of a restart or shutdown to the people signed in; a countdown of 0 is none."""

    countdown_minutes: int = 5
    postpone_minutes: int = 30
    most_postponements: int = 3


class Account(Answer, frozen=True, kw_only=True):
    id: str
    name: str
    is_vendor: bool
    tag_name: str
    version: str
    phase: str
    created_at: datetime
    notice: Notice = Notice()


class Migration(Answer, frozen=True, kw_only=True):
    id: str
    from_version: str
    to_version: str
    at: datetime


class Migrated(Answer, frozen=True, kw_only=True):
    """`migration` is None when the account was on that version already."""

    account: Account
    migration: Migration | None = None


class Tag(Answer, frozen=True, kw_only=True):
    name: str
    kind: str
    version: str
    account_ids: tuple[str, ...] = ()
    note: str = ""


class Limits(Answer, frozen=True, kw_only=True):
    """Of a site's line to the cloud; None and empty are none. The window is by the clocks of `time_zone`."""

    download_bytes_per_second: int | None = None
    download_window: str = ""
    time_zone: str = "UTC"


class Site(Answer, frozen=True, kw_only=True):
    id: str
    name: str
    networks: tuple[str, ...] = ()
    account_id: str
    limits: Limits = Limits()
    own_limits: Limits | None = None


class KeyUse(Answer, frozen=True, kw_only=True):
    """A device that enrolled with a key."""

    id: str
    name: str


class Key(Answer, frozen=True, kw_only=True):
    """`used_by` names the latest of `used_count` devices."""

    id: str
    name: str
    kind: str
    version: str
    uses_left: int
    expires_at: datetime
    is_revoked: bool
    is_out_of_date: bool
    account_id: str
    created_by_name: str = ""
    used_count: int = 0
    used_by: tuple[KeyUse, ...] = ()
    site_id: str | None = None


class KeySource(Answer, frozen=True, kw_only=True):
    """Where the releases are that keys install; what is there is believed because it is signed, not for this word."""

    repository_url: str
    console_url: str


class NewKey(Answer, frozen=True, kw_only=True):
    """`token` is said once."""

    id: str
    version: str
    expires_at: datetime
    token: str


class Component(Answer, frozen=True, kw_only=True):
    name: str
    version: str


class ReleaseSummary(Answer, frozen=True, kw_only=True):
    """A line of the catalogue. `patch_bytes` maps an earlier version to the download from it."""

    version: str
    floor: str
    built_at: datetime
    image_bytes: int
    full_bytes: int
    patch_bytes: dict[str, int]
    is_withdrawn: bool = False
    notes_fr: str
    notes_en: str


class Release(ReleaseSummary, frozen=True, kw_only=True):
    components: tuple[Component, ...] = ()


class Imported(Answer, frozen=True, kw_only=True):
    """The versions that are new in the catalogue."""

    added: tuple[str, ...] = ()


class Resolution(Answer, frozen=True, kw_only=True):
    """What an update would take, beside what was asked."""

    version: str
    source: str
    reason: str
    asked_version: str
    asked_tag: str | None = None
    is_overruled: bool = False


class Finding(Answer, frozen=True, kw_only=True):
    """One thing worth saying before the click; `severity` is blocks, warns or informs."""

    code: str
    severity: str


class Duration(Answer, frozen=True, kw_only=True):
    """Of a download; `basis` is device, site or limit."""

    seconds: int
    basis: str


class Through(Answer, frozen=True, kw_only=True):
    """The WRS that carries out a start."""

    device_id: str
    name: str


class Forecast(Answer, frozen=True, kw_only=True):
    """Preflight for one device. `admission` is send, queue or refuse; the rest is what an update takes.

    `finalises` is the version a restart puts on trial, `installs` what a shutdown installs first (R10), `begins_at`
    when the site's download window opens.
    """

    kind: str
    admission: str
    found: tuple[Finding, ...] = msgspec.field(default=(), name="findings")
    resolution: Resolution | None = None
    download_bytes: int | None = None
    image_bytes: int | None = None
    finalises: str | None = None
    installs: Resolution | None = None
    begins_at: datetime | None = None
    through: Through | None = None
    duration: Duration | None = None
    spread_count: int = 0

    @property
    def findings(self) -> tuple[str, ...]:
        """Their codes."""
        return tuple(finding.code for finding in self.found)


class Taken(Answer, frozen=True, kw_only=True):
    version: str
    source: str
    reason: str | None = None
    way: str = ""
    wan_bytes: int = 0
    lan_bytes: int = 0


class Action(Answer, frozen=True, kw_only=True):
    id: str
    device_id: str
    kind: str
    state: str
    asked_tag: str | None = None
    asked_version: str | None = None
    taken: Taken | None = None
    code: str = ""
    detail: str = ""
    command_id: str | None = None
    through_id: str | None = None
    at_next_start: bool = False
    is_open: bool = False
    expected_version: str | None = None
    expected_source: str | None = None
    created_by: str = ""
    created_at: datetime
    changed_at: datetime | None = None
    deadline_at: datetime | None = None


class Progress(Answer, frozen=True, kw_only=True):
    version: str
    done_bytes: int
    total_bytes: int
    action_id: str | None = None
    rate_bytes_per_second: int | None = None
    seconds_left: int | None = None
    waits_until: datetime | None = None
    """When the site's download window opens, while the download waits for it."""


class Device(Answer, frozen=True, kw_only=True):
    id: str
    name: str
    kind: str
    is_on: bool
    place: str
    phase: str
    running: str | None = None
    staged: str | None = None
    previous: str | None = None
    failed_versions: tuple[str, ...] = ()
    served: str | None = None
    account_id: str = ""
    account_name: str = ""
    account_version: str = ""
    site_id: str | None = None
    site_name: str | None = None
    serial: str = ""
    slot_bytes: int | None = None
    agent_version: str = ""
    is_behind: bool = False
    enrolled_at: datetime | None = None
    last_seen_at: datetime | None = None
    would_take: Resolution | None = None
    progress: Progress | None = None
    open_actions: tuple[Action, ...] = ()
    last_action: Action | None = None


class DeviceForecast(Forecast, frozen=True, kw_only=True):
    """One device of a group."""

    device_id: str
    name: str


class GroupForecast(Answer, frozen=True, kw_only=True):
    devices: tuple[DeviceForecast, ...]
    unknown_ids: tuple[str, ...] = ()
    download_bytes: int = 0


class GroupRefusal(Answer, frozen=True, kw_only=True):
    device_id: str
    finding: str


class Command(Answer, frozen=True, kw_only=True):
    """A group command and how many of its actions are in each state."""

    id: str
    kind: str
    sent_count: int
    counts: dict[str, int]
    refusals: tuple[GroupRefusal, ...] = ()


class CampaignStop(Answer, frozen=True, kw_only=True):
    """Why a campaign stopped by itself."""

    reason: str
    at: datetime
    facts: dict[str, Any]


class CampaignWave(Answer, frozen=True, kw_only=True):
    number: int
    kind: str
    size: int
    share: str = ""
    site_name: str | None = None
    counts: dict[str, int] = {}


class Campaign(Answer, frozen=True, kw_only=True):
    """`counts` says how many of its devices are in which state; `waiting` is what it waits for while it runs."""

    id: str
    account_id: str
    name: str
    state: str
    version: str | None = None
    counts: dict[str, int] = {}
    anomalies: int = 0
    waiting: str = ""
    waits_until: datetime | None = None
    stop: CampaignStop | None = None
    waves: tuple[CampaignWave, ...] = ()

    @property
    def trouble(self) -> int:
        return sum(self.counts.get(state, 0) for state in ("failed", "rolled_back", "silent", "refused"))


class CampaignDevice(Answer, frozen=True, kw_only=True):
    device_id: str
    name: str
    wave: int
    state: str
    code: str = ""
    from_version: str | None = None


class CampaignForeseen(Answer, frozen=True, kw_only=True):
    """`turn` is what a device's turn will come to."""

    device_id: str
    name: str
    wave: int
    turn: str
    code: str = ""


class CampaignPlannedWave(Answer, frozen=True, kw_only=True):
    number: int
    kind: str
    size: int
    download_bytes: int
    share: str = ""


class CampaignPreview(Answer, frozen=True, kw_only=True):
    version: str
    count: int
    sent_count: int
    download_bytes: int
    waves: tuple[CampaignPlannedWave, ...]
    devices: tuple[CampaignForeseen, ...]
    elsewhere: tuple[str, ...] = ()


class Event(Answer, frozen=True, kw_only=True):
    at: datetime
    kind: str
    facts: dict[str, Any]
