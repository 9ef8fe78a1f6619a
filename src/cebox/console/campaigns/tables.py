"""Campaigns, their waves, the devices in them, and what happened to them.

A device's row outlives the device: it is part of a report. Hence no foreign key to devices and actions.
"""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    Table,
    text,
)

from cebox.console.database.columns import Id, Name, UtcDateTime, VersionText, Word, metadata

_IS_LIVE = text("is_live")

campaigns = Table(
    "campaigns",
    metadata,
    Column("id", Id, primary_key=True),
    Column("account_id", Id, ForeignKey("accounts.id"), nullable=False),
    Column("name", Name, nullable=False),
    Column("state", Word, nullable=False),
    # The account's when it started; None for a draft.
    Column("version", VersionText),
    Column("selection", JSON, nullable=False),
    Column("rules", JSON, nullable=False),
    Column("created_by", Id, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("started_at", UtcDateTime),
    Column("changed_at", UtcDateTime, nullable=False),
    Column("over_at", UtcDateTime),
    # Why it stopped by itself: {"reason", …}.
    Column("stop", JSON(none_as_null=True)),
    # What it waits for, as last found.
    Column("waiting", Word, nullable=False, server_default="nothing"),
    Column("waits_until", UtcDateTime),
    Index(None, "account_id", "created_at", "id"),
    Index(None, "state"),
)

campaign_waves = Table(
    "campaign_waves",
    metadata,
    Column("campaign_id", Id, ForeignKey("campaigns.id", ondelete="CASCADE"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("kind", Word, nullable=False),
    Column("site_id", Id),
    Column("share", Word, nullable=False, server_default=""),
    Column("size", Integer, nullable=False),
    Column("begun_at", UtcDateTime),
    Column("over_at", UtcDateTime),
    # How many of its devices are in which state, counted again after each change of one of them.
    Column("tally", JSON(none_as_null=True)),
)

campaign_members = Table(
    "campaign_members",
    metadata,
    Column("campaign_id", Id, ForeignKey("campaigns.id", ondelete="CASCADE"), primary_key=True),
    Column("device_id", Id, primary_key=True),
    Column("account_id", Id, nullable=False),
    Column("name", Name, nullable=False),
    Column("kind", Word, nullable=False),
    Column("site_id", Id),
    Column("wave", Integer, nullable=False),
    Column("position", Integer, nullable=False),
    Column("state", Word, nullable=False),
    # Why it ended as it did.
    Column("code", Name, nullable=False, server_default=""),
    Column("from_version", VersionText),
    Column("update_id", Id),
    Column("reboot_id", Id),
    Column("tries", Integer, nullable=False, server_default="0"),
    # Looked at again from then on: it was busy, or never got what was sent.
    Column("not_before", UtcDateTime),
    # Whether the automatic stop counts it.
    Column("is_counted", Boolean, nullable=False, server_default="0"),
    Column("is_live", Boolean, nullable=False),
    Column("changed_at", UtcDateTime, nullable=False),
    Column("over_at", UtcDateTime),
    Column("wan_bytes", BigInteger, nullable=False, server_default="0"),
    Column("lan_bytes", BigInteger, nullable=False, server_default="0"),
    # A device is in one campaign at a time, whoever starts two at the same moment.
    Index(
        "uq_campaign_members_device_id_live",
        "device_id",
        unique=True,
        sqlite_where=_IS_LIVE,
        postgresql_where=_IS_LIVE,
    ),
    Index(None, "campaign_id", "wave", "position", "device_id"),
    # Whose turn is next.
    Index(None, "campaign_id", "state", "wave", "position"),
    # The counts of a whole campaign are read from this one alone.
    Index("ix_campaign_members_counts", "campaign_id", "wave", "state", "is_counted", "over_at"),
)

campaign_events = Table(
    "campaign_events",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("campaign_id", Id, ForeignKey("campaigns.id", ondelete="CASCADE"), nullable=False),
    Column("account_id", Id, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("kind", Word, nullable=False),
    Column("by", Id, nullable=False),
    Column("facts", JSON, nullable=False),
    Index(None, "campaign_id", "id"),
)
