"""Users, their browser sessions and their API tokens. Only hashes of secrets are kept."""

from sqlalchemy import Boolean, Column, ForeignKey, String, Table

from cebox.console.database.columns import Id, Name, UtcDateTime, Word, metadata

users = Table(
    "users",
    metadata,
    Column("id", Id, primary_key=True),
    # None for the vendor's own people.
    Column("account_id", Id, ForeignKey("accounts.id"), nullable=True, index=True),
    Column("email", Name, nullable=False, unique=True),
    Column("name", Name, nullable=False),
    Column("role", Word, nullable=False),
    Column("password_hash", String(200), nullable=False),
    Column("language", Word, nullable=False, server_default="fr"),
    Column("theme", Word, nullable=False, server_default="auto"),
    Column("is_active", Boolean, nullable=False, server_default="1"),
    Column("created_at", UtcDateTime, nullable=False),
)

sessions = Table(
    "sessions",
    metadata,
    Column("secret_sha256", String(64), primary_key=True),
    Column("user_id", Id, ForeignKey("users.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("form_secret", String(64), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
)

api_tokens = Table(
    "api_tokens",
    metadata,
    Column("id", Id, primary_key=True),
    Column("secret_sha256", String(64), nullable=False, unique=True),
    Column("user_id", Id, ForeignKey("users.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("name", Name, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    Column("last_used_at", UtcDateTime),
)
