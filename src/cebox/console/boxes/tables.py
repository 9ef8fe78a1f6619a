"""What the device API must remember of its own: which console this is, and assertions already used."""

from sqlalchemy import Column, String, Table

from cebox.console.database.columns import Id, UtcDateTime, metadata

installation = Table(
    "installation",
    metadata,
    Column("console_id", Id, primary_key=True),
    Column("created_at", UtcDateTime, nullable=False),
)

used_assertions = Table(
    "used_assertions",
    metadata,
    Column("jti", String(64), primary_key=True),
    Column("used_at", UtcDateTime, nullable=False, index=True),
)
