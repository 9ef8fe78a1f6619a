import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from cebox.errors import CeboxError, NotFound, NotPermitted, Untrusted
from cebox.release.network.transport import FolderTransport
from cebox.release.publishing.publish import publish_release, refresh_metadata
from cebox.release.publishing.sign import Keyring
from cebox.release.trust.repository import TrustedRepository
from tests.integration.release.conftest import Vendor
from tests.integration.release.samples import DECEMBER, NOVEMBER, OCTOBER, StoppedClock, build


@pytest.fixture
def clock() -> StoppedClock:
    return StoppedClock()


def refuse(work: Callable[[], object]) -> CeboxError:
    with pytest.raises(CeboxError) as refusal:
        work()
    return refusal.value


def open_repository(vendor: Vendor, state: Path, anchor: bytes) -> TrustedRepository:
    return TrustedRepository(FolderTransport(vendor.repository), state, anchor, now=vendor.clock)


def test_only_the_owner_reads_the_keys(tmp_path: Path, clock: StoppedClock) -> None:
    Keyring.init(tmp_path / "keys", tmp_path / "repository", clock=clock)
    keys = sorted((tmp_path / "keys").glob("*/*.pem"))

    assert [key.name for key in keys] == ["root.pem", "targets.pem", "releases.pem", "snapshot.pem", "timestamp.pem"]
    for key in keys:
        assert stat.S_IMODE(key.stat().st_mode) == 0o600
        assert stat.S_IMODE(key.parent.stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "keys").stat().st_mode) == 0o700


def test_a_strict_umask_does_not_hide_the_repository_nor_a_loose_one_show_the_keys(
    tmp_path: Path, clock: StoppedClock
) -> None:
    before = os.umask(0)
    try:
        Keyring.init(tmp_path / "keys", tmp_path / "repository", clock=clock)
    finally:
        os.umask(before)

    assert stat.S_IMODE((tmp_path / "keys/online/releases.pem").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "repository/metadata/timestamp.json").stat().st_mode) == 0o644


def test_keys_are_never_overwritten(tmp_path: Path, clock: StoppedClock) -> None:
    Keyring.init(tmp_path / "keys", tmp_path / "repository", clock=clock)
    before = (tmp_path / "keys/offline/root.pem").read_bytes()

    again = refuse(lambda: Keyring.init(tmp_path / "keys", tmp_path / "other", clock=clock))
    elsewhere = refuse(lambda: Keyring.init(tmp_path / "new keys", tmp_path / "repository", clock=clock))

    assert (again.code, elsewhere.code) == ("keyring_exists", "repository_exists")
    assert (tmp_path / "keys/offline/root.pem").read_bytes() == before
    assert not (tmp_path / "new keys").exists()


def test_a_folder_without_keys_is_no_keyring(tmp_path: Path) -> None:
    refusal = refuse(lambda: Keyring.load(tmp_path))

    assert isinstance(refusal, NotFound)
    assert refusal.code == "keyring_missing"


def test_a_damaged_key_is_said_so(tmp_path: Path, clock: StoppedClock) -> None:
    Keyring.init(tmp_path / "keys", tmp_path / "repository", clock=clock)
    (tmp_path / "keys/online/releases.pem").write_text("no key")
    refusal = refuse(lambda: Keyring.load(tmp_path / "keys"))

    assert isinstance(refusal, Untrusted)
    assert refusal.code == "key_invalid"


def test_a_passphrase_locks_the_offline_keys_only(tmp_path: Path, clock: StoppedClock) -> None:
    repository = tmp_path / "repository"
    Keyring.init(tmp_path / "keys", repository, clock=clock, passphrase="correct horse")

    refresh_metadata(repository, Keyring.load(tmp_path / "keys"), clock)
    locked = refuse(lambda: Keyring.load(tmp_path / "keys").rotate_root(repository, clock=clock))
    wrong = refuse(lambda: Keyring.load(tmp_path / "keys", passphrase="wrong"))
    Keyring.load(tmp_path / "keys", passphrase="correct horse").rotate_root(
        repository, clock=clock, passphrase="correct horse"
    )

    assert (locked.code, wrong.code) == ("key_missing", "passphrase_wrong")
    assert b"ENCRYPTED" in (tmp_path / "keys/offline/root.pem").read_bytes()


def test_a_box_follows_every_root_from_its_first(vendor: Vendor, tmp_path: Path) -> None:
    first_anchor = vendor.keyring.load_anchor()
    for _ in range(3):
        vendor.keyring.rotate_root(vendor.repository, clock=vendor.clock)

    assert open_repository(vendor, tmp_path / "old box", first_anchor).list_versions() == [OCTOBER, NOVEMBER]
    newest = vendor.keyring.load_anchor()
    assert newest != first_anchor
    assert open_repository(vendor, tmp_path / "new box", newest).list_versions() == [OCTOBER, NOVEMBER]
    assert len(list((vendor.repository / "metadata").glob("*.root.json"))) == 4


def test_a_replaced_publishers_key_signs_and_the_old_one_does_not(vendor: Vendor, tmp_path: Path) -> None:
    stolen = vendor.keyring
    anchor = stolen.load_anchor()
    stolen.rotate_releases(vendor.repository, clock=vendor.clock)
    build(tmp_path, DECEMBER, b"small")
    release, repository, clock = tmp_path / str(DECEMBER), vendor.repository, vendor.clock

    refusal = refuse(lambda: publish_release(release, repository, stolen, clock=clock))
    published = publish_release(release, repository, vendor.keyring, clock=clock)

    assert isinstance(refusal, NotPermitted)
    assert refusal.code == "key_not_authorised"
    assert published
    assert open_repository(vendor, tmp_path / "box", anchor).list_versions() == [OCTOBER, NOVEMBER, DECEMBER]


def test_a_root_that_boxes_would_not_follow_is_not_written(vendor: Vendor) -> None:
    stale = vendor.keyring
    stale.rotate_root(vendor.repository, clock=vendor.clock)

    refusal = refuse(lambda: stale.rotate_root(vendor.repository, clock=vendor.clock))

    assert refusal.code == "key_not_authorised"
    assert not (vendor.repository / "metadata/3.root.json").exists()


@pytest.mark.parametrize("role", ["root", "targets"])
def test_new_keys_need_the_offline_ones(vendor: Vendor, role: str) -> None:
    (vendor.folder / f"keyring/offline/{role}.pem").unlink()
    keyring = vendor.keyring
    rotate = keyring.rotate_root if role == "root" else keyring.rotate_releases

    assert refuse(lambda: rotate(vendor.repository, clock=vendor.clock)).code == "key_missing"
