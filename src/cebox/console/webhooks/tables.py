"""Webhooks. No secret is kept: it is derived from the console's own, the webhook's id and its generation."""

from sqlalchemy import Boolean, Column, ForeignKey, Integer, String, Table

from cebox.console.database.columns import Id, Name, UtcDateTime, metadata

webhooks = Table(
    "webhooks",
    metadata,
    Column("id", Id, primary_key=True),
    Column("account_id", Id, ForeignKey("accounts.id"), nullable=False, index=True),
    Column("name", Name, nullable=False),
    Column("url", String(500), nullable=False),
    Column("is_active", Boolean, nullable=False, server_default="1"),
    # Counts the secrets it has had; until `previous_until` the one before is valid too.
    Column("generation", Integer, nullable=False, server_default="1"),
    Column("previous_until", UtcDateTime),
    Column("created_by", Id, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
)
