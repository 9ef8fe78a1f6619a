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
_HAS_FALLEN_BACK = text("fallen_back_rank > 0")
# Word for word as in the index: SQLite finds it by its text.
HAS_SET_ASIDE = text("CAST(devices.failed_versions AS TEXT) <> '[]'")
_SET_ASIDE = text("CAST(failed_versions AS TEXT) <> '[]'")

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
    # Its last sign of life before it was noted off; `repository.ALWAYS` while it is noted on, so that heartbeats change
    # no index.
    Column("quiet_since", UtcDateTime, nullable=False, server_default="1970-01-01 00:00:00"),
    # `Version.rank` of `running`, by which lists sort and compare; 0 where that is unknown.
    Column("running_rank", BigInteger, nullable=False, server_default="0"),
    # Its site's name without capitals, for sorting; empty without a site.
    Column("site_sort", Name, nullable=False, server_default=""),
    # `Version.rank` of the lowest version above the one it runs that fell back here, ordered or not; 0: none did.
    Column("fallen_back_rank", BigInteger, nullable=False, server_default="0"),
    Column("wrs_reachable", Boolean),
    Column("served", VersionText),
    Column("server_url", String(300)),
    # Of its wired network cards: what its site's WRS can start it by. None: it never said.
    Column("lan_addresses", JSON(none_as_null=True)),
    # How fast it last downloaded, from each source (bytes per second).
    Column("wrs_rate", BigInteger),
    Column("cloud_rate", BigInteger),
    # The live progress of its update (protocol.device.Progress), if one runs.
    Column("progress", JSON),
    Index(None, "account_id", "name", unique=True),
    # By name, and what filters and searches look at: rows that do not match are never fetched.
    Index(
        "ix_devices_list",
        *("account_id", "sort_name", "id", "serial", "kind", "phase", "running_rank", "place", "noted_on", "site_id"),
    ),
    # Each other order of the list, and one site's devices by name.
    Index("ix_devices_of_site", "account_id", "site_id", "sort_name", "id"),
    Index("ix_devices_by_site", "account_id", "site_sort", "id"),
    Index(
        "ix_devices_by_version",
        *("account_id", "running_rank", "id", "kind", "site_id", "place", "phase", "noted_on", "quiet_since"),
    ),
    Index("ix_devices_by_sign", "account_id", "quiet_since", "id", "kind", "noted_on"),
    # Counts of a whole fleet are read from these two alone (`census_repository`).
    Index("ix_devices_summary", "account_id", "kind", "phase", "running_rank"),
    Index(
        "ix_devices_census",
        *("account_id", "kind", "site_id", "place", "phase", "running_rank", "noted_on", "quiet_since"),
    ),
    # What the ceBox of a site run.
    Index(None, "site_id", "kind", "running"),
    Index(
        "ix_devices_fallen_back",
        "account_id",
        "fallen_back_rank",
        sqlite_where=_HAS_FALLEN_BACK,
        postgresql_where=_HAS_FALLEN_BACK,
    ),
    # Classes of devices that are alike are counted from this one alone (`class_repository`).
    Index(
        "ix_devices_alike",
        *("account_id", "kind", "site_id", "place", "phase", "running", "staged", "slot_bytes", "noted_on"),
    ),
    Index("ix_devices_set_aside", "account_id", sqlite_where=_SET_ASIDE, postgresql_where=_SET_ASIDE),
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
