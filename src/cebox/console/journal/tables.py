"""The audit log: who changed what, when. Rows are only ever added."""

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
    Index(None, "account_id", "id"),
)
