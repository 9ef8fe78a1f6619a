"""SQL that counts the devices of a fleet by all that the rules look at.

The many are counted from one index. The few that have something of their own (an action under way, an update that
failed, a release set aside) are looked at and taken out of the many: so 100 000 devices cost what a few thousand index
pages cost. Whether a device is on is here what its history says (`noted_on`), which no heartbeat rewrites.
"""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Subquery,
    Text,
    and_,
    case,
    cast,
    func,
    literal_column,
    not_,
    null,
    or_,
    select,
    true,
    union,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from cebox.console.actions.tables import actions
from cebox.console.database.chunks import chunk_ids
from cebox.console.database.scope import Scope
from cebox.console.devices.classes import Chosen, DeviceClass
from cebox.console.devices.conditions import has_newer
from cebox.console.devices.listing_repository import DeviceListing
from cebox.console.devices.records import DeviceFilters
from cebox.console.devices.tables import HAS_SET_ASIDE, devices
from cebox.domain.action import ActionKind, ActionState
from cebox.domain.device import DeviceKind, Place, Slots
from cebox.domain.ids import AccountId, DeviceId, SiteId
from cebox.domain.version import Version
from cebox.protocol.device import BoxPhase

_MOST_NAMED_CLASSES = 100
_PLAIN = (
    devices.c.account_id,
    devices.c.kind,
    devices.c.site_id,
    devices.c.place,
    devices.c.phase,
    devices.c.running,
    devices.c.staged,
    devices.c.slot_bytes,
    devices.c.noted_on,
)
# What an ordinary device has of its own: no release set aside, nothing under way, nothing failed.
_NOTHING_OWN = ("[]", 0, 0, 0, 0)


