"""The vendor's keys, and what they sign.

<keyring>/root.json            the trust anchor handed to boxes: the newest root
<keyring>/offline/*.pem        root, targets: needed for new keys only; keep this folder on a stick in a safe
<keyring>/online/*.pem         releases, snapshot, timestamp: what publishing needs
"""

from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from securesystemslib.signer import CryptoSigner  # type: ignore[attr-defined]  # offered there without being named
from tuf.api.metadata import (  # type: ignore[attr-defined]  # tuf offers them there without naming them
    DelegatedRole,
    Delegations,
    Metadata,
    Root,
    Snapshot,
    Targets,
    Timestamp,
)

from cebox.errors import Conflict, InvalidInput, NotFound, Untrusted
from cebox.kit.clock import Clock
from cebox.kit.files import replace_file, sync_directory, write_secret
from cebox.release.publishing.chain import Chain, write_chain
from cebox.release.trust import policy

ANCHOR_NAME = "root.json"
_FOLDER_OF = dict.fromkeys(policy.OFFLINE_ROLES, "offline") | dict.fromkeys(policy.ONLINE_ROLES, "online")
_Signable = Metadata[Root] | Metadata[Targets] | Metadata[Snapshot] | Metadata[Timestamp]


@dataclass(frozen=True, slots=True)
class Keyring:
    """The keys found in `folder`; the offline ones may be absent."""

    folder: Path
    signers: dict[str, CryptoSigner]

    @classmethod
    def init(cls, folder: Path, repository: Path, *, clock: Clock, passphrase: str | None = None) -> "Keyring":
        """Create all keys and an empty, signed repository. `passphrase` encrypts the offline keys.

        Raises Conflict (`keyring_exists`, `repository_exists`).
        """
        if any((folder / name).exists() for name in (*set(_FOLDER_OF.values()), ANCHOR_NAME)):
            raise Conflict(
                "keyring_exists",
                f"{folder} holds a keyring already",
                hint="Keys are never overwritten; name a new folder.",
            )
        if (repository / policy.METADATA_FOLDER).exists():
            raise Conflict(
                "repository_exists",
                f"{repository} holds a repository already",
                hint="Name a new folder; another keyring cannot sign for this one.",
            )
        keys = {role: Ed25519PrivateKey.generate() for role in _FOLDER_OF}
        for role, key in keys.items():
            _make_private(folder, _key_path(folder, role).parent)
            _save_key(_key_path(folder, role), key, passphrase if role in policy.OFFLINE_ROLES else None)
        keyring = cls(folder, {role: CryptoSigner(key) for role, key in keys.items()})
        chain = keyring._sign_first(clock)
        write_chain(chain, repository)
        replace_file(keyring.anchor_path, chain.root.to_bytes())
        return keyring

    @classmethod
    def load(cls, folder: Path, *, passphrase: str | None = None) -> "Keyring":
        """Raises NotFound (`keyring_missing`), InvalidInput (`passphrase_wrong`), Untrusted (`key_invalid`)."""
        if not (folder / ANCHOR_NAME).is_file():
            raise NotFound("keyring_missing", f"{folder} holds no keyring", hint="Create one: `cebox keyring init`.")
        paths = {role: _key_path(folder, role) for role in _FOLDER_OF}
        found = {role: path for role, path in paths.items() if path.exists()}
        # Encrypted offline keys beside a publisher who gave no passphrase are as good as absent.
        keys = {role: _load_key(path, passphrase) for role, path in found.items() if passphrase or not _is_locked(path)}
        return cls(folder, {role: CryptoSigner(key) for role, key in keys.items()})

    @property
    def anchor_path(self) -> Path:
        return self.folder / ANCHOR_NAME

    def load_anchor(self) -> bytes:
        """The root to hand to boxes."""
        return self.anchor_path.read_bytes()

    def get_signer(self, role: str) -> CryptoSigner:
        """Raises NotFound (`key_missing`)."""
        signer = self.signers.get(role)
        if signer is None:
            raise NotFound(
                "key_missing",
                f"the keyring has no {role} key, or no passphrase for it",
                hint=f"Bring its {_FOLDER_OF[role]} folder and its passphrase, or run this where they are.",
            )
        return signer

    def rotate_releases(self, repository: Path, *, clock: Clock) -> "Keyring":
        """Replace the publisher's key: the old one is worth nothing to a box that has seen the new metadata.

        Needs all keys but root's. Raises what `Chain.load` and `get_signer` raise.
        """
        chain = Chain.load(repository, self.load_anchor())
        key = Ed25519PrivateKey.generate()
        renewed = Keyring(self.folder, self.signers | {policy.RELEASES: CryptoSigner(key)})
        _replace_key(chain.targets.signed, policy.RELEASES, renewed.get_signer(policy.RELEASES))
        renewed._sign_next(chain.targets, policy.TARGETS, clock)
        renewed.sign_releases(chain, clock)
        with _Swap(_key_path(self.folder, policy.RELEASES), key, None):
            write_chain(chain, repository)
        return renewed

    def rotate_root(self, repository: Path, *, clock: Clock, passphrase: str | None = None) -> "Keyring":
        """Replace the root key: the next root is signed by the old and the new one, so that every box can follow.

        `passphrase` encrypts the new key. Raises what `Chain.load` and `get_signer` raise.
        """
        chain = Chain.load(repository, self.load_anchor())
        key = Ed25519PrivateKey.generate()
        renewed = Keyring(self.folder, self.signers | {policy.ROOT: CryptoSigner(key)})
        old_signer = self.get_signer(policy.ROOT)
        _replace_key(chain.root.signed, policy.ROOT, renewed.get_signer(policy.ROOT))
        renewed._sign_next(chain.root, policy.ROOT, clock)
        chain.root.sign(old_signer, append=True)
        with _Swap(_key_path(self.folder, policy.ROOT), key, passphrase):
            write_chain(chain, repository)
            replace_file(self.anchor_path, chain.root.to_bytes())
        return renewed

    def sign_releases(self, chain: Chain, clock: Clock) -> None:
        """Sign the next version of the releases role, and what stands above it."""
        self._sign_next(chain.releases, policy.RELEASES, clock)
        self.sign_snapshot(chain, clock)

    def sign_snapshot(self, chain: Chain, clock: Clock) -> None:
        """Sign a snapshot of the chain as it is, and a timestamp of that."""
        chain.note_targets()
        self._sign_next(chain.snapshot, policy.SNAPSHOT, clock)
        self.sign_timestamp(chain, clock)

    def sign_timestamp(self, chain: Chain, clock: Clock) -> None:
        chain.note_snapshot()
        self._sign_next(chain.timestamp, policy.TIMESTAMP, clock)

    def _sign_first(self, clock: Clock) -> Chain:
        root = Root(consistent_snapshot=True)
        for name in (policy.ROOT, policy.TARGETS, policy.SNAPSHOT, policy.TIMESTAMP):
            root.add_key(self.get_signer(name).public_key, name)
        key = self.get_signer(policy.RELEASES).public_key
        role = DelegatedRole(policy.RELEASES, [key.keyid], 1, terminating=True, paths=[policy.RELEASES_PATTERN])
        targets = Targets(delegations=Delegations({key.keyid: key}, {policy.RELEASES: role}))
        chain = Chain(
            Metadata(root), Metadata(targets), Metadata(Targets()), Metadata(Snapshot()), Metadata(Timestamp())
        )
        self._sign(chain.root, policy.ROOT, clock)
        self._sign(chain.targets, policy.TARGETS, clock)
        self._sign(chain.releases, policy.RELEASES, clock)
        chain.note_targets()
        self._sign(chain.snapshot, policy.SNAPSHOT, clock)
        chain.note_snapshot()
        self._sign(chain.timestamp, policy.TIMESTAMP, clock)
        return chain

    def _sign_next(self, metadata: _Signable, role: str, clock: Clock) -> None:
        metadata.signed.version += 1
        self._sign(metadata, role, clock)

    def _sign(self, metadata: _Signable, role: str, clock: Clock) -> None:
        metadata.signed.expires = clock().replace(microsecond=0) + policy.LIFETIMES[role]
        metadata.sign(self.get_signer(role))


