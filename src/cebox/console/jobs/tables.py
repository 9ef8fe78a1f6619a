"""Leases: which replica runs a job now. A lease that is not renewed falls to another."""

from sqlalchemy import Column, Table

from cebox.console.database.columns import Id, UtcDateTime, Word, metadata

leases = Table(
    "leases",
    metadata,
    Column("job", Word, primary_key=True),
    Column("holder", Id, nullable=False),
    Column("until", UtcDateTime, nullable=False),
)
