"""The patches of a release that is here already: exactly those its site needs, as boxes come, go and are updated.

The full image is always there, so that a box whose patch is missing, or goes while it is read, takes that. What the
release is was verified when it was prepared; only what is missing of it crosses the WAN.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass

from cebox.domain.version import Version
from cebox.release.manifest import Blob, Manifest, decode_manifest
from cebox.release.trust import policy
from cebox.release.trust.repository import Transport
from cebox.wrs.preparation import plan_blobs, verify_room
from cebox.wrs.store import ReleaseStore


@dataclass(frozen=True)
class Adjustment:
    """`wanted` is all that the release's folder is to hold; `surplus` are hashes of what it holds besides."""

    wanted: tuple[Blob, ...]
    missing: tuple[Blob, ...]
    surplus: tuple[str, ...]


def plan_adjustment(manifest: Manifest, box_versions: Collection[str], held: Collection[str]) -> Adjustment:
    """`held` are the hashes of the blobs in the release's folder."""
    wanted = tuple(plan_blobs(manifest, box_versions))
    names = {blob.sha256 for blob in wanted}
    return Adjustment(
        wanted=wanted,
        missing=tuple(blob for blob in wanted if blob.sha256 not in held),
        surplus=tuple(sorted(set(held) - names)),
    )


def load_manifest(store: ReleaseStore, version: str) -> Manifest:
    """Of a whole release. Raises OSError, Untrusted (`manifest_malformed`)."""
    path = store.release_folder(version) / policy.TARGETS_FOLDER / policy.manifest_path(Version.parse(version))
    return decode_manifest(path.read_bytes())


def fetch_missing(
    adjustment: Adjustment, version: str, *, transport: Transport, store: ReleaseStore, check: Callable[[], None]
) -> None:
    """`check` is called as bytes arrive, and may raise to stop. What was fetched until then is kept.

    Raises what the transport raises, Untrusted (`blob_damaged`), Exhausted (`disk_full`), OSError.
    """
    verify_room(store, adjustment.missing)
    for blob in adjustment.missing:
        store.pool.obtain(blob, transport, lambda _count: check())
        store.link_blob(version, blob.sha256)


def drop_surplus(adjustment: Adjustment, version: str, store: ReleaseStore) -> None:
    """Raises OSError."""
    for sha256 in adjustment.surplus:
        store.unlink_blob(version, sha256)
