"""Devices as they were enrolled and last described themselves, what happened to them, and people's views of them."""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from cebox.console.database.columns import Id, Name, UtcDateTime, VersionText, Word, metadata

_IS_WRS = text("kind = 'wrs'")

devices = Table(
    "devices",
    metadata,
    Column("id", Id, primary_key=True),
    Column("account_id", Id, ForeignKey("accounts.id"), nullable=False),
    Column("site_id", Id, ForeignKey("sites.id"), index=True),
    Column("key_id", Id, ForeignKey("keys.id")),
    Column("kind", Word, nullable=False),
    Column("name", Name, nullable=False),
    # The name as lists sort it and searches look in it: without capitals.
    Column("sort_name", Name, nullable=False, server_default=""),
    Column("serial", Name, nullable=False, server_default=""),
    Column("public_key", String(64), nullable=False, unique=True),
    Column("enrolled_at", UtcDateTime, nullable=False),
    # What follows is the device's last word about itself (protocol.device.Observed).
    Column("place", Word, nullable=False, server_default="away"),
    Column("phase", Word, nullable=False, server_default="idle"),
    Column("running", VersionText),
    Column("staged", VersionText),
    Column("previous", VersionText),
    Column("failed_versions", JSON, nullable=False),
    Column("slot_bytes", BigInteger),
    Column("agent_version", Word, nullable=False, server_default=""),
    # A box may count its boots by its clock, hence the room.
    Column("boot", BigInteger, nullable=False, server_default="0"),
    Column("sequence", BigInteger, nullable=False, server_default="0"),
    Column("last_seen_at", UtcDateTime),
    Column("is_leaving", Boolean, nullable=False, server_default="0"),
    # Whether its history last said that it came on; `domain.device.is_on` says whether it is.
    Column("noted_on", Boolean, nullable=False, server_default="0"),
    Column("wrs_reachable", Boolean),
    Column("served", VersionText),
    Column("server_url", String(300)),
    # Of its wired network cards: what its site's WRS can start it by.
    Column("lan_addresses", JSON, nullable=False, server_default="[]"),
    # How fast it last downloaded, from each source (bytes per second).
    Column("wrs_rate", BigInteger),
    Column("cloud_rate", BigInteger),
    # The live progress of its update (protocol.device.Progress), if one runs.
    Column("progress", JSON),
    Index(None, "account_id", "name", unique=True),
    # By name, and what most filters and every search look at: rows that do not match are never fetched.
    Index(None, "account_id", "sort_name", "id", "serial", "kind", "phase", "running"),
    # Counts and versions of a whole fleet are read from this one alone.
    Index(None, "account_id", "kind", "phase", "running"),
    # At most one WRS per site, whoever enrols at the same moment.
    Index("uq_devices_site_id_wrs", "site_id", unique=True, sqlite_where=_IS_WRS, postgresql_where=_IS_WRS),
)

device_events = Table(
    "device_events",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("account_id", Id, nullable=False),
    Column("device_id", Id, ForeignKey("devices.id", ondelete="CASCADE"), nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("kind", Word, nullable=False),
    Column("facts", JSON, nullable=False),
    # The box's own id of a result: a repeated report inserts nothing.
    Column("result_id", Id),
    Index(None, "device_id", "result_id", unique=True),
    Index(None, "device_id", "at"),
)

saved_views = Table(
    "saved_views",
    metadata,
    Column("id", Id, primary_key=True),
    Column("user_id", Id, ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
    Column("account_id", Id, ForeignKey("accounts.id"), nullable=False),
    Column("name", Name, nullable=False),
    # The filters, order and columns as the page's address names them.
    Column("query", Text, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    UniqueConstraint("user_id", "account_id", "name"),
)
