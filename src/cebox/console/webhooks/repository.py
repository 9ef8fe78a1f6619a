"""SQL of the webhooks."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from cebox.console.database.scope import Scope
from cebox.console.webhooks.tables import webhooks
from cebox.domain.ids import AccountId
from cebox.errors import NotFound


@dataclass(frozen=True, slots=True)
class Webhook:
    """`generation` numbers its secret; until `previous_until` the one before signs too."""

    id: str
    account_id: AccountId
    name: str
    url: str
    is_active: bool
    generation: int
    previous_until: datetime | None
    created_at: datetime

    def list_generations(self, now: datetime) -> tuple[int, ...]:
        """Those that are valid, the newest first."""
        has_previous = self.previous_until is not None and self.previous_until > now
        return (self.generation, self.generation - 1) if has_previous else (self.generation,)


class WebhookRepository:
    def __init__(self, connection: AsyncConnection, scope: Scope) -> None:
        self._connection = connection
        self._scope = scope

    async def add(self, webhook: Webhook, created_by: str) -> None:
        values = {name: getattr(webhook, name) for name in Webhook.__slots__} | {"created_by": created_by}
        await self._connection.execute(insert(webhooks).values(values))

    async def get(self, webhook_id: str, *, for_change: bool = False) -> Webhook:
        """Raises NotFound (`webhook_unknown`)."""
        statement = select(webhooks).where(self._scope.filter(webhooks.c.account_id), webhooks.c.id == webhook_id)
        row = (await self._connection.execute(statement.with_for_update() if for_change else statement)).one_or_none()
        if row is None:
            raise NotFound("webhook_unknown", f"no webhook {webhook_id!r}", hint="List the webhooks you see.")
        return _make_webhook(row)

    async def list_webhooks(self) -> tuple[Webhook, ...]:
        """By name; an account has few."""
        statement = select(webhooks).where(self._scope.filter(webhooks.c.account_id))
        rows = await self._connection.execute(statement.order_by(webhooks.c.name, webhooks.c.id).limit(500))
        return tuple(_make_webhook(row) for row in rows)

    async def count(self) -> int:
        statement = select(func.count()).select_from(webhooks).where(self._scope.filter(webhooks.c.account_id))
        return (await self._connection.execute(statement)).scalar_one()

    async def change(self, webhook_id: str, values: dict[str, Any]) -> None:
        statement = update(webhooks).where(self._scope.filter(webhooks.c.account_id), webhooks.c.id == webhook_id)
        await self._connection.execute(statement.values(values))

    async def remove(self, webhook_id: str) -> bool:
        statement = delete(webhooks).where(self._scope.filter(webhooks.c.account_id), webhooks.c.id == webhook_id)
        return (await self._connection.execute(statement)).rowcount == 1


def _make_webhook(row: Row[Any]) -> Webhook:
    return Webhook(
        id=row.id,
        account_id=AccountId(row.account_id),
        name=row.name,
        url=row.url,
        is_active=row.is_active,
        generation=row.generation,
        previous_until=row.previous_until,
        created_at=row.created_at,
    )
