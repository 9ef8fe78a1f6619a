"""A vendor with a signed release of a real machine, small, and the sticks made of it."""

import hashlib
import random
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from cebox.domain.version import Version
from cebox.keys.contents import InstallSettings
from cebox.keys.release_source import ImageStore, SignedRelease, fetch_signed
from cebox.keys.stick import Stick, open_stick
from cebox.kit.clock import Clock
from cebox.release.making.build import build_release
from cebox.release.manifest import Notes
from cebox.release.network.transport import FolderTransport
from cebox.release.publishing.publish import publish_release
from cebox.release.publishing.sign import Keyring
from cebox.release.trust.repository import TrustedRepository
from tests.machines import boot_images

VERSION = "2026.11.1"
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
ROOT_BYTES = 5 << 20
SETTINGS = InstallSettings(
    console_url="https://console.example.org",
    token="cbk_0123456789abcdef",
    key="stick-lyon",
    account="Atelier Nord",
    site="Lyon",
    version=VERSION,
    made_at=NOW,
)


def now() -> datetime:
    return NOW


class KeyMaker:
    """One folder: the keyring, the repository, and images that are fetched once. Signs with the keys that are there."""

    def __init__(self, folder: Path, clock: Clock = now) -> None:
        self.repository = folder / "repository"
        self.keyring_folder = folder / "keyring"
        self.keyring = Keyring.init(self.keyring_folder, self.repository, clock=clock)
        self.anchor = self.keyring.load_anchor()
        self.store = ImageStore(folder / "images")
        self._folder = folder
        self._clock = clock

    def publish(self, version: str = VERSION, *, has_boot: bool = True) -> None:
        room = self._folder / version
        room.mkdir()
        root, boot = room / "root.img", room / "boot.efi"
        half = random.Random(version).randbytes(ROOT_BYTES // 2)
        root.write_bytes(half + bytes(ROOT_BYTES - len(half) - 4096) + half[:4096])
        sha256 = hashlib.sha256(root.read_bytes()).hexdigest()
        boot_images.write(boot, version=version, sha256=sha256, size=ROOT_BYTES, kernel_bytes=300_000)
        build_release(
            source=root,
            boot=boot if has_boot else None,
            version=Version.parse(version),
            floor=Version.parse(version),
            notes=Notes(),
            output=room / "release",
            created=NOW,
        )
        publish_release(room / "release", self.repository, Keyring.load(self.keyring_folder), clock=self._clock)

    def get_signed(self, version: str = VERSION) -> SignedRelease:
        transport = FolderTransport(self.repository)
        state = self._folder / "state" / version
        return fetch_signed(TrustedRepository(transport, state, self.anchor, now=self._clock), Version.parse(version))

    @contextmanager
    def open_stick(self, workshop: Path, settings: InstallSettings = SETTINGS) -> Iterator[Stick]:
        release = self.get_signed(settings.version)
        boot, root = self.store.fetch_images(
            release.images, FolderTransport(self.repository), lambda _done, _total: None
        )
        with open_stick(release, boot, root, settings, workshop) as stick:
            yield stick

    def write_stick(self, path: Path, settings: InstallSettings = SETTINGS) -> Path:
        """As a file that is a stick."""
        with self.open_stick(path.parent, settings) as stick, path.open("wb") as stream:
            for chunk in stick.read_chunks():
                stream.write(chunk)
        return path
