"""The vendor's side of the signed chain: the repository's newest metadata, verified before anything is signed on top.

A repository that somebody tampered with must not be made good by the next signature.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

from securesystemslib.exceptions import StorageError
from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import (  # type: ignore[attr-defined]  # tuf offers them there without naming them
    Metadata,
    MetaFile,
    Root,
    Snapshot,
    Targets,
    Timestamp,
)

from cebox.errors import NotFound, NotPermitted, Untrusted
from cebox.kit.files import replace_file
from cebox.release.trust import policy


@dataclass(slots=True)
class Chain:
    """One consistent state. Whoever changes a role signs it and everything it is noted in (`sign.Keyring`)."""

    root: Metadata[Root]
    targets: Metadata[Targets]
    releases: Metadata[Targets]
    snapshot: Metadata[Snapshot]
    timestamp: Metadata[Timestamp]

    @classmethod
    def load(cls, repository: Path, anchor: bytes) -> Self:
        """Read what `timestamp.json` leads to, and verify every signature from `anchor` on; expiry is no matter here.

        Raises NotFound (`repository_missing`), Untrusted (`repository_tampered`).
        """
        folder = repository / policy.METADATA_FOLDER
        if not folder.is_dir():
            raise NotFound(
                "repository_missing",
                f"{repository} is no repository",
                hint="Create one with `cebox keyring init`.",
            )
        try:
            return cls._load_verified(folder, anchor)
        except (RepositoryError, StorageError, ValueError, KeyError) as error:
            raise Untrusted(
                "repository_tampered",
                f"the repository's metadata is not what this keyring signed: {error}",
                hint="Restore the repository from a good copy; nothing was signed.",
            ) from error

    @classmethod
    def _load_verified(cls, folder: Path, anchor: bytes) -> Self:
        root = Metadata[Root].from_bytes(anchor)
        while (path := folder / f"{root.signed.version + 1}.root.json").exists():
            newer = Metadata[Root].from_bytes(path.read_bytes())
            for judge in (root, newer):
                judge.signed.verify_delegate(policy.ROOT, newer.signed_bytes, newer.signatures)
            root = newer
        timestamp = Metadata[Timestamp].from_file(str(folder / "timestamp.json"))
        snapshot = Metadata[Snapshot].from_file(str(folder / f"{timestamp.signed.snapshot_meta.version}.snapshot.json"))
        targets = Metadata[Targets].from_file(str(folder / _name(snapshot, policy.TARGETS)))
        releases = Metadata[Targets].from_file(str(folder / _name(snapshot, policy.RELEASES)))
        chain = cls(root, targets, releases, snapshot, timestamp)
        chain.verify_signatures()
        return chain

    def verify_signatures(self) -> None:
        """Raises tuf's RepositoryError where a role is not signed by a key its delegator names."""
        root, targets = self.root.signed, self.targets.signed
        root.verify_delegate(policy.ROOT, self.root.signed_bytes, self.root.signatures)
        root.verify_delegate(policy.TARGETS, self.targets.signed_bytes, self.targets.signatures)
        root.verify_delegate(policy.SNAPSHOT, self.snapshot.signed_bytes, self.snapshot.signatures)
        root.verify_delegate(policy.TIMESTAMP, self.timestamp.signed_bytes, self.timestamp.signatures)
        targets.verify_delegate(policy.RELEASES, self.releases.signed_bytes, self.releases.signatures)

    def note_targets(self) -> None:
        """Let the snapshot name the present targets and releases."""
        for role, metadata in ((policy.TARGETS, self.targets), (policy.RELEASES, self.releases)):
            content = metadata.to_bytes()
            self.snapshot.signed.meta[f"{role}.json"] = MetaFile.from_data(metadata.signed.version, content, ["sha256"])

    def note_snapshot(self) -> None:
        """Let the timestamp name the present snapshot."""
        content = self.snapshot.to_bytes()
        self.timestamp.signed.snapshot_meta = MetaFile.from_data(self.snapshot.signed.version, content, ["sha256"])

    def list_files(self) -> dict[str, bytes]:
        """By name, in the order in which they may be written: each file leads only to files before it."""
        return {
            f"{self.root.signed.version}.root.json": self.root.to_bytes(),
            f"{self.targets.signed.version}.targets.json": self.targets.to_bytes(),
            f"{self.releases.signed.version}.releases.json": self.releases.to_bytes(),
            f"{self.snapshot.signed.version}.snapshot.json": self.snapshot.to_bytes(),
            "timestamp.json": self.timestamp.to_bytes(),
        }


def write_chain(chain: Chain, repository: Path) -> None:
    """Write what is new; a cut at any moment leaves the old state or the new one.

    Raises NotPermitted (`key_not_authorised`) before anything is written, and OSError.
    """
    folder = repository / policy.METADATA_FOLDER
    try:
        chain.verify_signatures()
        _verify_follows(chain.root, folder / f"{chain.root.signed.version - 1}.root.json")
    except RepositoryError as error:
        raise NotPermitted(
            "key_not_authorised",
            f"the repository does not accept this keyring's keys (any more): {error}",
            hint="A key was replaced; use the keyring it was replaced in.",
        ) from error
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in chain.list_files().items():
        path = folder / name
        if not path.exists() or path.read_bytes() != content:
            replace_file(path, content)


def _name(snapshot: Metadata[Snapshot], role: str) -> str:
    return f"{snapshot.signed.meta[f'{role}.json'].version}.{role}.json"


def _verify_follows(root: Metadata[Root], before: Path) -> None:
    """A root that the one before it has not signed would lock out every box."""
    if before.exists():
        Metadata[Root].from_file(str(before)).signed.verify_delegate(policy.ROOT, root.signed_bytes, root.signatures)
