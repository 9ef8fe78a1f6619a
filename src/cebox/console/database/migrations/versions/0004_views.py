"""saved views, and what keeps a list of many devices fast: a sort key and covering indexes."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    with op.batch_alter_table("devices") as batch:
        batch.add_column(sa.Column("sort_name", sa.String(length=200), server_default="", nullable=False))
    op.execute("UPDATE devices SET sort_name = lower(name)")
    with op.batch_alter_table("devices") as batch:
        batch.create_index(
            batch.f("ix_devices_account_id_sort_name_id_serial_kind_phase_running"),
            ["account_id", "sort_name", "id", "serial", "kind", "phase", "running"],
        )
        batch.create_index(
            batch.f("ix_devices_account_id_kind_phase_running"), ["account_id", "kind", "phase", "running"]
        )
    with op.batch_alter_table("actions") as batch:
        batch.create_index(batch.f("ix_actions_account_id_state_device_id"), ["account_id", "state", "device_id"])
        batch.create_index(batch.f("ix_actions_device_id_created_at_id"), ["device_id", "created_at", "id"])
    op.create_table(
        "saved_views",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("user_id", sa.String(length=40), nullable=False),
        sa.Column("account_id", sa.String(length=40), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("query", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_saved_views_account_id")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_saved_views_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_saved_views")),
        sa.UniqueConstraint("user_id", "account_id", "name", name=op.f("uq_saved_views_user_id_account_id_name")),
    )
