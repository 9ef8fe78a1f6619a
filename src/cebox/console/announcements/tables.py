"""Communications: what was announced, to which accounts, who read it; the vendor's wordings; who wants no e-mail."""

from sqlalchemy import JSON, Column, ForeignKey, Index, Table, Text

from cebox.console.database.columns import Id, Name, UtcDateTime, Word, metadata

announcements = Table(
    "announcements",
    metadata,
    Column("id", Id, primary_key=True),
    Column("kind", Word, nullable=False),
    # What makes it unique, such as release:2026.11.1, so that an event announces itself once.
    Column("subject", Name, nullable=False, unique=True),
    Column("facts", JSON, nullable=False),
    # As it was said: a wording that changes later changes nothing that was sent. None: made before wordings were kept.
    Column("title_fr", Text),
    Column("title_en", Text),
    Column("text_fr", Text),
    Column("text_en", Text),
    Column("created_at", UtcDateTime, nullable=False),
    Index(None, "created_at", "id"),
)

announcement_recipients = Table(
    "announcement_recipients",
    metadata,
    Column("announcement_id", Id, ForeignKey("announcements.id", ondelete="CASCADE"), primary_key=True),
    Column("account_id", Id, ForeignKey("accounts.id"), primary_key=True, index=True),
    Column("read_at", UtcDateTime),
    Column("read_by", Id),
)

# The vendor's own; where there is none, the product's.
wordings = Table(
    "wordings",
    metadata,
    Column("kind", Word, primary_key=True),
    Column("language", Word, primary_key=True),
    Column("title", Name, nullable=False),
    Column("text", Text, nullable=False),
)

muted_kinds = Table(
    "muted_kinds",
    metadata,
    Column("user_id", Id, ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
    Column("kind", Word, primary_key=True),
)
