"""SQL of the catalogue. Releases are everybody's to read, so there is no account to filter by."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

from sqlalchemy import Row, Select, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from cebox.console.database.paging import Listed, Page, list_page
from cebox.console.database.statements import insert_if_absent
from cebox.console.releases.records import CatalogueEntry, Component, Listing
from cebox.console.releases.tables import releases
from cebox.domain.release import Release
from cebox.domain.version import Version

_RULES = (
    releases.c.version,
    releases.c.floor,
    releases.c.image_bytes,
    releases.c.full_bytes,
    releases.c.patch_bytes,
    releases.c.boot_bytes,
    releases.c.boot_patch_bytes,
    releases.c.is_withdrawn,
)
_LISTED = (
    *_RULES,
    releases.c.manifest_sha256,
    releases.c.notes_fr,
    releases.c.notes_en,
    releases.c.built_at,
    releases.c.published_at,
)
_MOST_RELEASES = 10_000


class ReleaseRepository:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add_if_absent(self, entry: CatalogueEntry) -> bool:
        """Whether it was new; a rival's import of the same version is waited for."""
        listing, release = entry.listing, entry.listing.release
        values = {
            "version": str(release.version),
            "floor": str(release.floor),
            "manifest_sha256": listing.manifest_sha256,
            "image_bytes": release.image_bytes,
            "full_bytes": release.full_bytes,
            "patch_bytes": {str(version): size for version, size in release.patch_bytes.items()},
            "boot_bytes": release.boot_bytes,
            "boot_patch_bytes": {str(version): size for version, size in release.boot_patch_bytes.items()},
            "components": [[component.name, component.version] for component in entry.components],
            "notes_fr": listing.notes_fr,
            "notes_en": listing.notes_en,
            "built_at": listing.built_at,
            "published_at": listing.published_at,
            "is_withdrawn": False,
        }
        return await insert_if_absent(self._connection, releases, values)

    async def load_catalogue(self) -> Mapping[Version, Release]:
        statement: Select[Any] = select(*_RULES).limit(_MOST_RELEASES)
        found = [_make_release(row) for row in await self._connection.execute(statement)]
        return MappingProxyType({release.version: release for release in found})

    async def list_releases(self, page: Page) -> Listed[Listing]:
        """The newest first."""
        keys = [releases.c.published_at, releases.c.version]
        return await list_page(self._connection, select(*_LISTED), keys, page, _make_listing, is_descending=True)

    async def find(self, version: Version) -> CatalogueEntry | None:
        statement = select(releases).where(releases.c.version == str(version))
        row = (await self._connection.execute(statement)).one_or_none()
        if row is None:
            return None
        components = tuple(Component(name, text) for name, text in row.components)
        return CatalogueEntry(_make_listing(row), components)

    async def find_hashes(self) -> dict[Version, str]:
        """The manifest hash of every release."""
        statement = select(releases.c.version, releases.c.manifest_sha256).limit(_MOST_RELEASES)
        rows = await self._connection.execute(statement)
        return {Version.parse(row.version): row.manifest_sha256 for row in rows}

    async def withdraw(self, version: Version) -> bool:
        """Whether it was not before."""
        statement = update(releases).where(releases.c.version == str(version), ~releases.c.is_withdrawn)
        return (await self._connection.execute(statement.values(is_withdrawn=True))).rowcount == 1


def _make_release(row: Row[Any]) -> Release:
    return Release(
        version=Version.parse(row.version),
        floor=Version.parse(row.floor),
        image_bytes=row.image_bytes,
        full_bytes=row.full_bytes,
        patch_bytes=_parse_sizes(row.patch_bytes.items()),
        is_withdrawn=row.is_withdrawn,
        boot_bytes=row.boot_bytes,
        boot_patch_bytes=_parse_sizes((row.boot_patch_bytes or {}).items()),
    )


def _parse_sizes(sizes: Iterable[tuple[str, int]]) -> Mapping[Version, int]:
    return MappingProxyType({Version.parse(text): size for text, size in sizes})


def _make_listing(row: Row[Any]) -> Listing:
    return Listing(
        release=_make_release(row),
        manifest_sha256=row.manifest_sha256,
        notes_fr=row.notes_fr,
        notes_en=row.notes_en,
        built_at=row.built_at,
        published_at=row.published_at,
    )
