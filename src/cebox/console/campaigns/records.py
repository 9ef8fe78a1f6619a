"""Campaigns as the console keeps them: the campaign, its waves in numbers, its devices, its events."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from cebox.domain.campaign import ANOMALIES, UNDER_WAY, CampaignState, MemberState
from cebox.domain.campaign_rules import CampaignRules
from cebox.domain.campaign_step import Waiting
from cebox.domain.campaign_waves import WaveKind
from cebox.domain.device import DeviceKind
from cebox.domain.ids import AccountId, ActionId, CampaignId, DeviceId, SiteId
from cebox.domain.version import Version
from cebox.errors import NotFound


@dataclass(frozen=True, slots=True)
class Selection:
    """Which devices a campaign is for, as somebody chose them: by name, by site, or all that a query of the devices
    page finds but some. `where` "" is all of the account. With `has_servers`, the WRS of their sites come too.
    """

    device_ids: tuple[DeviceId, ...] = ()
    site_ids: tuple[SiteId, ...] = ()
    where: str | None = None
    but: tuple[DeviceId, ...] = ()
    has_servers: bool = True


class StopReason(StrEnum):
    """THRESHOLD's facts are wave, anomalies, counted and percent; VERSION_CHANGED's is version."""

    THRESHOLD = "threshold"
    VERSION_CHANGED = "version_changed"
    RELEASE_WITHDRAWN = "release_withdrawn"


@dataclass(frozen=True, slots=True)
class Stop:
    reason: StopReason
    at: datetime
    facts: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Campaign:
    """`version` is None before it starts. `stop` says why it stopped by itself, until it goes on."""

    id: CampaignId
    account_id: AccountId
    name: str
    state: CampaignState
    version: Version | None
    selection: Selection
    rules: CampaignRules
    created_by: str
    created_at: datetime
    started_at: datetime | None
    changed_at: datetime
    over_at: datetime | None
    stop: Stop | None
    waiting: Waiting = Waiting.NOTHING
    waits_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Tally:
    """How many devices are in each state; `counted` and `anomalies` as the automatic stop counts."""

    states: Mapping[MemberState, int] = field(default_factory=dict)
    counted: int = 0
    anomalies: int = 0
    over_at: datetime | None = None

    @property
    def total(self) -> int:
        return sum(self.states.values())

    @property
    def under_way(self) -> int:
        return self._sum(UNDER_WAY)

    @property
    def trouble(self) -> int:
        """All anomalies, whether they count for the stop or not."""
        return self._sum(ANOMALIES)

    def of(self, state: MemberState) -> int:
        return self.states.get(state, 0)

    def _sum(self, states: frozenset[MemberState]) -> int:
        return sum(self.states.get(state, 0) for state in states)


@dataclass(frozen=True, slots=True)
class PlannedWave:
    number: int
    kind: WaveKind
    site_id: SiteId | None
    share: str
    size: int
    begun_at: datetime | None
    over_at: datetime | None
    tally: Tally


@dataclass(frozen=True, slots=True)
class WaveView:
    """A wave and how far it is; `site_name` for one that is a site's."""

    wave: PlannedWave
    site_name: str | None = None

    @property
    def tally(self) -> Tally:
        return self.wave.tally


@dataclass(frozen=True, slots=True)
class CampaignMember:
    """A device in a campaign. `code` says why it ended as it did; `name` and `site_id` are those of the start."""

    campaign_id: CampaignId
    device_id: DeviceId
    name: str
    kind: DeviceKind
    site_id: SiteId | None
    wave: int
    state: MemberState
    code: str
    from_version: Version | None
    update_id: ActionId | None
    reboot_id: ActionId | None
    tries: int
    changed_at: datetime
    over_at: datetime | None
    wan_bytes: int
    lan_bytes: int


class EventKind(StrEnum):
    """What a campaign's history is made of; `facts` are, in this order, those in brackets."""

    STARTED = "started"
    """[devices, version]"""
    WAVE_BEGUN = "wave_begun"
    """[wave, devices]"""
    WAVE_OVER = "wave_over"
    """[wave, done, devices]"""
    STOPPED = "stopped"
    """[reason, and a Stop's]"""
    PAUSED = "paused"
    RESUMED = "resumed"
    """[left_out]"""
    RETRIED = "retried"
    """[devices]"""
    CHANGED = "changed"
    ENDING = "ending"
    """[not_sent]"""
    ENDED = "ended"
    COMPLETED = "completed"


@dataclass(frozen=True, slots=True)
class CampaignEventRecord:
    id: int
    at: datetime
    kind: EventKind
    by: str
    facts: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class CampaignView:
    """A campaign with everything a page shows of it."""

    campaign: Campaign
    tally: Tally
    waves: tuple[WaveView, ...]
    created_by_name: str = ""

    @property
    def current_wave(self) -> WaveView | None:
        """The first that is not over."""
        return next((one for one in self.waves if one.wave.over_at is None), None)


def campaign_unknown(campaign_id: str) -> NotFound:
    """The one answer for a campaign that does not exist and for one that is not the caller's."""
    return NotFound("campaign_unknown", f"no campaign {campaign_id!r}", hint="List the campaigns you see.")
