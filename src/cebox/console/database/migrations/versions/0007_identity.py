"""invitations, second factors, passkeys, scopes, and a journal that nobody can rewrite."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

_FILTERS = (
    ("at", "id"),
    ("account_id", "at", "id"),
    ("user_id", "at", "id"),
    ("account_id", "user_id", "at", "id"),
    ("verb", "at", "id"),
    ("account_id", "verb", "at", "id"),
    ("subject", "at", "id"),
)


def upgrade() -> None:
    _widen_sessions_and_tokens()
    _make_links()
    _make_second_factors()
    _make_sign_in()
    _widen_journal()
    _freeze_journal()


def _widen_sessions_and_tokens() -> None:
    with op.batch_alter_table("sessions") as batch:
        batch.add_column(sa.Column("method", sa.String(length=40), server_default="password", nullable=False))
        batch.add_column(sa.Column("address", sa.String(length=200), server_default="", nullable=False))
        batch.add_column(sa.Column("agent", sa.String(length=200), server_default="", nullable=False))
        batch.add_column(sa.Column("last_seen_at", sa.DateTime(timezone=True), nullable=True))
        batch.add_column(sa.Column("proved_at", sa.DateTime(timezone=True), nullable=True))
    with op.batch_alter_table("api_tokens") as batch:
        batch.add_column(sa.Column("scope", sa.String(length=40), server_default="manage", nullable=False))


def _make_links() -> None:
    op.create_table(
        "access_links",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("secret_sha256", sa.String(length=64), nullable=False),
        sa.Column("purpose", sa.String(length=40), nullable=False),
        sa.Column("account_id", sa.String(length=40), nullable=True),
        sa.Column("user_id", sa.String(length=40), nullable=True),
        sa.Column("email", sa.String(length=200), nullable=False),
        sa.Column("role", sa.String(length=40), nullable=False),
        sa.Column("language", sa.String(length=40), server_default="fr", nullable=False),
        sa.Column("made_by", sa.String(length=40), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_access_links_account_id")),
        _of_user("access_links"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_access_links")),
        sa.UniqueConstraint("secret_sha256", name=op.f("uq_access_links_secret_sha256")),
    )
    op.create_index(
        op.f("ix_access_links_account_id_created_at_id"), "access_links", ["account_id", "created_at", "id"]
    )
    op.create_index(op.f("ix_access_links_user_id"), "access_links", ["user_id"])
    op.create_index(op.f("ix_access_links_email"), "access_links", ["email"])


def _make_second_factors() -> None:
    op.create_table(
        "one_time_codes",
        sa.Column("user_id", sa.String(length=40), nullable=False),
        sa.Column("sealed_secret", sa.String(length=300), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_step", sa.Integer(), server_default="0", nullable=False),
        _of_user("one_time_codes"),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_one_time_codes")),
    )
    op.create_table(
        "recovery_codes",
        sa.Column("code_sha256", sa.String(length=64), nullable=False),
        sa.Column("user_id", sa.String(length=40), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        _of_user("recovery_codes"),
        sa.PrimaryKeyConstraint("code_sha256", name=op.f("pk_recovery_codes")),
    )
    op.create_index(op.f("ix_recovery_codes_user_id"), "recovery_codes", ["user_id"])
    op.create_table(
        "passkeys",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("user_id", sa.String(length=40), nullable=False),
        sa.Column("credential_sha256", sa.String(length=64), nullable=False),
        sa.Column("credential_id", sa.Text(), nullable=False),
        sa.Column("public_key", sa.Text(), nullable=False),
        sa.Column("sign_count", sa.Integer(), nullable=False),
        sa.Column("rp_id", sa.String(length=200), nullable=False),
        sa.Column("transports", sa.String(length=200), server_default="", nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        _of_user("passkeys"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_passkeys")),
        sa.UniqueConstraint("credential_sha256", name=op.f("uq_passkeys_credential_sha256")),
    )
    op.create_index(op.f("ix_passkeys_user_id"), "passkeys", ["user_id"])


def _make_sign_in() -> None:
    op.create_table(
        "sign_in_steps",
        sa.Column("secret_sha256", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("user_id", sa.String(length=40), nullable=True),
        sa.Column("next_address", sa.Text(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        _of_user("sign_in_steps"),
        sa.PrimaryKeyConstraint("secret_sha256", name=op.f("pk_sign_in_steps")),
    )
    op.create_index(op.f("ix_sign_in_steps_user_id"), "sign_in_steps", ["user_id"])
    op.create_table(
        "sign_in_rules",
        sa.Column("account_id", sa.String(length=40), nullable=False),
        sa.Column("requires_second_factor", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_sign_in_rules_account_id")),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_sign_in_rules")),
    )
    op.create_table(
        "external_identities",
        sa.Column("issuer", sa.String(length=200), nullable=False),
        sa.Column("subject", sa.String(length=255), nullable=False),
        sa.Column("user_id", sa.String(length=40), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        _of_user("external_identities"),
        sa.PrimaryKeyConstraint("issuer", "subject", name=op.f("pk_external_identities")),
    )
    op.create_index(op.f("ix_external_identities_user_id"), "external_identities", ["user_id"])


def _widen_journal() -> None:
    with op.batch_alter_table("audit_entries") as batch:
        batch.add_column(sa.Column("before", sa.JSON(), nullable=True))
        batch.add_column(sa.Column("address", sa.String(length=200), server_default="", nullable=False))
    for columns in _FILTERS:
        op.create_index(op.f(f"ix_audit_entries_{'_'.join(columns)}"), "audit_entries", list(columns))


def _freeze_journal() -> None:
    """Entries are added; the database itself refuses anything else, whoever asks."""
    if op.get_bind().dialect.name == "sqlite":
        for verb in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER audit_entries_no_{verb.lower()} BEFORE {verb} ON audit_entries "
                "BEGIN SELECT RAISE(ABORT, 'journal entries are never changed'); END"
            )
        return
    op.execute(
        "CREATE FUNCTION refuse_journal_change() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'journal entries are never changed'; END $$"
    )
    for when, each in (("UPDATE OR DELETE", "ROW"), ("TRUNCATE", "STATEMENT")):
        op.execute(
            f"CREATE TRIGGER audit_entries_no_{each.lower()}_change BEFORE {when} ON audit_entries "
            f"FOR EACH {each} EXECUTE FUNCTION refuse_journal_change()"
        )


def _of_user(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f(f"fk_{table}_user_id"), ondelete="CASCADE")
