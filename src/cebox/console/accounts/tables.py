"""Accounts, tags and who may use them, migrations. An account's version is what its account tag points at."""

from sqlalchemy import JSON, Boolean, Column, ForeignKey, Table, Text

from cebox.console.database.columns import Id, Name, UtcDateTime, VersionText, Word, metadata

tags = Table(
    "tags",
    metadata,
    Column("name", Name, primary_key=True),
    Column("kind", Word, nullable=False),
    Column("version", VersionText, nullable=False),
    Column("note", Text, nullable=False, server_default=""),
    Column("created_at", UtcDateTime, nullable=False),
)

accounts = Table(
    "accounts",
    metadata,
    Column("id", Id, primary_key=True),
    Column("name", Name, nullable=False, unique=True),
    Column("is_vendor", Boolean, nullable=False, server_default="0"),
    Column("tag_name", Name, ForeignKey("tags.name"), nullable=False, unique=True),
    Column("phase", Word, nullable=False),
    # Of its sites that have none of their own (sites.limits.LineLimits).
    Column("line_limits", JSON(none_as_null=True)),
    # None: the product's (domain.notice.Notice).
    Column("notice", JSON(none_as_null=True)),
    Column("created_at", UtcDateTime, nullable=False),
)

tag_grants = Table(
    "tag_grants",
    metadata,
    Column("tag_name", Name, ForeignKey("tags.name", ondelete="CASCADE"), primary_key=True),
    Column("account_id", Id, ForeignKey("accounts.id"), primary_key=True, index=True),
    Column("granted_at", UtcDateTime, nullable=False),
)

migrations = Table(
    "migrations",
    metadata,
    Column("id", Id, primary_key=True),
    Column("account_id", Id, ForeignKey("accounts.id"), nullable=False, index=True),
    Column("from_version", VersionText, nullable=False),
    Column("to_version", VersionText, nullable=False),
    Column("user_id", Id, nullable=False),
    Column("at", UtcDateTime, nullable=False),
)
