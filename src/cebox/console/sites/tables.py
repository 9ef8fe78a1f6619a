"""Sites: places of an account with a network of their own and at most one WRS."""

from sqlalchemy import JSON, BigInteger, Column, ForeignKey, Table, UniqueConstraint

from cebox.console.database.columns import Id, Name, UtcDateTime, metadata

sites = Table(
    "sites",
    metadata,
    Column("id", Id, primary_key=True),
    Column("account_id", Id, ForeignKey("accounts.id"), nullable=False),
    Column("name", Name, nullable=False),
    Column("networks", JSON, nullable=False),
    # None: the account's.
    Column("line_limits", JSON(none_as_null=True)),
    # How fast one of its machines last downloaded, from each source (bytes per second).
    Column("wrs_rate", BigInteger),
    Column("cloud_rate", BigInteger),
    Column("created_at", UtcDateTime, nullable=False),
    UniqueConstraint("account_id", "name"),
)
