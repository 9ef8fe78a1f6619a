"""SQL of devices and of their history. Searching them for lists is `listing_repository`'s."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec
from sqlalchemy import Row, Table, and_, bindparam, case, delete, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from cebox.console.accounts.tables import accounts, tags
from cebox.console.database.chunks import chunk_ids
from cebox.console.database.paging import Listed, Page, list_page
from cebox.console.database.scope import Scope
from cebox.console.database.statements import insert_if_absent
from cebox.console.devices.records import DeviceRecord, Event, EventKind
from cebox.console.devices.tables import device_events, devices
from cebox.console.sites.tables import sites
from cebox.domain.device import DeviceKind, Place, Slots
from cebox.domain.ids import AccountId, DeviceId, KeyId, SiteId
from cebox.domain.pace import Rates
from cebox.domain.version import Version
from cebox.protocol.device import BoxPhase, Progress

_RATED = (devices.c.id, devices.c.site_id, devices.c.kind, devices.c.place, devices.c.wrs_reachable)
# `quiet_since` of a device that is noted on.
ALWAYS = datetime(9999, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """A sign of life that changed nothing else. `progress` is None when there is none to write."""

    device_id: DeviceId
    boot: int
    sequence: int
    seen_at: datetime
    progress: Progress | None = None


@dataclass(frozen=True, slots=True)
class AccountFacts:
    name: str
    version: Version


class DeviceRepository:
    def __init__(self, connection: AsyncConnection, scope: Scope) -> None:
        self._connection = connection
        self._scope = scope

    async def find(self, device_id: DeviceId, *, lock: bool = False) -> DeviceRecord | None:
        """With `lock`, nobody else changes this device's row, or sends it anything, before the unit ends."""
        found = await self.find_many([device_id], lock=lock)
        return found.get(device_id)

    async def find_many(self, device_ids: Iterable[DeviceId], *, lock: bool = False) -> dict[DeviceId, DeviceRecord]:
        found: dict[DeviceId, DeviceRecord] = {}
        for chunk in chunk_ids(device_ids):
            statement = select(devices).where(devices.c.id.in_(chunk), self._scope.filter(devices.c.account_id))
            if lock:
                statement = statement.order_by(devices.c.id).with_for_update()
            for row in await self._connection.execute(statement):
                record = make_record(row)
                found[record.id] = record
        return found

    async def find_by_public_key(self, public_key: str) -> DeviceRecord | None:
        statement = select(devices).where(devices.c.public_key == public_key, self._scope.filter(devices.c.account_id))
        row = (await self._connection.execute(statement)).one_or_none()
        return make_record(row) if row else None

    async def find_site_servers(self, site_ids: Iterable[SiteId]) -> dict[SiteId, DeviceRecord]:
        """The WRS of each site that has one."""
        found: dict[SiteId, DeviceRecord] = {}
        for chunk in chunk_ids(site_ids):
            statement = select(devices).where(
                devices.c.site_id.in_(chunk),
                devices.c.kind == DeviceKind.WRS.value,
                self._scope.filter(devices.c.account_id),
            )
            for row in await self._connection.execute(statement):
                found[SiteId(row.site_id)] = make_record(row)
        return found

    async def count_box_versions(self, site_ids: Iterable[SiteId]) -> dict[SiteId, dict[Version, int]]:
        """How many ceBox of each site run which version."""
        counts: dict[SiteId, dict[Version, int]] = {}
        for chunk in chunk_ids(site_ids):
            statement = (
                select(devices.c.site_id, devices.c.running_rank, func.count().label("boxes"))
                .where(
                    devices.c.site_id.in_(chunk),
                    devices.c.kind == DeviceKind.CEBOX.value,
                    devices.c.running_rank > 0,
                    self._scope.filter(devices.c.account_id),
                )
                .group_by(devices.c.site_id, devices.c.running_rank)
            )
            for row in await self._connection.execute(statement):
                counts.setdefault(SiteId(row.site_id), {})[Version.from_rank(row.running_rank)] = row.boxes
        return counts

    async def find_account_facts(self, account_ids: Iterable[AccountId]) -> dict[AccountId, AccountFacts]:
        found: dict[AccountId, AccountFacts] = {}
        for chunk in chunk_ids(account_ids):
            statement = (
                select(accounts.c.id, accounts.c.name, tags.c.version)
                .join(tags, tags.c.name == accounts.c.tag_name)
                .where(accounts.c.id.in_(chunk), self._scope.filter(accounts.c.id))
            )
            for row in await self._connection.execute(statement):
                found[AccountId(row.id)] = AccountFacts(row.name, Version.parse(row.version))
        return found

    async def find_site_names(self, site_ids: Iterable[SiteId]) -> dict[SiteId, str]:
        found: dict[SiteId, str] = {}
        for chunk in chunk_ids(site_ids):
            statement = select(sites.c.id, sites.c.name).where(
                sites.c.id.in_(chunk), self._scope.filter(sites.c.account_id)
            )
            found.update({SiteId(row.id): row.name for row in await self._connection.execute(statement)})
        return found

    async def list_taken_names(self, account_id: AccountId, name: str) -> set[str]:
        """Names of the account that are `name` or begin with it."""
        statement = select(devices.c.name).where(
            devices.c.account_id == account_id, devices.c.name.startswith(name, autoescape=True)
        )
        return set((await self._connection.execute(statement)).scalars())

    async def add(self, values: Mapping[str, Any]) -> None:
        site_names = await self.find_site_names(filter(None, [values["site_id"]]))
        kept = {
            "sort_name": values["name"].lower(),
            "site_sort": next(iter(site_names.values()), "").lower(),
            "quiet_since": values["enrolled_at"],
        }
        await self._connection.execute(insert(devices).values(**values, **kept))

    async def change(self, device_id: DeviceId, values: Mapping[str, Any]) -> None:
        await self._connection.execute(
            update(devices).where(devices.c.id == device_id, self._scope.filter(devices.c.account_id)).values(**values)
        )

    async def remove(self, device_id: DeviceId) -> None:
        """The device and, with it, its history. Its actions are the actions' repository's to forget first."""
        await self._connection.execute(
            delete(devices).where(devices.c.id == device_id, self._scope.filter(devices.c.account_id))
        )

    async def write_heartbeats(self, heartbeats: Sequence[Heartbeat]) -> None:
        """One statement for all, one more for progress. A row that has heard something newer keeps it."""
        newer = or_(
            devices.c.boot < bindparam("b_boot"),
            and_(devices.c.boot == bindparam("b_boot"), devices.c.sequence <= bindparam("b_sequence")),
        )
        its_row = devices.c.id == bindparam("b_id")
        alive = (
            update(devices)
            .where(its_row)
            .values(
                last_seen_at=bindparam("b_seen"),
                boot=case((newer, bindparam("b_boot")), else_=devices.c.boot),
                sequence=case((newer, bindparam("b_sequence")), else_=devices.c.sequence),
            )
        )
        moving = (
            update(devices)
            .where(its_row, newer)
            .values(progress=bindparam("b_progress", type_=devices.c.progress.type))
        )
        if heartbeats:
            rows = [_bind(beat) | {"b_seen": beat.seen_at} for beat in heartbeats]
            await self._connection.execute(alive, rows)
        rows = [
            _bind(beat) | {"b_progress": msgspec.to_builtins(beat.progress)}
            for beat in heartbeats
            if beat.progress is not None
        ]
        if rows:
            await self._connection.execute(moving, rows)
        await self._note_rates(heartbeats)

    async def _note_rates(self, heartbeats: Sequence[Heartbeat]) -> None:
        """How fast each downloads, for it and for its site: what the next forecasts go by."""
        measured = {
            beat.device_id: beat.progress.rate_bytes_per_second
            for beat in heartbeats
            if beat.progress is not None and beat.progress.rate_bytes_per_second
        }
        of_devices: dict[str, list[dict[str, Any]]] = {}
        of_sites: dict[str, dict[str, dict[str, Any]]] = {}
        for chunk in chunk_ids(measured):
            statement = select(*_RATED).where(devices.c.id.in_(chunk), self._scope.filter(devices.c.account_id))
            for row in await self._connection.execute(statement):
                column, rate = _rate_column(row), measured[DeviceId(row.id)]
                of_devices.setdefault(column, []).append({"b_id": row.id, "b_rate": rate})
                if row.site_id and row.place == Place.SITE.value:
                    of_sites.setdefault(column, {})[row.site_id] = {"b_id": row.site_id, "b_rate": rate}
        for column, rows in of_devices.items():
            await self._set_rates(devices, column, rows)
        for column, by_site in of_sites.items():
            await self._set_rates(sites, column, list(by_site.values()))

    async def _set_rates(self, table: Table, column: str, rows: list[dict[str, Any]]) -> None:
        statement = update(table).where(table.c.id == bindparam("b_id")).values({column: bindparam("b_rate")})
        await self._connection.execute(statement, rows)

    async def note_silent(self, heard_before: datetime, limit: int) -> list[tuple[DeviceId, AccountId]]:
        """Mark devices that were noted on and were last heard before `heard_before`; returns those just marked."""
        silent = (
            select(devices.c.id)
            .where(
                devices.c.noted_on,
                or_(devices.c.last_seen_at < heard_before, devices.c.is_leaving),
                self._scope.filter(devices.c.account_id),
            )
            .limit(limit)
        )
        rows = await self._connection.execute(
            update(devices)
            .where(devices.c.id.in_(silent), devices.c.noted_on)
            .values(noted_on=False, quiet_since=func.coalesce(devices.c.last_seen_at, devices.c.enrolled_at))
            .returning(devices.c.id, devices.c.account_id)
        )
        return [(DeviceId(row.id), AccountId(row.account_id)) for row in rows]

    async def add_event(self, values: dict[str, Any]) -> bool:
        """Whether it is new: a result id is noted once per device."""
        return await insert_if_absent(self._connection, device_events, values)

    async def list_events(self, device_id: DeviceId, page: Page) -> Listed[Event]:
        """The newest first."""
        statement = select(device_events).where(
            device_events.c.device_id == device_id, self._scope.filter(device_events.c.account_id)
        )
        return await list_page(self._connection, statement, [device_events.c.id], page, _make_event, is_descending=True)


