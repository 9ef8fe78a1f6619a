"""Who would go when, and what stands in the way: a campaign foreseen, as its start carries it out.

The forecasts are those of every other dialog; here the boxes of a site whose WRS comes along are seen behind it, with
the version it will then serve.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from cebox.console.actions.forecast import foretell_in_group
from cebox.console.campaigns.member_repository import find_live_elsewhere
from cebox.console.campaigns.records import Selection
from cebox.console.database.scope import Scope
from cebox.console.devices.query import Query
from cebox.console.devices.records import DeviceFilters, DeviceRecord
from cebox.console.devices.repository import DeviceRepository
from cebox.console.devices.service import list_device_ids
from cebox.console.devices.surroundings import Surroundings, load_surroundings
from cebox.console.releases.service import load_catalogue
from cebox.domain.action import ActionKind
from cebox.domain.campaign_member import Turn, Verdict, judge_turn
from cebox.domain.campaign_rules import CampaignRules
from cebox.domain.campaign_waves import LARGEST_CAMPAIGN, Candidate, Wave, plan_waves
from cebox.domain.device import DeviceKind
from cebox.domain.ids import DeviceId, SiteId
from cebox.domain.preflight import Finding
from cebox.domain.release import Release
from cebox.domain.resolution import SiteServer
from cebox.domain.version import Version
from cebox.errors import InvalidInput

# So many are foretold before others get their turn on the loop.
_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Foreseen:
    """One device of a campaign that has not begun. `download_bytes` is None where nothing is downloaded."""

    id: DeviceId
    name: str
    kind: DeviceKind
    site_id: SiteId | None
    running: Version | None
    verdict: Verdict
    is_on: bool
    download_bytes: int | None

    @property
    def is_sent(self) -> bool:
        """Whether its turn will come: now, or as soon as it is on and free."""
        return self.verdict.turn in (Turn.SEND, Turn.WAIT, Turn.ALREADY_STAGED)


@dataclass(frozen=True, slots=True)
class Plan:
    """`elsewhere` are in another campaign: before they may be in this one, that one ends."""

    version: Version
    waves: tuple[Wave, ...]
    devices: Mapping[DeviceId, Foreseen]
    elsewhere: frozenset[DeviceId]

    @property
    def download_bytes(self) -> int:
        return self.bytes_of(self.devices)

    @property
    def sent_count(self) -> int:
        return sum(one.is_sent for one in self.devices.values())

    def bytes_of(self, device_ids: Iterable[DeviceId]) -> int:
        foreseen = (self.devices[one] for one in device_ids)
        return sum(one.download_bytes or 0 for one in foreseen if one.is_sent)

    def count_kind(self, kind: DeviceKind) -> int:
        return sum(one.kind is kind for one in self.devices.values())


async def find_selected(
    connection: AsyncConnection, scope: Scope, selection: Selection, now: datetime
) -> tuple[DeviceId, ...]:
    """The devices a selection means now. Raises InvalidInput (`campaign_empty`, `campaign_too_large`)."""
    found = dict.fromkeys(selection.device_ids)
    for filters in _list_filters(selection):
        found |= dict.fromkeys(await list_device_ids(connection, scope, filters, LARGEST_CAMPAIGN + 1, now))
    left_out = frozenset(selection.but)
    chosen = tuple(one for one in found if one not in left_out)
    if len(chosen) > LARGEST_CAMPAIGN:
        raise InvalidInput(
            "campaign_too_large",
            f"a campaign is for at most {LARGEST_CAMPAIGN} devices",
            hint="Make one per site, or choose fewer.",
        )
    return chosen


async def foresee(
    connection: AsyncConnection,
    scope: Scope,
    selection: Selection,
    rules: CampaignRules,
    version: Version,
    now: datetime,
) -> Plan:
    """The whole campaign towards `version`, the account's. `scope` is that one account's.

    Raises InvalidInput (`campaign_empty`, `campaign_too_large`).
    """
    repository = DeviceRepository(connection, scope)
    records = await repository.find_many(await find_selected(connection, scope, selection, now))
    if selection.has_servers:
        site_ids = {one.site_id for one in records.values() if one.site_id}
        servers = await repository.find_site_servers(site_ids)
        records |= {wrs.id: wrs for wrs in servers.values() if wrs.id not in selection.but}
    if not records:
        raise InvalidInput("campaign_empty", "no device is chosen", hint="Choose at least one.")
    devices = await _foretell(connection, scope, tuple(records.values()), version, now)
    candidates = [Candidate(one.id, one.name, one.kind, one.site_id) for one in devices.values()]
    waves = plan_waves(candidates, rules.order, rules.shares)
    return Plan(version, waves, devices, frozenset(await find_live_elsewhere(connection, devices)))


def find_led_sites(records: Iterable[DeviceRecord], version: Version) -> dict[SiteId, SiteServer]:
    """The sites whose WRS comes along, with what it will serve when their boxes' turn comes."""
    return {
        one.site_id: SiteServer(version, is_reachable=True)
        for one in records
        if one.kind is DeviceKind.WRS and one.site_id and not _is_beyond(one, version)
    }


def _is_beyond(wrs: DeviceRecord, version: Version) -> bool:
    """It is not brought back to an older version, and goes on serving the newer one."""
    return wrs.slots.running is not None and wrs.slots.running > version


async def _foretell(
    connection: AsyncConnection, scope: Scope, records: Sequence[DeviceRecord], version: Version, now: datetime
) -> dict[DeviceId, Foreseen]:
    releases = await load_catalogue(connection)
    led = find_led_sites(records, version)
    foreseen: dict[DeviceId, Foreseen] = {}
    for start in range(0, len(records), _AT_ONCE):
        batch = records[start : start + _AT_ONCE]
        around = await load_surroundings(connection, scope, batch, now)
        around = replace(around, servers={**around.servers, **led})
        for record in batch:
            foreseen[record.id] = _foresee_one(record, around, releases, version)
        await asyncio.sleep(0)
    return foreseen


def _foresee_one(
    record: DeviceRecord, around: Surroundings, releases: Mapping[Version, Release], version: Version
) -> Foreseen:
    outcome = foretell_in_group(record, around, releases, ActionKind.UPDATE, at_next_start=True)
    assert outcome.forecast is not None
    verdict = judge_turn(outcome.forecast, record.slots, version, is_server_done=False)
    return Foreseen(
        id=record.id,
        name=record.name,
        kind=record.kind,
        site_id=record.site_id,
        running=record.slots.running,
        verdict=verdict,
        is_on=Finding.DEVICE_OFF not in outcome.findings,
        download_bytes=outcome.forecast.download_bytes,
    )


def _list_filters(selection: Selection) -> list[DeviceFilters]:
    filters = [DeviceFilters(site_id=site_id) for site_id in selection.site_ids]
    if selection.where is not None:
        filters.append(Query.parse(selection.where).to_filters())
    return filters
