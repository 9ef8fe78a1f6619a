"""The catalogue: what the console read, verified, from the repository."""

from sqlalchemy import JSON, BigInteger, Boolean, Column, String, Table, Text

from cebox.console.database.columns import UtcDateTime, VersionText, metadata

releases = Table(
    "releases",
    metadata,
    Column("version", VersionText, primary_key=True),
    Column("floor", VersionText, nullable=False),
    Column("manifest_sha256", String(64), nullable=False),
    Column("image_bytes", BigInteger, nullable=False),
    Column("full_bytes", BigInteger, nullable=False),
    Column("patch_bytes", JSON, nullable=False),
    # Of the boot image, on machines that start from one: whole, and from each version that has a patch of it (None: it
    # was imported before anybody asked).
    Column("boot_bytes", BigInteger, nullable=False, server_default="0"),
    Column("boot_patch_bytes", JSON(none_as_null=True)),
    Column("components", JSON, nullable=False),
    Column("notes_fr", Text, nullable=False),
    Column("notes_en", Text, nullable=False),
    Column("built_at", UtcDateTime, nullable=False),
    Column("published_at", UtcDateTime, nullable=False),
    Column("is_withdrawn", Boolean, nullable=False, server_default="0"),
)
