"""Communications: what was announced, to which accounts, and who has read it."""

from sqlalchemy import JSON, Column, ForeignKey, Table

from cebox.console.database.columns import Id, Name, UtcDateTime, Word, metadata

announcements = Table(
    "announcements",
    metadata,
    Column("id", Id, primary_key=True),
    Column("kind", Word, nullable=False),
    # What makes it unique, such as release:2026.11.1, so that an event announces itself once.
    Column("subject", Name, nullable=False, unique=True),
    Column("facts", JSON, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
)

announcement_recipients = Table(
    "announcement_recipients",
    metadata,
    Column("announcement_id", Id, ForeignKey("announcements.id", ondelete="CASCADE"), primary_key=True),
    Column("account_id", Id, ForeignKey("accounts.id"), primary_key=True, index=True),
    Column("read_at", UtcDateTime),
)
