"""what a fleet ran day by day; sort keys and indexes that keep every order and count of 100,000 devices fast."""

import json
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from alembic import op

from cebox.domain.version import Version

revision = "0005"
down_revision = "0004"

_ALWAYS = "9999-01-01 00:00:00.000000"


def upgrade() -> None:
    op.create_table(
        "fleet_history",
        sa.Column("account_id", sa.String(length=40), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("version", sa.String(length=32), nullable=False),
        sa.Column("boxes", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_fleet_history_account_id")),
        sa.PrimaryKeyConstraint("account_id", "day", "version", name=op.f("pk_fleet_history")),
    )
    with op.batch_alter_table("devices") as batch:
        batch.add_column(
            sa.Column("quiet_since", sa.DateTime(timezone=True), server_default="1970-01-01 00:00:00", nullable=False)
        )
        batch.add_column(sa.Column("running_rank", sa.BigInteger(), server_default="0", nullable=False))
        batch.add_column(sa.Column("site_sort", sa.String(length=200), server_default="", nullable=False))
        batch.add_column(sa.Column("fallen_back_rank", sa.BigInteger(), server_default="0", nullable=False))
    _fill()
    _make_indexes()


def _fill() -> None:
    connection = op.get_bind()
    is_sqlite = connection.dialect.name == "sqlite"
    always = f"'{_ALWAYS}'" if is_sqlite else f"'{_ALWAYS}+00'::timestamptz"
    op.execute(f"UPDATE devices SET quiet_since = {always} WHERE noted_on")  # noqa: S608 - a constant
    op.execute("UPDATE devices SET quiet_since = coalesce(last_seen_at, enrolled_at) WHERE NOT noted_on")
    for (running,) in connection.execute(sa.text("SELECT DISTINCT running FROM devices")).all():
        if running:
            _update(
                "UPDATE devices SET running_rank = :rank WHERE running = :running", running=running, rank=_rank(running)
            )
    for site_id, name in connection.execute(sa.text("SELECT id, name FROM sites")).all():
        _update("UPDATE devices SET site_sort = :name WHERE site_id = :id", id=site_id, name=name.lower())
    told = sa.text("SELECT id, running, failed_versions FROM devices WHERE CAST(failed_versions AS TEXT) <> '[]'")
    for device_id, running, failed in connection.execute(told).all():
        versions = json.loads(failed) if isinstance(failed, str) else failed
        above = [rank for rank in map(_rank, versions) if rank > (_rank(running) if running else 0)]
        if above:
            _update("UPDATE devices SET fallen_back_rank = :rank WHERE id = :id", id=device_id, rank=min(above))


def _update(statement: str, **values: Any) -> None:
    named: Mapping[str, Any] = values
    op.get_bind().execute(sa.text(statement), named)


def _rank(version: str) -> int:
    return Version.parse(version).rank


def _make_indexes() -> None:
    fallen_back = sa.text("fallen_back_rank > 0")
    with op.batch_alter_table("devices") as batch:
        batch.drop_index(batch.f("ix_devices_account_id_sort_name_id_serial_kind_phase_running"))
        batch.drop_index(batch.f("ix_devices_account_id_kind_phase_running"))
        for name, columns in (
            (
                "ix_devices_list",
                "account_id sort_name id serial kind phase running_rank place noted_on site_id",
            ),
            ("ix_devices_of_site", "account_id site_id sort_name id"),
            ("ix_devices_by_site", "account_id site_sort id"),
            ("ix_devices_by_version", "account_id running_rank id kind site_id place phase noted_on quiet_since"),
            ("ix_devices_by_sign", "account_id quiet_since id kind noted_on"),
            ("ix_devices_summary", "account_id kind phase running_rank"),
            ("ix_devices_census", "account_id kind site_id place phase running_rank noted_on quiet_since"),
        ):
            batch.create_index(name, columns.split())
        batch.create_index(
            "ix_devices_fallen_back",
            ["account_id", "fallen_back_rank"],
            sqlite_where=fallen_back,
            postgresql_where=fallen_back,
        )
    op.drop_index(op.f("ix_actions_device_id_created_at_id"), "actions")
    op.drop_index(op.f("ix_actions_command_id"), "actions")
    of_command = sa.text("command_id IS NOT NULL")
    op.create_index(
        "ix_actions_of_command",
        "actions",
        ["command_id", "account_id", "state"],
        sqlite_where=of_command,
        postgresql_where=of_command,
    )
    op.create_index(
        op.f("ix_actions_account_id_device_id_created_at_id"),
        "actions",
        ["account_id", "device_id", "created_at", "id"],
    )
    op.create_index(
        "ix_actions_open",
        "actions",
        ["account_id", "device_id", "command_id", "state", "kind"],
        sqlite_where=sa.text("is_open = 1"),
        postgresql_where=sa.text("is_open"),
    )
