"""What people chose for an account's procedure. Its steps and their states are nowhere stored."""

from sqlalchemy import Column, ForeignKey, Table, Text

from cebox.console.database.columns import Id, Name, UtcDateTime, VersionText, metadata

procedure_choices = Table(
    "procedure_choices",
    metadata,
    Column("account_id", Id, ForeignKey("accounts.id"), primary_key=True),
    # The version tag that is tested; None: the newest above the account's version. It may be gone since.
    Column("tag_name", Name),
    # The customer's word that the test went well, for this version only.
    Column("approved_version", VersionText),
    Column("approved_by", Id),
    Column("approved_at", UtcDateTime),
    Column("approval_note", Text, nullable=False, server_default=""),
)

procedure_boxes = Table(
    "procedure_boxes",
    metadata,
    Column("account_id", Id, ForeignKey("accounts.id"), primary_key=True),
    Column("device_id", Id, ForeignKey("devices.id", ondelete="CASCADE"), primary_key=True, index=True),
    Column("chosen_at", UtcDateTime, nullable=False),
)
