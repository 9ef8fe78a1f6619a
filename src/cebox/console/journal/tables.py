"""The audit log: who changed what, when. Rows are only ever added; triggers of the database see to it."""

from sqlalchemy import JSON, BigInteger, Column, Index, Integer, Table

from cebox.console.database.columns import Id, Name, UtcDateTime, Word, metadata

audit_entries = Table(
    "audit_entries",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("at", UtcDateTime, nullable=False),
    # None for what concerns no single account.
    Column("account_id", Id),
    Column("user_id", Id, nullable=False),
    Column("verb", Word, nullable=False),
    Column("subject", Name, nullable=False),
    Column("facts", JSON, nullable=False),
    # What the facts of the same names were before; None where nothing was.
    Column("before", JSON),
    # The network address it was asked from; empty for what machines and the console do by themselves.
    Column("address", Name, nullable=False, server_default=""),
    Index(None, "account_id", "id"),
    # One for each filter, in the order of reading.
    Index(None, "at", "id"),
    Index(None, "account_id", "at", "id"),
    Index(None, "user_id", "at", "id"),
    Index(None, "account_id", "user_id", "at", "id"),
    Index(None, "verb", "at", "id"),
    Index(None, "account_id", "verb", "at", "id"),
    Index(None, "subject", "at", "id"),
)