class _Swap:
    """The new key is on the disk before anything it signed, and takes the old one's name only afterwards."""

    def __init__(self, path: Path, key: Ed25519PrivateKey, passphrase: str | None) -> None:
        self._path = path
        self._next = path.with_suffix(".next.pem")
        _save_key(self._next, key, passphrase)

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: object) -> None:
        if kind is None:
            self._path.replace(self._path.with_suffix(".old.pem"))
            self._next.replace(self._path)
            sync_directory(self._path.parent)


def _replace_key(delegator: "Root | Targets", role: str, signer: CryptoSigner) -> None:
    for key_id in list(delegator.get_delegated_role(role).keyids):
        delegator.revoke_key(key_id, role)
    delegator.add_key(signer.public_key, role)


def _key_path(folder: Path, role: str) -> Path:
    return folder / _FOLDER_OF[role] / f"{role}.pem"


def _make_private(*folders: Path) -> None:
    for folder in folders:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)


def _save_key(path: Path, key: Ed25519PrivateKey, passphrase: str | None) -> None:
    encryption: serialization.KeySerializationEncryption = serialization.NoEncryption()
    if passphrase:
        encryption = serialization.BestAvailableEncryption(passphrase.encode())
    write_secret(path, key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption))


def _is_locked(path: Path) -> bool:
    return b"ENCRYPTED PRIVATE KEY" in path.read_bytes()


def _load_key(path: Path, passphrase: str | None) -> Ed25519PrivateKey:
    password = passphrase.encode() if passphrase and _is_locked(path) else None
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), password)
    except ValueError as error:
        if password is not None:
            raise InvalidInput("passphrase_wrong", f"the passphrase does not open {path}") from error
        raise Untrusted("key_invalid", f"{path} holds no private key") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise Untrusted("key_invalid", f"{path} holds no Ed25519 key")
    return key
