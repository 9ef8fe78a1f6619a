import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from cebox.release.manifest import Image, Manifest
from cebox.release.network.transport import HttpTransport
from cebox.release.publishing.publish import publish_release
from cebox.release.publishing.sign import Keyring
from cebox.release.trust.repository import TrustedRepository
from tests.integration.release.samples import NOVEMBER, OCTOBER, StoppedClock, build, make_slot, new_image, old_image
from tests.made_once import MakeOnce
from tests.servers.range_server import RangeServer


@dataclass(frozen=True)
class Vendor:
    """Two releases, built and published; `old` and `new` are their manifests."""

    folder: Path
    old: Manifest
    new: Manifest
    clock: StoppedClock

    @property
    def repository(self) -> Path:
        return self.folder / "repository"

    @property
    def keyring(self) -> Keyring:
        return Keyring.load(self.folder / "keyring")

    @property
    def image(self) -> Image:
        return self.new.root

    def release_folder(self, manifest: Manifest) -> Path:
        return self.folder / str(manifest.version)

    def image_path(self, manifest: Manifest) -> Path:
        return self.release_folder(manifest) / "root.img"


@pytest.fixture(scope="session")
def made_vendor(make_once: MakeOnce) -> Vendor:
    """Never changed: see `vendor`."""
    made: Vendor = make_once("release-vendor", _make_vendor)
    return made


def _make_vendor(folder: Path) -> Vendor:
    old = build(folder, OCTOBER, old_image())
    new = build(folder, NOVEMBER, new_image(), [(old, folder / str(OCTOBER) / "root.img")])
    clock = StoppedClock()
    keyring = Keyring.init(folder / "keyring", folder / "repository", clock=clock)
    for manifest in (old, new):
        publish_release(folder / str(manifest.version), folder / "repository", keyring, clock=clock)
    return Vendor(folder, old, new, clock)


@pytest.fixture
def vendor(made_vendor: Vendor, tmp_path: Path) -> Vendor:
    """A copy to do anything with."""
    folder = tmp_path / "vendor"
    shutil.copytree(made_vendor.folder, folder)
    return Vendor(folder, made_vendor.old, made_vendor.new, StoppedClock())


@pytest.fixture
def server(vendor: Vendor) -> Iterator[RangeServer]:
    with RangeServer(vendor.repository) as running:
        yield running


@pytest.fixture
def transport(server: RangeServer) -> Iterator[HttpTransport]:
    with make_transport(server) as made:
        yield made


@pytest.fixture
def trusted(vendor: Vendor, transport: HttpTransport, tmp_path: Path) -> TrustedRepository:
    return TrustedRepository(transport, tmp_path / "trust", vendor.keyring.load_anchor(), now=vendor.clock)


@pytest.fixture
def slot(vendor: Vendor, tmp_path: Path) -> Path:
    """With room to spare."""
    return make_slot(tmp_path / "slot.img", vendor.image.size + 100_000)


@pytest.fixture
def old_slot(vendor: Vendor, tmp_path: Path) -> Path:
    """The running slot, larger than its image."""
    path = tmp_path / "running.img"
    path.write_bytes(old_image() + bytes(50_000))
    return path


def make_transport(server: RangeServer, give_up_after_seconds: float = 5) -> HttpTransport:
    return HttpTransport(
        server.url,
        timeout_seconds=5,
        give_up_after_seconds=give_up_after_seconds,
        first_wait_seconds=0.01,
        most_wait_seconds=0.05,
    )
