"""The outbox. A row is written with its announcement, so neither is ever without the other."""

from sqlalchemy import Column, ForeignKey, Index, Integer, String, Table, UniqueConstraint

from cebox.console.database.columns import Id, UtcDateTime, Word, metadata

deliveries = Table(
    "deliveries",
    metadata,
    Column("id", Id, primary_key=True),
    Column("announcement_id", Id, ForeignKey("announcements.id", ondelete="CASCADE"), nullable=False),
    Column("account_id", Id, ForeignKey("accounts.id"), nullable=False),
    Column("channel", Word, nullable=False),
    # A user or a webhook, which may be gone by then; `address` is what it was called.
    Column("target_id", Id, nullable=False),
    Column("address", String(500), nullable=False),
    Column("state", Word, nullable=False),
    Column("attempts", Integer, nullable=False, server_default="0"),
    # When it may be taken next; of one that is being sent, when its lease ends; None once it is over.
    Column("due_at", UtcDateTime),
    Column("holder", Id),
    Column("code", Word, nullable=False, server_default=""),
    Column("answer", String(300), nullable=False, server_default=""),
    Column("created_at", UtcDateTime, nullable=False),
    Column("changed_at", UtcDateTime, nullable=False),
    UniqueConstraint("announcement_id", "target_id"),
    Index(None, "channel", "due_at"),
    Index(None, "account_id", "announcement_id", "channel", "state"),
)
