"""Users, how they prove who they are, their browser sessions and their API tokens.

Of a secret its hash is kept; a TOTP secret, which has to be read again, is sealed with the console's own.
"""

from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, String, Table, Text

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
    Column("method", Word, nullable=False, server_default="password"),
    Column("address", Name, nullable=False, server_default=""),
    Column("agent", Name, nullable=False, server_default=""),
    Column("last_seen_at", UtcDateTime),
    # When the user last proved who they are; None: at the start.
    Column("proved_at", UtcDateTime),
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
    # Tokens from before there were scopes do what their user may.
    Column("scope", Word, nullable=False, server_default="manage"),
)

access_links = Table(
    "access_links",
    metadata,
    Column("id", Id, primary_key=True),
    Column("secret_sha256", String(64), nullable=False, unique=True),
    Column("purpose", Word, nullable=False),
    Column("account_id", Id, ForeignKey("accounts.id"), nullable=True),
    # The user whose password is set anew; None for an invitation.
    Column("user_id", Id, ForeignKey("users.id", ondelete="CASCADE"), nullable=True, index=True),
    Column("email", Name, nullable=False, index=True),
    Column("role", Word, nullable=False),
    Column("language", Word, nullable=False, server_default="fr"),
    Column("made_by", Id, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    Column("used_at", UtcDateTime),
    Column("revoked_at", UtcDateTime),
    Index(None, "account_id", "created_at", "id"),
)

one_time_codes = Table(
    "one_time_codes",
    metadata,
    Column("user_id", Id, ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
    Column("sealed_secret", String(300), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    # Counts once a first code was right.
    Column("confirmed_at", UtcDateTime),
    # The time step of the last code taken: it and all before it are used up.
    Column("last_step", Integer, nullable=False, server_default="0"),
)

recovery_codes = Table(
    "recovery_codes",
    metadata,
    Column("code_sha256", String(64), primary_key=True),
    Column("user_id", Id, ForeignKey("users.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("created_at", UtcDateTime, nullable=False),
)

passkeys = Table(
    "passkeys",
    metadata,
    Column("id", Id, primary_key=True),
    Column("user_id", Id, ForeignKey("users.id", ondelete="CASCADE"), nullable=False, index=True),
    # Of the authenticator's own id, which may be long.
    Column("credential_sha256", String(64), nullable=False, unique=True),
    Column("credential_id", Text, nullable=False),
    Column("public_key", Text, nullable=False),
    Column("sign_count", Integer, nullable=False),
    Column("rp_id", Name, nullable=False),
    Column("transports", Name, nullable=False, server_default=""),
    Column("name", Name, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("last_used_at", UtcDateTime),
)

sign_in_steps = Table(
    "sign_in_steps",
    metadata,
    Column("secret_sha256", String(64), primary_key=True),
    Column("kind", Word, nullable=False),
    # None while nobody has said who they are.
    Column("user_id", Id, ForeignKey("users.id", ondelete="CASCADE"), nullable=True, index=True),
    Column("next_address", Text, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
)

sign_in_rules = Table(
    "sign_in_rules",
    metadata,
    Column("account_id", Id, ForeignKey("accounts.id"), primary_key=True),
    Column("requires_second_factor", Boolean, nullable=False),
)

external_identities = Table(
    "external_identities",
    metadata,
    Column("issuer", Name, primary_key=True),
    Column("subject", String(255), primary_key=True),
    Column("user_id", Id, ForeignKey("users.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("created_at", UtcDateTime, nullable=False),
)
