"""A vendor's repository with signed releases of any size, made in milliseconds.

A mirror does not read patches, so the blobs here are random bytes; everything that is signed is signed for real.
"""

import hashlib
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from securesystemslib.signer._crypto_signer import CryptoSigner
from tuf.api._payload import (
    DelegatedRole,
    Delegations,
    MetaFile,
    Root,
    Snapshot,
    TargetFile,
    Targets,
    Timestamp,
)
from tuf.api.metadata import Metadata

from cebox.domain.version import Version
from cebox.release.manifest import Blob, Bounds, Image, Manifest, Way, encode_manifest
from cebox.release.trust import policy

_ROLES = (policy.ROOT, policy.TARGETS, policy.RELEASES, policy.SNAPSHOT, policy.TIMESTAMP)
_BOUNDS = Bounds(segment_bytes=1 << 20, dictionary_bytes=0, window_bytes=0, memory_bytes=0)
_CREATED = datetime(2026, 11, 1, tzinfo=UTC)


class Vendor:
    """`repository` is its folder; `root` the trust anchor."""

    def __init__(self, repository: Path) -> None:
        self.repository = repository
        self._signers = {role: CryptoSigner.generate_ed25519() for role in _ROLES}
        self._random = random.Random(11)
        self._targets: dict[str, TargetFile] = {}
        self._revision = 0
        self._write_offline_roles()
        self.root = (repository / "metadata/1.root.json").read_bytes()
        self.sign()

    def publish(
        self,
        version: str,
        *,
        full_bytes: int = 400_000,
        patches: dict[str, int] | None = None,
        claimed_bytes: int | None = None,
    ) -> Manifest:
        """`patches`: the size of the patch per earlier version; `claimed_bytes`: what it says of its full blob."""
        ways = [self._make_way(None, full_bytes, claimed_bytes)]
        ways += [self._make_way(old, size) for old, size in (patches or {}).items()]
        image = Image(name="root", size=full_bytes * 2, sha256=_hash(version.encode()), ways=tuple(ways))
        manifest = Manifest(
            version=Version.parse(version), floor=Version.parse(version), created=_CREATED, images=(image,)
        )
        content = encode_manifest(manifest)
        path = policy.manifest_path(manifest.version)
        self._write(f"targets/{path}", content)
        self._targets[path] = TargetFile.from_data(path, content, ["sha256"])
        self.sign()
        return manifest

    def sign(self, *, timestamp_lives_for: timedelta = timedelta(days=90)) -> None:
        """Make a new revision of everything that is signed online."""
        self._revision += 1
        revision, expires = self._revision, _now() + timedelta(days=365)
        self._save(f"{revision}.releases", Targets(version=revision, expires=expires, targets=self._targets))
        meta = {"targets.json": MetaFile(1), "releases.json": MetaFile(revision)}
        self._save(f"{revision}.snapshot", Snapshot(version=revision, expires=expires, meta=meta))
        self._save(
            "timestamp",
            Timestamp(version=revision, expires=_now() + timestamp_lives_for, snapshot_meta=MetaFile(revision)),
        )

    def blob(self, blob: Blob) -> Path:
        return self.repository / blob.path

    def _make_way(self, old: str | None, size: int, claimed_bytes: int | None = None) -> Way:
        content = self._random.randbytes(size)
        blob = Blob(sha256=_hash(content), size=claimed_bytes or size)
        self._write(blob.path, content)
        return Way(
            from_version=old,
            from_sha256=_hash(old.encode()) if old else None,
            blob=blob,
            index_bytes=1,
            index_sha256=_hash(content[:1]),
            bounds=_BOUNDS,
        )

    def _write_offline_roles(self) -> None:
        expires = _now() + timedelta(days=3650)
        root = Root(version=1, expires=expires, consistent_snapshot=True)
        for role in (policy.ROOT, policy.TARGETS, policy.SNAPSHOT, policy.TIMESTAMP):
            root.add_key(self._signers[role].public_key, role)
        key = self._signers[policy.RELEASES].public_key
        delegated = DelegatedRole(policy.RELEASES, [key.keyid], 1, terminating=True, paths=[policy.RELEASES_PATTERN])
        delegations = Delegations({key.keyid: key}, {policy.RELEASES: delegated})
        self._save("1.root", root)
        self._save("1.targets", Targets(version=1, expires=expires, delegations=delegations))

    def _save(self, name: str, signed: Root | Targets | Snapshot | Timestamp) -> None:
        role = name.rpartition(".")[2]
        metadata: Metadata[Any] = Metadata(signed)
        metadata.sign(self._signers[role])
        self._write(f"metadata/{name}.json", metadata.to_bytes())

    def _write(self, path: str, content: bytes) -> None:
        file = self.repository / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)
