"""Admin API: the catalogue of releases."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query

from cebox.console.gate import ChosenPage, ChosenScope, TheConsole, VendorOperator, Viewer
from cebox.console.releases import service
from cebox.console.releases.importing import refresh_repository
from cebox.console.releases.records import CatalogueEntry
from cebox.console.releases.records import Listing as ListedRelease
from cebox.console.releases.usage import NOBODY, load_usage
from cebox.console.wire import Answer, Listing, VersionText, make_listing
from cebox.domain.version import Version

router = APIRouter(tags=["releases"])


class ReleaseAnswer(Answer):
    """Sizes in bytes: `patch_bytes` by the version a box runs, `full_bytes` from nothing, `image_bytes` in its slot."""

    version: VersionText
    floor: VersionText
    image_bytes: int
    full_bytes: int
    patch_bytes: dict[str, int]
    is_withdrawn: bool
    notes_fr: str
    notes_en: str
    built_at: datetime
    published_at: datetime
    manifest_sha256: str


class ComponentAnswer(Answer):
    name: str
    version: str


class WholeReleaseAnswer(ReleaseAnswer):
    components: list[ComponentAnswer]


class ChangeAnswer(Answer):
    """`before` null: it is added; `after` null: it is removed."""

    name: str
    before: str | None
    after: str | None


class ChangesAnswer(Answer):
    """From one release to another; the kernel first."""

    before: VersionText
    after: VersionText
    kernel: ChangeAnswer | None
    changed: list[ChangeAnswer]
    added: list[ChangeAnswer]
    removed: list[ChangeAnswer]


class RunnerAnswer(Answer):
    account_id: str
    account_name: str
    boxes: int
    servers: int


class UsageAnswer(Answer):
    """Whose devices run it and which tags point at it, as far as the caller sees."""

    device_count: int
    runners: list[RunnerAnswer]
    tags: list[str]


class ImportedAnswer(Answer):
    added: list[VersionText]


@router.get("/releases", summary="The published releases, the newest first")
async def list_releases(_caller: Viewer, console: TheConsole, page: ChosenPage) -> Listing[ReleaseAnswer]:
    async with console.database.read() as connection:
        return make_listing(await service.list_releases(connection, page), _answer_release)


@router.post("/releases/refresh", summary="Import what the repository offers, now")
async def refresh(caller: VendorOperator, console: TheConsole) -> ImportedAnswer:
    imported = await refresh_repository(console, caller)
    return ImportedAnswer(added=[str(version) for version in imported.added])


@router.get("/releases/{version}", summary="One release: notes, components, sizes")
async def show_release(_caller: Viewer, console: TheConsole, version: str) -> WholeReleaseAnswer:
    async with console.database.read() as connection:
        return _answer_whole(await service.get_release(connection, Version.parse(version)))


@router.get("/releases/{version}/changes", summary="What changes from another release to this one")
async def show_release_changes(
    _caller: Viewer,
    console: TheConsole,
    version: str,
    since: Annotated[str, Query(max_length=32, description="The release to compare with.")],
) -> ChangesAnswer:
    before, after = Version.parse(since), Version.parse(version)
    async with console.database.read() as connection:
        for one in (before, after):
            await service.get_release(connection, one)
        changes = await service.find_changes(connection, before, after)
    return ChangesAnswer.model_validate(changes)


@router.get("/releases/{version}/usage", summary="Who runs a release, and which tags point at it")
async def show_release_usage(console: TheConsole, scope: ChosenScope, version: str) -> UsageAnswer:
    async with console.database.read() as connection:
        await service.get_release(connection, Version.parse(version))
        usage = (await load_usage(connection, scope)).get(Version.parse(version), NOBODY)
    return UsageAnswer(
        device_count=usage.device_count,
        runners=[RunnerAnswer.model_validate(one) for one in usage.runners],
        tags=[noted.tag.name for noted in usage.tags],
    )


@router.post("/releases/{version}/withdraw", summary="Keep a release from any further update")
async def withdraw(caller: VendorOperator, console: TheConsole, version: str) -> WholeReleaseAnswer:
    async with console.database.write() as unit:
        entry = await service.withdraw_release(unit, caller, console.clock, Version.parse(version))
    return _answer_whole(entry)


def _answer_release(listed: ListedRelease) -> ReleaseAnswer:
    release = listed.release
    return ReleaseAnswer(
        version=str(release.version),
        floor=str(release.floor),
        image_bytes=release.image_bytes,
        full_bytes=release.full_bytes,
        patch_bytes={str(version): size for version, size in release.patch_bytes.items()},
        is_withdrawn=release.is_withdrawn,
        notes_fr=listed.notes_fr,
        notes_en=listed.notes_en,
        built_at=listed.built_at,
        published_at=listed.published_at,
        manifest_sha256=listed.manifest_sha256,
    )


def _answer_whole(entry: CatalogueEntry) -> WholeReleaseAnswer:
    components = [ComponentAnswer.model_validate(component) for component in entry.components]
    return WholeReleaseAnswer(**_answer_release(entry.listing).model_dump(), components=components)
