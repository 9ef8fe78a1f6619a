"""One preparation: everything a release needs to be served from here, verified and beside the served one.

It may be killed anywhere and run again: what was verified is found, what was cut is resumed, and the marker comes last.
"""

import os
from collections.abc import Callable, Collection
from dataclasses import dataclass

from cebox.domain.version import Version
from cebox.errors import Exhausted, NotFound, Untrusted
from cebox.release.manifest import Blob, Manifest, decode_manifest
from cebox.release.trust import policy
from cebox.wrs.metadata import write_if_changed, write_metadata
from cebox.wrs.store import ReleaseStore
from cebox.wrs.upstream import Upstream

# Room for metadata, the manifest and the mirror's own record.
_SPARE_BYTES = 4 << 20


@dataclass
class Gauge:
    """How far a preparation is; `checked` is called after each change and may raise to stop the work."""

    checked: Callable[[], None]
    done_bytes: int = 0
    total_bytes: int = 0

    def begin(self, total_bytes: int) -> None:
        self.done_bytes = 0
        self.total_bytes = total_bytes
        self.checked()

    def advance(self, count: int) -> None:
        self.done_bytes += count
        self.checked()


def plan_blobs(manifest: Manifest, box_versions: Collection[str]) -> list[Blob]:
    """Each blob once: the full way of every image, and the patches from versions the site's boxes run."""
    blobs = {
        way.blob.sha256: way.blob
        for image in manifest.images
        for way in image.ways
        if way.from_version is None or way.from_version in box_versions
    }
    return list(blobs.values())


def prepare_release(
    version: Version, box_versions: Collection[str], *, upstream: Upstream, store: ReleaseStore, gauge: Gauge
) -> None:
    """Raises what the release layer raises (`release_unknown`, `metadata_expired` …), Untrusted (`blob_damaged`),
    Exhausted (`disk_full`), OSError.
    """
    if store.find_prepared() != str(version):
        store.drop_prepared()
    trusted = upstream.open_trusted()
    trusted.refresh()
    content = trusted.get_manifest_content(version)
    blobs = plan_blobs(_read_manifest(content, version), box_versions)
    store.sweep(versions={store.find_served(), str(version)}, blobs={blob.sha256 for blob in blobs})
    verify_room(store, blobs)
    gauge.begin(sum(blob.size for blob in blobs))
    folder = store.release_folder(str(version))
    for blob in blobs:
        store.pool.obtain(blob, upstream.transport, gauge.advance)
        store.link_blob(str(version), blob.sha256)
    write_if_changed(folder / policy.TARGETS_FOLDER / policy.manifest_path(version), content)
    write_metadata(folder, trusted.list_metadata())
    store.mark_prepared(str(version))


def refresh_metadata(versions: Collection[str], *, upstream: Upstream, store: ReleaseStore) -> None:
    """Bring the signed metadata of whole releases up to date, so that it does not expire on the site.

    Raises what the release layer raises; then, and when the new metadata no longer has a release, all stays as it is.
    """
    trusted = upstream.open_trusted()
    trusted.refresh()
    known = {str(version) for version in trusted.list_versions()}
    if not known.issuperset(versions):
        raise NotFound("release_unknown", "the repository no longer has a release that this site holds")
    files = trusted.list_metadata()
    for version in versions:
        write_metadata(store.release_folder(version), files)


def _read_manifest(content: bytes, version: Version) -> Manifest:
    manifest = decode_manifest(content)
    if manifest.version != version:
        raise Untrusted("manifest_malformed", f"the manifest of {version} is that of {manifest.version}")
    return manifest


def verify_room(store: ReleaseStore, blobs: Collection[Blob]) -> None:
    """Say so before gigabytes have crossed the line for nothing. Raises Exhausted (`disk_full`)."""
    needed = sum(store.pool.missing_bytes(blob) for blob in blobs) + _SPARE_BYTES
    status = os.statvfs(store.folder)
    free = status.f_bavail * status.f_frsize
    if needed > free:
        raise Exhausted(
            "disk_full",
            f"the release needs {needed} bytes more on this site server, {free} are free",
            hint="Make room in the mirror's folder, or give it a larger disk, and update again.",
        )
