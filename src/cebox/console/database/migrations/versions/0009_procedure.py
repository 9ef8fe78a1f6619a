"""what is chosen for a test, starting over the site's network, how fast downloads were, boot images in forecasts."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"

_FROM = ("wrs_rate", "cloud_rate")


def upgrade() -> None:
    with op.batch_alter_table("devices") as batch:
        batch.add_column(sa.Column("lan_addresses", sa.JSON(), nullable=True))
        for name in _FROM:
            batch.add_column(sa.Column(name, sa.BigInteger(), nullable=True))
    alike = ["account_id", "kind", "site_id", "place", "phase", "running", "staged", "slot_bytes", "noted_on"]
    op.create_index("ix_devices_alike", "devices", alike)
    where = sa.text("CAST(failed_versions AS TEXT) <> '[]'")
    op.create_index("ix_devices_set_aside", "devices", ["account_id"], sqlite_where=where, postgresql_where=where)
    with op.batch_alter_table("sites") as batch:
        for name in _FROM:
            batch.add_column(sa.Column(name, sa.BigInteger(), nullable=True))
    with op.batch_alter_table("actions") as batch:
        batch.add_column(sa.Column("through_id", sa.String(length=40), nullable=True))
        batch.add_column(sa.Column("lan_addresses", sa.JSON(), nullable=True))
        batch.create_index(batch.f("ix_actions_through_id"), ["through_id"])
    with op.batch_alter_table("releases") as batch:
        batch.add_column(sa.Column("boot_bytes", sa.BigInteger(), server_default="0", nullable=False))
        batch.add_column(sa.Column("boot_patch_bytes", sa.JSON(), nullable=True))
    op.create_table(
        "procedure_choices",
        sa.Column("account_id", sa.String(length=40), nullable=False),
        sa.Column("tag_name", sa.String(length=200), nullable=True),
        sa.Column("approved_version", sa.String(length=32), nullable=True),
        sa.Column("approved_by", sa.String(length=40), nullable=True),
        sa.Column("approved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("approval_note", sa.Text(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_procedure_choices_account_id")),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_procedure_choices")),
    )
    op.create_table(
        "procedure_boxes",
        sa.Column("account_id", sa.String(length=40), nullable=False),
        sa.Column("device_id", sa.String(length=40), nullable=False),
        sa.Column("chosen_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_procedure_boxes_account_id")),
        sa.ForeignKeyConstraint(
            ["device_id"], ["devices.id"], name=op.f("fk_procedure_boxes_device_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("account_id", "device_id", name=op.f("pk_procedure_boxes")),
    )
    op.create_index(op.f("ix_procedure_boxes_device_id"), "procedure_boxes", ["device_id"])
