"""campaigns: their waves, devices and events; commands that a campaign sent."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

_ID = sa.String(length=40)
_WORD = sa.String(length=40)
_NAME = sa.String(length=200)
_VERSION = sa.String(length=32)
_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    with op.batch_alter_table("commands") as batch:
        batch.add_column(sa.Column("campaign_id", _ID, nullable=True))
    _make_campaigns()
    _make_waves()
    _make_members()
    _make_events()


def _make_campaigns() -> None:
    op.create_table(
        "campaigns",
        sa.Column("id", _ID, nullable=False),
        sa.Column("account_id", _ID, nullable=False),
        sa.Column("name", _NAME, nullable=False),
        sa.Column("state", _WORD, nullable=False),
        sa.Column("version", _VERSION, nullable=True),
        sa.Column("selection", sa.JSON(), nullable=False),
        sa.Column("rules", sa.JSON(), nullable=False),
        sa.Column("created_by", _ID, nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("started_at", _TIME, nullable=True),
        sa.Column("changed_at", _TIME, nullable=False),
        sa.Column("over_at", _TIME, nullable=True),
        sa.Column("stop", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("waiting", _WORD, server_default="nothing", nullable=False),
        sa.Column("waits_until", _TIME, nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_campaigns_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_campaigns")),
    )
    op.create_index(op.f("ix_campaigns_account_id_created_at_id"), "campaigns", ["account_id", "created_at", "id"])
    op.create_index(op.f("ix_campaigns_state"), "campaigns", ["state"])


def _make_waves() -> None:
    op.create_table(
        "campaign_waves",
        sa.Column("campaign_id", _ID, nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("kind", _WORD, nullable=False),
        sa.Column("site_id", _ID, nullable=True),
        sa.Column("share", _WORD, server_default="", nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("begun_at", _TIME, nullable=True),
        sa.Column("over_at", _TIME, nullable=True),
        sa.Column("tally", sa.JSON(none_as_null=True), nullable=True),
        _belongs_to_campaign("campaign_waves"),
        sa.PrimaryKeyConstraint("campaign_id", "number", name=op.f("pk_campaign_waves")),
    )


def _make_members() -> None:
    op.create_table(
        "campaign_members",
        sa.Column("campaign_id", _ID, nullable=False),
        sa.Column("device_id", _ID, nullable=False),
        sa.Column("account_id", _ID, nullable=False),
        sa.Column("name", _NAME, nullable=False),
        sa.Column("kind", _WORD, nullable=False),
        sa.Column("site_id", _ID, nullable=True),
        sa.Column("wave", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("state", _WORD, nullable=False),
        sa.Column("code", _NAME, server_default="", nullable=False),
        sa.Column("from_version", _VERSION, nullable=True),
        sa.Column("update_id", _ID, nullable=True),
        sa.Column("reboot_id", _ID, nullable=True),
        sa.Column("tries", sa.Integer(), server_default="0", nullable=False),
        sa.Column("not_before", _TIME, nullable=True),
        sa.Column("is_counted", sa.Boolean(), server_default="0", nullable=False),
        sa.Column("is_live", sa.Boolean(), nullable=False),
        sa.Column("changed_at", _TIME, nullable=False),
        sa.Column("over_at", _TIME, nullable=True),
        sa.Column("wan_bytes", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("lan_bytes", sa.BigInteger(), server_default="0", nullable=False),
        _belongs_to_campaign("campaign_members"),
        sa.PrimaryKeyConstraint("campaign_id", "device_id", name=op.f("pk_campaign_members")),
    )
    live = sa.text("is_live")
    op.create_index(
        "uq_campaign_members_device_id_live",
        "campaign_members",
        ["device_id"],
        unique=True,
        sqlite_where=live,
        postgresql_where=live,
    )
    turns = ["campaign_id", "state", "wave", "position"]
    op.create_index(op.f("ix_campaign_members_campaign_id_state_wave_position"), "campaign_members", turns)
    order = ["campaign_id", "wave", "position", "device_id"]
    op.create_index(op.f("ix_campaign_members_campaign_id_wave_position_device_id"), "campaign_members", order)
    counts = ["campaign_id", "wave", "state", "is_counted", "over_at"]
    op.create_index("ix_campaign_members_counts", "campaign_members", counts)


def _make_events() -> None:
    op.create_table(
        "campaign_events",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("campaign_id", _ID, nullable=False),
        sa.Column("account_id", _ID, nullable=False),
        sa.Column("at", _TIME, nullable=False),
        sa.Column("kind", _WORD, nullable=False),
        sa.Column("by", _ID, nullable=False),
        sa.Column("facts", sa.JSON(), nullable=False),
        _belongs_to_campaign("campaign_events"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_campaign_events")),
    )
    op.create_index(op.f("ix_campaign_events_campaign_id_id"), "campaign_events", ["campaign_id", "id"])


def _belongs_to_campaign(table: str) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{table}_campaign_id")
    return sa.ForeignKeyConstraint(["campaign_id"], ["campaigns.id"], name=name, ondelete="CASCADE")
