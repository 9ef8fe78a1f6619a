"""SQL of what is chosen for a test."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import Row, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from cebox.console.database.chunks import chunk_ids
from cebox.console.database.scope import Scope
from cebox.console.database.statements import insert_if_absent
from cebox.console.procedure.records import Approval, ProcedureChoice
from cebox.console.procedure.tables import procedure_boxes, procedure_choices
from cebox.domain.ids import AccountId, DeviceId, TagName
from cebox.domain.version import Version


class ProcedureRepository:
    def __init__(self, connection: AsyncConnection, scope: Scope) -> None:
        self._connection = connection
        self._scope = scope

    async def find_choice(self, account_id: AccountId) -> ProcedureChoice:
        """An empty one where nobody has chosen yet."""
        statement = select(procedure_choices).where(
            procedure_choices.c.account_id == account_id, self._scope.filter(procedure_choices.c.account_id)
        )
        row = (await self._connection.execute(statement)).one_or_none()
        return _make_choice(row) if row else ProcedureChoice(account_id)

    async def keep_choice(self, choice: ProcedureChoice) -> None:
        approval = choice.approval
        values = {
            "tag_name": choice.tag_name,
            "approved_version": str(approval.version) if approval else None,
            "approved_by": approval.user_id if approval else None,
            "approved_at": approval.at if approval else None,
            "approval_note": approval.note if approval else "",
        }
        key = {"account_id": choice.account_id}
        if not await insert_if_absent(self._connection, procedure_choices, key | values):
            mine = (
                procedure_choices.c.account_id == choice.account_id,
                self._scope.filter(procedure_choices.c.account_id),
            )
            await self._connection.execute(update(procedure_choices).where(*mine).values(values))

    async def list_box_ids(self, account_id: AccountId) -> tuple[DeviceId, ...]:
        """In the order of their ids."""
        statement = (
            select(procedure_boxes.c.device_id)
            .where(procedure_boxes.c.account_id == account_id, self._scope.filter(procedure_boxes.c.account_id))
            .order_by(procedure_boxes.c.device_id)
        )
        return tuple(DeviceId(one) for one in (await self._connection.execute(statement)).scalars())

    async def add_boxes(self, account_id: AccountId, device_ids: Iterable[DeviceId], at: datetime) -> None:
        rows = [{"account_id": account_id, "device_id": one, "chosen_at": at} for one in device_ids]
        if rows:
            await self._connection.execute(insert(procedure_boxes), rows)

    async def remove_boxes(self, account_id: AccountId, device_ids: Iterable[DeviceId]) -> None:
        for chunk in chunk_ids(device_ids):
            await self._connection.execute(
                delete(procedure_boxes).where(
                    procedure_boxes.c.account_id == account_id,
                    procedure_boxes.c.device_id.in_(chunk),
                    self._scope.filter(procedure_boxes.c.account_id),
                )
            )


def _make_choice(row: Row[Any]) -> ProcedureChoice:
    approval = None
    if row.approved_version is not None:
        version = Version.parse(row.approved_version)
        approval = Approval(version, row.approved_by or "", row.approved_at, row.approval_note)
    return ProcedureChoice(AccountId(row.account_id), TagName(row.tag_name) if row.tag_name else None, approval)
