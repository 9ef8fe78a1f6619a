"""Installation keys: tokens that enrol machines of one account, and which machines used them."""

from sqlalchemy import Boolean, Column, ForeignKey, Integer, String, Table

from cebox.console.database.columns import Id, Name, UtcDateTime, VersionText, Word, metadata

keys = Table(
    "keys",
    metadata,
    Column("id", Id, primary_key=True),
    Column("account_id", Id, ForeignKey("accounts.id"), nullable=False, index=True),
    Column("site_id", Id, ForeignKey("sites.id")),
    Column("name", Name, nullable=False),
    Column("kind", Word, nullable=False),
    Column("version", VersionText, nullable=False),
    Column("token_sha256", String(64), nullable=False, unique=True),
    Column("uses_left", Integer, nullable=False),
    # As it was made.
    Column("uses", Integer, nullable=False, server_default="0"),
    Column("is_revoked", Boolean, nullable=False, server_default="0"),
    Column("created_by", Id, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
)
