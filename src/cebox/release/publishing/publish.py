"""Puts a release folder into a static repository: blobs first, then the manifest, then the signatures that name it.

Until `timestamp.json` is replaced nobody sees the new state; a cut at any moment leaves the old one whole.
"""

import fcntl
import hashlib
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from tuf.api.metadata import TargetFile  # type: ignore[attr-defined]  # tuf offers it there without naming it

from cebox.domain.release import is_new_publication
from cebox.domain.version import Version
from cebox.errors import Conflict, Exhausted, InvalidInput
from cebox.kit.clock import Clock
from cebox.kit.files import replace_file, sync_directory
from cebox.release.making.build import MANIFEST_NAME
from cebox.release.manifest import Blob, Manifest, decode_manifest
from cebox.release.publishing.chain import Chain, write_chain
from cebox.release.publishing.sign import Keyring
from cebox.release.trust import policy
from cebox.release.trust.images import hash_image


def publish_release(release_folder: Path, repository: Path, keyring: Keyring, *, clock: Clock) -> bool:
    """Publish what `build.build_release` made; False when the very same release is there already.

    Works without the offline keys. Raises Conflict (`release_differs`, `repository_busy`), InvalidInput
    (`release_incomplete`), Untrusted (`repository_tampered`, `manifest_malformed`), NotFound (`repository_missing`,
    `key_missing`), Exhausted (`disk_full`); the published state is then as it was.
    """
    content, manifest = _load_manifest(release_folder)
    blobs = {way.blob.sha256: way.blob for image in manifest.images for way in image.ways}
    for blob in blobs.values():
        _verify_blob(release_folder / blob.path, blob)
    with _alone(keyring), _full_disk():
        chain = Chain.load(repository, keyring.load_anchor())
        path = policy.manifest_path(manifest.version)
        published = chain.releases.signed.targets.get(path)
        offered_sha256 = hashlib.sha256(content).hexdigest()
        published_sha256 = published.hashes["sha256"] if published else None
        if not is_new_publication(published_sha256, offered_sha256, manifest.version):
            return False
        for blob in blobs.values():
            _place_blob(release_folder / blob.path, repository / blob.path, blob)
        _place_manifest(repository / policy.TARGETS_FOLDER / path, content)
        chain.releases.signed.targets[path] = TargetFile.from_data(path, content, ["sha256"])
        keyring.sign_releases(chain, clock)
        write_chain(chain, repository)
    return True


def refresh_metadata(repository: Path, keyring: Keyring, clock: Clock) -> None:
    """Sign the timestamp anew, and whatever else has used up half of its life.

    To be run regularly: boxes refuse metadata that has expired. Raises what `publish_release` raises.
    """
    with _alone(keyring), _full_disk():
        chain = Chain.load(repository, keyring.load_anchor())
        now = clock()
        if _is_ageing(chain.releases.signed.expires, policy.RELEASES, now):
            keyring.sign_releases(chain, clock)
        elif _is_ageing(chain.snapshot.signed.expires, policy.SNAPSHOT, now):
            keyring.sign_snapshot(chain, clock)
        else:
            keyring.sign_timestamp(chain, clock)
        write_chain(chain, repository)


def list_published(repository: Path, keyring: Keyring) -> list[Version]:
    """Every release in the repository, oldest first. Raises what `Chain.load` raises."""
    chain = Chain.load(repository, keyring.load_anchor())
    return sorted(filter(None, map(policy.find_version, chain.releases.signed.targets)))


def _load_manifest(release_folder: Path) -> tuple[bytes, Manifest]:
    try:
        content = (release_folder / MANIFEST_NAME).read_bytes()
    except OSError as error:
        raise InvalidInput(
            "release_incomplete",
            f"{release_folder} is no release folder: it has no manifest",
            hint="Make one with `cebox release build`.",
        ) from error
    return content, decode_manifest(content)


def _verify_blob(path: Path, blob: Blob) -> None:
    if not path.is_file() or path.stat().st_size != blob.size or hash_image(path, blob.size) != blob.sha256:
        raise InvalidInput(
            "release_incomplete",
            f"{path} is missing or damaged",
            hint="Build the release again.",
        )


def _is_ageing(expires: datetime, role: str, now: datetime) -> bool:
    return expires - now < policy.LIFETIMES[role] * policy.RENEW_WITHIN


def _place_blob(source: Path, target: Path, blob: Blob) -> None:
    """A blob that is there and whole is left; a damaged one is replaced."""
    if target.is_file() and target.stat().st_size == blob.size and hash_image(target, blob.size) == blob.sha256:
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
    try:
        with source.open("rb") as reader, part.open("xb") as writer:
            shutil.copyfileobj(reader, writer, 1 << 20)
            writer.flush()
            os.fsync(writer.fileno())
        part.chmod(0o644)
        part.replace(target)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    sync_directory(target.parent)


def _place_manifest(target: Path, content: bytes) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    replace_file(target, content)


@contextmanager
def _alone(keyring: Keyring) -> Iterator[None]:
    """Two publishers at once would sign two different next states. Raises Conflict (`repository_busy`)."""
    with (keyring.folder / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise Conflict(
                "repository_busy",
                "another publication is running with this keyring",
                hint="Wait until it ends.",
            ) from error
        yield


@contextmanager
def _full_disk() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise Exhausted(
            "disk_full",
            f"the repository cannot be written: {error}",
            hint="Free some space; what was published before is untouched.",
        ) from error
