"""SQL of actions and group commands."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, and_, case, delete, func, insert, not_, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from cebox.console.actions.records import Action, ActionFilters, Command, GroupRefusal, Taken
from cebox.console.actions.tables import actions, commands
from cebox.console.database.chunks import chunk_ids
from cebox.console.database.paging import Listed, Page, list_page
from cebox.console.database.scope import Scope
from cebox.domain.action import ActionKind, ActionState
from cebox.domain.ids import AccountId, ActionId, CampaignId, CommandId, DeviceId, TagName
from cebox.domain.resolution import Reason, Source
from cebox.domain.version import Version

# A device never has more than a handful; a bound keeps one row's damage from becoming everybody's.
MOST_PER_DEVICE = 200


class ActionRepository:
    def __init__(self, connection: AsyncConnection, scope: Scope) -> None:
        self._connection = connection
        self._scope = scope

    async def find(self, action_id: ActionId) -> Action | None:
        if "\0" in action_id:
            return None
        statement = self._select().where(actions.c.id == action_id)
        row = (await self._connection.execute(statement)).one_or_none()
        return make_action(row) if row else None

    async def find_many(self, action_ids: Iterable[ActionId]) -> dict[ActionId, Action]:
        found: dict[ActionId, Action] = {}
        for chunk in chunk_ids(action_ids):
            for row in await self._connection.execute(self._select().where(actions.c.id.in_(chunk))):
                found[ActionId(row.id)] = make_action(row)
        return found

    async def list_of_command(self, command_id: CommandId) -> dict[DeviceId, ActionId]:
        """Whom a command reached, and with which action."""
        statement = select(actions.c.device_id, actions.c.id).where(
            actions.c.command_id == command_id, self._scope.filter(actions.c.account_id)
        )
        return {DeviceId(row.device_id): ActionId(row.id) for row in await self._connection.execute(statement)}

    async def forget(self, device_id: DeviceId) -> None:
        """Remove every action of a device that leaves."""
        await self._connection.execute(
            delete(actions).where(actions.c.device_id == device_id, self._scope.filter(actions.c.account_id))
        )

    async def list_open(self, device_ids: Iterable[DeviceId]) -> dict[DeviceId, tuple[Action, ...]]:
        """The actions under way on each device, the oldest first; no entry for a device without one."""
        found: dict[DeviceId, list[Action]] = {}
        for chunk in chunk_ids(device_ids):
            statement = (
                self._select()
                .where(actions.c.device_id.in_(chunk), actions.c.is_open)
                .order_by(actions.c.created_at, actions.c.id)
            )
            for row in await self._connection.execute(statement):
                found.setdefault(DeviceId(row.device_id), []).append(make_action(row))
        return {device_id: tuple(many) for device_id, many in found.items()}

    async def list_for_exchange(self, device_id: DeviceId, named: Iterable[str] = ()) -> dict[ActionId, Action]:
        """What a device's exchange is about: its open actions, those to withdraw there, those it names; and the starts
        of other devices that it carries out.
        """
        concerned: list[ColumnElement[bool]] = [actions.c.is_open, actions.c.is_withdrawing]
        for names in chunk_ids(named):
            concerned.append(actions.c.id.in_(names))
        statement = (
            self._select()
            .where(or_(actions.c.device_id == device_id, actions.c.through_id == device_id), or_(*concerned))
            .order_by(actions.c.is_open.desc(), actions.c.created_at.desc(), actions.c.id)
            .limit(MOST_PER_DEVICE)
        )
        rows = (await self._connection.execute(statement)).all()
        return {action.id: action for action in sorted(map(make_action, rows), key=lambda one: one.created_at)}

    async def list_last(self, device_ids: Iterable[DeviceId]) -> dict[DeviceId, Action]:
        """The newest action of each device."""
        found: dict[DeviceId, Action] = {}
        for chunk in chunk_ids(device_ids):
            rank = (
                func.row_number()
                .over(partition_by=actions.c.device_id, order_by=(actions.c.created_at.desc(), actions.c.id.desc()))
                .label("rank")
            )
            ranked = (
                select(actions, rank)
                .where(actions.c.device_id.in_(chunk), self._scope.filter(actions.c.account_id))
                .subquery()
            )
            for row in await self._connection.execute(select(ranked).where(ranked.c.rank == 1)):
                found[DeviceId(row.device_id)] = make_action(row)
        return found

    async def list_actions(self, filters: ActionFilters, page: Page) -> Listed[Action]:
        """The newest first."""
        statement = self._select()
        if filters.device_id is not None:
            statement = statement.where(actions.c.device_id == filters.device_id)
        if filters.command_id is not None:
            statement = statement.where(actions.c.command_id == filters.command_id)
        if filters.is_open is not None:
            statement = statement.where(actions.c.is_open == filters.is_open)
        keys = [actions.c.created_at, actions.c.id]
        return await list_page(self._connection, statement, keys, page, make_action, is_descending=True)

    async def add_many(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """One statement per batch."""
        if rows:
            await self._connection.execute(insert(actions), [dict(row) for row in rows])

    async def change(
        self, action_id: ActionId, values: Mapping[str, Any], *, expected: ActionState | None = None
    ) -> bool:
        """False, and nothing changed, when the action is no longer in the `expected` state."""
        statement = update(actions).where(actions.c.id == action_id, self._scope.filter(actions.c.account_id))
        if expected is not None:
            statement = statement.where(actions.c.state == expected.value)
        done = await self._connection.execute(statement.values(revision=actions.c.revision + 1, **values))
        return done.rowcount == 1

    async def acknowledge(self, device_id: DeviceId, action_ids: Sequence[ActionId]) -> None:
        if action_ids:
            await self._connection.execute(
                update(actions)
                .where(
                    or_(actions.c.device_id == device_id, actions.c.through_id == device_id),
                    actions.c.id.in_(action_ids),
                    self._scope.filter(actions.c.account_id),
                )
                .values(is_acknowledged=True)
            )

    async def supersede_staged(self, device_id: DeviceId, newer_id: ActionId, at: datetime) -> None:
        """End the installed updates that a newer one, installed now, has replaced before their restart."""
        await self._connection.execute(
            update(actions)
            .where(
                actions.c.device_id == device_id,
                actions.c.id != newer_id,
                actions.c.is_open,
                actions.c.kind == ActionKind.UPDATE.value,
                actions.c.state == ActionState.STAGED.value,
                self._scope.filter(actions.c.account_id),
            )
            .values(
                state=ActionState.CANCELLED.value,
                is_open=False,
                is_withdrawing=False,
                code="superseded",
                changed_at=at,
                deadline_at=None,
                revision=actions.c.revision + 1,
            )
        )

    async def forget_withdrawals(self, changed_before: datetime) -> None:
        """Stop telling devices of what ended that long ago: whoever never had it never answers."""
        await self._connection.execute(
            update(actions)
            .where(
                actions.c.is_withdrawing,
                not_(actions.c.is_open),
                actions.c.changed_at < changed_before,
                self._scope.filter(actions.c.account_id),
            )
            .values(is_withdrawing=False)
        )

    async def expire(self, now: datetime, limit: int) -> list[tuple[ActionId, DeviceId, AccountId]]:
        """End what is past its deadline; returns it. A box that was to be started and did not come has failed to."""
        is_silent_start = and_(actions.c.kind == ActionKind.START.value, actions.c.state != ActionState.WAITING.value)
        late = (
            select(actions.c.id)
            .where(actions.c.is_open, actions.c.deadline_at <= now, self._scope.filter(actions.c.account_id))
            .limit(limit)
        )
        rows = await self._connection.execute(
            update(actions)
            .where(actions.c.id.in_(late), actions.c.is_open, actions.c.deadline_at <= now)
            .values(
                state=case((is_silent_start, ActionState.FAILED.value), else_=ActionState.EXPIRED.value),
                is_open=False,
                code=case(
                    (actions.c.state == ActionState.WAITING.value, "not_started"),
                    (is_silent_start, "did_not_come_on"),
                    else_="silence",
                ),
                changed_at=now,
                deadline_at=None,
                revision=actions.c.revision + 1,
            )
            .returning(actions.c.id, actions.c.device_id, actions.c.account_id)
        )
        return [(ActionId(row.id), DeviceId(row.device_id), AccountId(row.account_id)) for row in rows]

    async def extend_downloads(self, deadlines: Mapping[ActionId, datetime]) -> None:
        """Progress is a sign of life: a download that moves does not expire."""
        for action_id, deadline_at in deadlines.items():
            await self._connection.execute(
                update(actions)
                .where(
                    actions.c.id == action_id,
                    actions.c.is_open,
                    actions.c.state == ActionState.DOWNLOADING.value,
                    self._scope.filter(actions.c.account_id),
                )
                .values(deadline_at=deadline_at)
            )

    async def add_command(self, command: Command) -> None:
        await self._connection.execute(
            insert(commands).values(
                id=command.id,
                account_id=command.account_id,
                kind=command.kind.value,
                created_by=command.created_by,
                created_at=command.created_at,
                refusals=[{"device_id": one.device_id, "finding": one.finding} for one in command.refusals],
                campaign_id=command.campaign_id,
            )
        )

    async def find_command(self, command_id: CommandId) -> Command | None:
        statement = select(commands).where(commands.c.id == command_id, self._scope.filter(commands.c.account_id))
        row = (await self._connection.execute(statement)).one_or_none()
        return _make_command(row) if row else None

    async def find_running_command(self) -> Command | None:
        """The newest of a person's that still has something under way."""
        open_ones = select(actions.c.command_id).where(
            actions.c.is_open, actions.c.command_id.is_not(None), self._scope.filter(actions.c.account_id)
        )
        statement = (
            select(commands)
            .where(
                commands.c.id.in_(open_ones),
                commands.c.campaign_id.is_(None),
                self._scope.filter(commands.c.account_id),
            )
            .order_by(commands.c.created_at.desc(), commands.c.id.desc())
            .limit(1)
        )
        row = (await self._connection.execute(statement)).one_or_none()
        return _make_command(row) if row else None

    async def list_commands(self, page: Page) -> Listed[Command]:
        """The newest first."""
        statement = select(commands).where(self._scope.filter(commands.c.account_id))
        keys = [commands.c.created_at, commands.c.id]
        return await list_page(self._connection, statement, keys, page, _make_command, is_descending=True)

    async def count_states(self, command_id: CommandId) -> dict[ActionState, int]:
        statement = (
            select(actions.c.state, func.count().label("many"))
            .where(actions.c.command_id == command_id, self._scope.filter(actions.c.account_id))
            .group_by(actions.c.state)
        )
        return {ActionState(row.state): row.many for row in await self._connection.execute(statement)}

    def _select(self) -> Select[Any]:
        return select(actions).where(self._scope.filter(actions.c.account_id))