class DeviceClassRepository:
    """`with_cards`: whether a device can be called over its network counts too; that costs a look at every device."""

    def __init__(self, connection: AsyncConnection, scope: Scope, now: datetime, *, with_cards: bool = False) -> None:
        self._connection = connection
        self._scope = scope
        self._now = now
        card = _flag(cast(devices.c.lan_addresses, Text) != "[]") if with_cards else literal_column("1")
        self._plain = (*_PLAIN, card)
        self._under_way = self._gather_actions()
        self._own = self._build_own()

    async def count(self, chosen: Chosen, filters: DeviceFilters) -> tuple[DeviceClass, ...]:
        """`filters` count where none are named."""
        counts: Counter[tuple[Any, ...]] = Counter()
        for conditions in await self._list_conditions(chosen, filters):
            for key, many in await self._count(self._plain, devices, conditions):
                counts[*key, *_NOTHING_OWN] += many
            # The first condition is the scope, which theirs have met already; it would lead away from their index.
            for key, many in await self._count((*self._plain, *self._own), self._with_own(), conditions[1:]):
                counts[*key[: len(self._plain)], *_NOTHING_OWN] -= many
                counts[key] += many
        return tuple(_make_class(key, many) for key, many in counts.items() if many > 0)

    async def list_names(
        self, chosen: Chosen, filters: DeviceFilters, classes: Sequence[DeviceClass], limit: int
    ) -> tuple[tuple[DeviceId, str], ...]:
        """The first of these classes' devices, by name."""
        alike = or_(*(self._equals(one) for one in classes[:_MOST_NAMED_CLASSES]))
        found: list[tuple[DeviceId, str]] = []
        for conditions in await self._list_conditions(chosen, filters):
            statement = (
                select(devices.c.id, devices.c.name)
                .select_from(self._with_actions())
                .where(*conditions, alike)
                .order_by(devices.c.sort_name, devices.c.id)
                .limit(limit)
            )
            found += [(DeviceId(row.id), row.name) for row in await self._connection.execute(statement)]
        return tuple(sorted(found, key=lambda one: (one[1].lower(), one[0]))[:limit])

    async def _count(
        self, columns: Sequence[ColumnElement[Any]], source: Any, conditions: Iterable[ColumnElement[bool]]
    ) -> list[tuple[tuple[Any, ...], int]]:
        statement = select(*columns, func.count()).select_from(source).where(*conditions).group_by(*columns)
        return [(tuple(row)[:-1], row[-1]) for row in await self._connection.execute(statement)]

    async def _list_conditions(self, chosen: Chosen, filters: DeviceFilters) -> list[list[ColumnElement[bool]]]:
        """One statement for a query, one for each piece of a list of ids."""
        if chosen.device_ids is not None:
            mine = self._scope.filter(devices.c.account_id)
            return [[mine, devices.c.id.in_(chunk)] for chunk in chunk_ids(chosen.device_ids)]
        conditions = await DeviceListing(self._connection, self._scope, self._now).find_conditions(filters)
        return [[*conditions, *(not_(devices.c.id.in_(chunk)) for chunk in chunk_ids(chosen.but))]]

    def _gather_actions(self) -> Subquery:
        """What is under way, by device: few rows, whatever the size of the fleet."""
        is_start = actions.c.kind == ActionKind.START.value
        is_moving = actions.c.state != ActionState.STAGED.value
        is_update = actions.c.kind == ActionKind.UPDATE.value
        return (
            select(
                actions.c.device_id,
                _any(and_(not_(is_start), is_moving)).label("has_open"),
                _any(and_(is_update, is_moving)).label("is_updating"),
                _any(is_start).label("is_starting"),
            )
            .where(actions.c.is_open == true(), self._scope.filter(actions.c.account_id))
            .group_by(actions.c.device_id)
            .subquery()
        )

    def _select_failed(self) -> Any:
        return select(actions.c.device_id).where(
            self._scope.filter(actions.c.account_id),
            actions.c.state == ActionState.FAILED.value,
            actions.c.kind == ActionKind.UPDATE.value,
            not_(has_newer()),
        )

    def _with_actions(self) -> Any:
        return devices.outerjoin(self._under_way, self._under_way.c.device_id == devices.c.id)

    def _with_own(self) -> Any:
        """Only the devices that have something of their own."""
        set_aside = select(devices.c.id).where(self._scope.filter(devices.c.account_id), HAS_SET_ASIDE)
        own = union(select(self._under_way.c.device_id), self._select_failed(), set_aside).subquery("own")
        theirs = own.join(devices, devices.c.id == own.c.device_id)
        return theirs.outerjoin(self._under_way, self._under_way.c.device_id == devices.c.id)

    def _build_own(self) -> tuple[ColumnElement[Any], ...]:
        under_way = self._under_way.c
        return (
            cast(devices.c.failed_versions, Text),
            func.coalesce(under_way.has_open, 0),
            func.coalesce(under_way.is_updating, 0),
            func.coalesce(under_way.is_starting, 0),
            _flag(devices.c.id.in_(self._select_failed())),
        )

    def _equals(self, one: DeviceClass) -> ColumnElement[bool]:
        pairs = zip((*self._plain, *self._own), one.key, strict=True)
        return and_(*(column.is_(null()) if value is None else column == value for column, value in pairs))


def _flag(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return case((condition, 1), else_=0)


def _any(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return func.max(_flag(condition))


def _make_class(key: tuple[Any, ...], count: int) -> DeviceClass:
    account_id, kind, site_id, place, phase, running, staged, slot_bytes, *flags = key
    noted_on, has_card, failed, has_open, is_updating, is_starting, has_failed = flags
    return DeviceClass(
        account_id=AccountId(account_id),
        site_id=SiteId(site_id) if site_id else None,
        kind=DeviceKind(kind),
        place=Place(place),
        phase=BoxPhase(phase),
        slots=Slots(_version(running), _version(staged)),
        failed_versions=_versions(failed),
        slot_bytes=slot_bytes,
        is_on=bool(noted_on),
        has_open=bool(has_open),
        is_updating=bool(is_updating),
        is_starting=bool(is_starting),
        has_failed=bool(has_failed),
        has_lan_address=bool(has_card),
        count=count,
        key=key,
    )


@lru_cache(4096)
def _version(text: str | None) -> Version | None:
    return Version.parse(text) if text else None


@lru_cache(4096)
def _versions(text: str) -> frozenset[Version]:
    return frozenset(map(Version.parse, json.loads(text)))
