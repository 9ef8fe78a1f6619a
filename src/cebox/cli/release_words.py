"""How a release is described to people, wherever it was read."""

from cebox.cli.measures import format_bytes, format_moment
from cebox.cli.output import print_facts, say
from cebox.protocol.admin import Component, Release, ReleaseSummary
from cebox.release.manifest import Manifest, full_way

COLUMNS = ("version", "built", "image", "full", "patches", "floor", "")


def read_manifest(manifest: Manifest) -> Release:
    """The same words for a manifest as for the console's catalogue."""
    root = manifest.root
    return Release(
        version=str(manifest.version),
        floor=str(manifest.floor),
        built_at=manifest.created,
        image_bytes=root.size,
        full_bytes=full_way(root).blob.size,
        patch_bytes={way.from_version: way.blob.size for way in root.ways if way.from_version},
        components=tuple(Component(name=one.name, version=one.version) for one in manifest.components),
        notes_fr=manifest.notes.fr,
        notes_en=manifest.notes.en,
    )


def row(release: ReleaseSummary) -> tuple[object, ...]:
    return (
        release.version,
        format_moment(release.built_at),
        format_bytes(release.image_bytes),
        format_bytes(release.full_bytes),
        _list_patches(release),
        release.floor,
        "withdrawn" if release.is_withdrawn else "",
    )


def print_release(release: Release, *, language: str) -> None:
    print_facts(
        {
            "version": release.version + (" (withdrawn)" if release.is_withdrawn else ""),
            "built": format_moment(release.built_at),
            "image": format_bytes(release.image_bytes),
            "download": f"{format_bytes(release.full_bytes)} from nothing",
            "patches": _list_patches(release),
            "floor": f"{release.floor} (no box goes back below it afterwards)",
            "components": len(release.components),
        }
    )
    notes = {"fr": release.notes_fr, "en": release.notes_en}.get(language, "")
    if notes.strip():
        say("")
        for line in notes.strip().splitlines():
            say(line)


def _list_patches(release: ReleaseSummary) -> str | None:
    return (
        ", ".join(f"{format_bytes(size)} from {earlier}" for earlier, size in sorted(release.patch_bytes.items()))
        or None
    )