def _version(text: str | None) -> Version | None:
    return Version.parse(text) if text else None


def make_action(row: Row[Any]) -> Action:
    return Action(
        id=ActionId(row.id),
        account_id=AccountId(row.account_id),
        device_id=DeviceId(row.device_id),
        command_id=CommandId(row.command_id) if row.command_id else None,
        kind=ActionKind(row.kind),
        state=ActionState(row.state),
        is_open=row.is_open,
        is_acknowledged=row.is_acknowledged,
        is_withdrawing=row.is_withdrawing,
        at_next_start=row.at_next_start,
        asked_tag=TagName(row.asked_tag) if row.asked_tag else None,
        asked_version=_version(row.asked_version),
        expected_version=_version(row.expected_version),
        expected_source=Source(row.expected_source) if row.expected_source else None,
        taken=_make_taken(row),
        code=row.code,
        detail=row.detail,
        created_by=row.created_by,
        created_at=row.created_at,
        changed_at=row.changed_at,
        deadline_at=row.deadline_at,
        revision=row.revision,
        through_id=DeviceId(row.through_id) if row.through_id else None,
        lan_addresses=tuple(row.lan_addresses or ()),
    )


def _make_taken(row: Row[Any]) -> Taken | None:
    if row.taken_version is None:
        return None
    return Taken(
        version=Version.parse(row.taken_version),
        source=Source(row.taken_source),
        reason=Reason(row.taken_reason) if row.taken_reason else None,
        way=row.way or "",
        wan_bytes=row.wan_bytes,
        lan_bytes=row.lan_bytes,
    )


def _make_command(row: Row[Any]) -> Command:
    return Command(
        id=CommandId(row.id),
        account_id=AccountId(row.account_id),
        kind=ActionKind(row.kind),
        created_by=row.created_by,
        created_at=row.created_at,
        refusals=tuple(GroupRefusal(DeviceId(one["device_id"]), one["finding"]) for one in row.refusals),
        campaign_id=CampaignId(row.campaign_id) if row.campaign_id else None,
    )
