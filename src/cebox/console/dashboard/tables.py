"""How many ceBox of an account ran which version, day by day; today's row is the last count of the day so far."""

from sqlalchemy import Column, Date, ForeignKey, Integer, Table

from cebox.console.database.columns import Id, VersionText, metadata

fleet_history = Table(
    "fleet_history",
    metadata,
    Column("account_id", Id, ForeignKey("accounts.id"), primary_key=True),
    Column("day", Date, primary_key=True),
    Column("version", VersionText, primary_key=True),
    Column("boxes", Integer, nullable=False),
)
