"""Actions, one device each, and the group commands that made several at once."""

from sqlalchemy import JSON, BigInteger, Boolean, Column, ForeignKey, Index, Integer, Table, Text, text

from cebox.console.database.columns import Id, Name, UtcDateTime, VersionText, Word, metadata

# As each engine writes the condition of a statement, or it would not see that the index serves it.
_IS_OPEN = {"sqlite": text("is_open = 1"), "postgresql": text("is_open")}
_OF_COMMAND = text("command_id IS NOT NULL")

commands = Table(
    "commands",
    metadata,
    Column("id", Id, primary_key=True),
    Column("account_id", Id, ForeignKey("accounts.id"), nullable=False, index=True),
    Column("kind", Word, nullable=False),
    Column("created_by", Id, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    # Devices the command left out, with the reason: [{"device_id", "finding"}].
    Column("refusals", JSON, nullable=False),
    # The campaign that sent it; None: a person.
    Column("campaign_id", Id),
)

actions = Table(
    "actions",
    metadata,
    Column("id", Id, primary_key=True),
    Column("account_id", Id, ForeignKey("accounts.id"), nullable=False),
    Column("device_id", Id, ForeignKey("devices.id"), nullable=False),
    Column("command_id", Id, ForeignKey("commands.id")),
    # The device that carries it out for the other: a WRS that starts a box. No foreign key: the WRS may leave.
    Column("through_id", Id, index=True),
    Column("kind", Word, nullable=False),
    Column("state", Word, nullable=False),
    Column("is_open", Boolean, nullable=False),
    Column("is_acknowledged", Boolean, nullable=False, server_default="0"),
    # Withdrawn after it was delivered; the device is told until it says what became of it.
    Column("is_withdrawing", Boolean, nullable=False, server_default="0"),
    Column("at_next_start", Boolean, nullable=False, server_default="0"),
    Column("asked_tag", Name),
    Column("asked_version", VersionText),
    # Of a start: the network cards that are told.
    Column("lan_addresses", JSON(none_as_null=True)),
    # What preflight said when it was sent, then what the device took.
    Column("expected_version", VersionText),
    Column("expected_source", Word),
    Column("taken_version", VersionText),
    Column("taken_source", Word),
    Column("taken_reason", Word),
    Column("way", Name),
    Column("wan_bytes", BigInteger, nullable=False, server_default="0"),
    Column("lan_bytes", BigInteger, nullable=False, server_default="0"),
    Column("code", Name, nullable=False, server_default=""),
    Column("detail", Text, nullable=False, server_default=""),
    Column("created_by", Id, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("changed_at", UtcDateTime, nullable=False),
    Column("deadline_at", UtcDateTime),
    Column("revision", Integer, nullable=False, server_default="0"),
    Index(None, "device_id", "is_open"),
    Index(None, "is_open", "deadline_at"),
    Index(None, "account_id", "created_at"),
    # The newest action of a device, and the devices whose newest is in some state.
    Index(None, "account_id", "device_id", "created_at", "id"),
    # How far a command is.
    Index(
        "ix_actions_of_command",
        *("command_id", "account_id", "state"),
        sqlite_where=_OF_COMMAND,
        postgresql_where=_OF_COMMAND,
    ),
    Index(None, "account_id", "state", "device_id"),
    # What is under way in an account, which is little beside what has ended.
    Index(
        "ix_actions_open",
        *("account_id", "device_id", "command_id", "state", "kind"),
        sqlite_where=_IS_OPEN["sqlite"],
        postgresql_where=_IS_OPEN["postgresql"],
    ),
)
