"""The catalogue of published releases: imported from the repository, announced once, sometimes withdrawn (R1, R14)."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from cebox.console.access import Caller
from cebox.console.accounts.repository import AccountRepository
from cebox.console.announcements import service as announcements
from cebox.console.database.engine import Unit
from cebox.console.database.paging import Listed, Page
from cebox.console.database.scope import Scope
from cebox.console.journal import service as journal
from cebox.console.releases.changes import compare_releases
from cebox.console.releases.offers import Offer
from cebox.console.releases.records import CatalogueEntry, Changes, Component, Imported, Listing
from cebox.console.releases.repository import ReleaseRepository
from cebox.console.releases.telling import describe_release, find_previous
from cebox.domain.announcement import AnnouncementKind
from cebox.domain.release import Release, is_new_publication
from cebox.domain.role import Permission
from cebox.domain.version import Version
from cebox.errors import Conflict, NotFound
from cebox.kit.clock import Clock

RELEASED = AnnouncementKind.RELEASE
RELEASES_TOPIC = "releases"


async def load_catalogue(connection: AsyncConnection) -> Mapping[Version, Release]:
    """Every published release, as the rules know it."""
    return await ReleaseRepository(connection).load_catalogue()


async def list_releases(connection: AsyncConnection, page: Page) -> Listed[Listing]:
    """The newest first."""
    return await ReleaseRepository(connection).list_releases(page)


async def get_release(connection: AsyncConnection, version: Version) -> CatalogueEntry:
    """Raises NotFound (`release_unknown`)."""
    entry = await ReleaseRepository(connection).find(version)
    if entry is None:
        raise NotFound("release_unknown", f"{version} is not published", hint="See the list of releases.")
    return entry


async def find_changes(connection: AsyncConnection, before: Version | None, after: Version) -> Changes | None:
    """What changes from one release to another; None when either is not in the catalogue."""
    repository = ReleaseRepository(connection)
    old = await repository.find(before) if before else None
    new = await repository.find(after)
    return compare_releases(old, new) if old and new else None


async def import_offers(
    unit: Unit, offers: Sequence[Offer], *, at: datetime, by: Caller | str = journal.JOB
) -> Imported:
    """Take what is new into the catalogue and announce it to every customer (R14); the rest changes nothing.

    One altered release keeps none of the others out; `differing` names it for the caller to complain of.
    """
    repository = ReleaseRepository(unit.connection)
    customers = await AccountRepository(unit.connection, Scope.everything()).list_customer_ids()
    added: list[Version] = []
    for offer in offers:
        # Releases imported together keep their order in every list.
        entry = _make_entry(offer, at + timedelta(microseconds=len(added)))
        if await repository.add_if_absent(entry):
            version = offer.manifest.version
            added.append(version)
            facts = {"version": str(version)}
            previous = find_previous(version, await repository.load_catalogue())
            values = describe_release(entry, await find_changes(unit.connection, previous, version))
            subject = f"{RELEASED}:{version}"
            await announcements.announce(unit, RELEASED, subject, facts, customers, at=at, values=values)
            await journal.record(unit, by, "release_imported", str(version), {"sha256": offer.sha256}, None, at=at)
    if added:
        unit.notify(RELEASES_TOPIC)
    known = await repository.find_hashes()
    return Imported(tuple(added), tuple(_list_differing(offers, known)))


async def withdraw_release(unit: Unit, caller: Caller, clock: Clock, version: Version) -> CatalogueEntry:
    """From now on no update takes it; devices that run it stay, their people are told. Twice is once.

    Raises NotPermitted (`role_may_not`), NotFound (`release_unknown`).
    """
    caller.verify(Permission.VENDOR)
    await get_release(unit.connection, version)
    if await ReleaseRepository(unit.connection).withdraw(version):
        now = clock()
        customers = await AccountRepository(unit.connection, Scope.everything()).list_customer_ids()
        subject, facts = f"{AnnouncementKind.WITHDRAWAL}:{version}", {"version": str(version)}
        await announcements.announce(unit, AnnouncementKind.WITHDRAWAL, subject, facts, customers, at=now)
        await journal.record(unit, caller, "release_withdrawn", str(version), {}, None, at=now)
        unit.notify(RELEASES_TOPIC)
    return await get_release(unit.connection, version)


def _list_differing(offers: Sequence[Offer], known: Mapping[Version, str]) -> list[Version]:
    differing = []
    for offer in offers:
        try:
            is_new_publication(known.get(offer.manifest.version), offer.sha256, offer.manifest.version)
        except Conflict:
            differing.append(offer.manifest.version)
    return differing


def _make_entry(offer: Offer, published_at: datetime) -> CatalogueEntry:
    manifest = offer.manifest
    listing = Listing(
        release=manifest.to_domain(),
        manifest_sha256=offer.sha256,
        notes_fr=manifest.notes.fr,
        notes_en=manifest.notes.en,
        built_at=manifest.created,
        published_at=published_at,
    )
    return CatalogueEntry(listing, tuple(Component(one.name, one.version) for one in manifest.components))