def _rate_column(row: Any) -> str:
    """A box on the site of a WRS that answers downloads from there; everybody else from the cloud."""
    is_from_wrs = row.kind == DeviceKind.CEBOX.value and row.place == Place.SITE.value and row.wrs_reachable
    return "wrs_rate" if is_from_wrs else "cloud_rate"


def _bind(beat: Heartbeat) -> dict[str, Any]:
    return {"b_id": beat.device_id, "b_boot": beat.boot, "b_sequence": beat.sequence}


def _version(text: str | None) -> Version | None:
    return Version.parse(text) if text else None


def make_record(row: Row[Any]) -> DeviceRecord:
    return DeviceRecord(
        id=DeviceId(row.id),
        account_id=AccountId(row.account_id),
        site_id=SiteId(row.site_id) if row.site_id else None,
        key_id=KeyId(row.key_id) if row.key_id else None,
        kind=DeviceKind(row.kind),
        name=row.name,
        serial=row.serial,
        public_key=row.public_key,
        enrolled_at=row.enrolled_at,
        place=Place(row.place),
        phase=BoxPhase(row.phase),
        slots=Slots(_version(row.running), _version(row.staged), _version(row.previous)),
        failed_versions=frozenset(Version.parse(text) for text in row.failed_versions),
        slot_bytes=row.slot_bytes,
        agent_version=row.agent_version,
        boot=row.boot,
        sequence=row.sequence,
        last_seen_at=row.last_seen_at,
        is_leaving=row.is_leaving,
        noted_on=row.noted_on,
        wrs_reachable=row.wrs_reachable,
        served=_version(row.served),
        server_url=row.server_url,
        progress=msgspec.convert(row.progress, Progress) if row.progress else None,
        lan_addresses=tuple(row.lan_addresses or ()),
        rates=Rates(row.wrs_rate, row.cloud_rate),
    )


def _make_event(row: Row[Any]) -> Event:
    return Event(id=row.id, device_id=DeviceId(row.device_id), at=row.at, kind=EventKind(row.kind), facts=row.facts)
