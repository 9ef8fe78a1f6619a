import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from tuf.api.metadata import TargetFile  # type: ignore[attr-defined]  # tuf offers it there without naming it

from cebox.errors import CeboxError, NotFound, Unavailable, Untrusted
from cebox.release.manifest import decode_manifest
from cebox.release.network.transport import FolderTransport
from cebox.release.publishing.chain import Chain, write_chain
from cebox.release.publishing.publish import publish_release, refresh_metadata
from cebox.release.publishing.sign import Keyring
from cebox.release.trust.repository import TrustedRepository
from tests.integration.release.conftest import Vendor, make_transport
from tests.integration.release.samples import DECEMBER, NOVEMBER, OCTOBER, build
from tests.servers.range_server import RangeServer


def again(vendor: Vendor, state_folder: Path) -> TrustedRepository:
    """The next start of the box, with the state it kept."""
    return TrustedRepository(
        FolderTransport(vendor.repository), state_folder, vendor.keyring.load_anchor(), now=vendor.clock
    )


def sign_target(vendor: Vendor, path: str, like: str) -> None:
    """The publisher's key signs another target, with the content of `like`."""
    chain = Chain.load(vendor.repository, vendor.keyring.load_anchor())
    entry = chain.releases.signed.targets[like].to_dict()
    chain.releases.signed.targets[path] = TargetFile.from_dict(entry, path)
    vendor.keyring.sign_releases(chain, vendor.clock)
    write_chain(chain, vendor.repository)


def refuse(work: Callable[[], object]) -> CeboxError:
    with pytest.raises(CeboxError) as refusal:
        work()
    return refusal.value


def test_the_published_releases_are_listed_oldest_first(trusted: TrustedRepository) -> None:
    assert trusted.list_versions() == [OCTOBER, NOVEMBER]


def test_a_manifest_arrives_as_it_was_built(trusted: TrustedRepository, vendor: Vendor) -> None:
    assert trusted.get_manifest(NOVEMBER) == vendor.new
    assert decode_manifest(trusted.get_manifest_content(OCTOBER)) == vendor.old


def test_an_unpublished_release_is_unknown(trusted: TrustedRepository) -> None:
    refusal = refuse(lambda: trusted.get_manifest(DECEMBER))

    assert isinstance(refusal, NotFound)
    assert refusal.code == "release_unknown"


def test_a_new_release_is_seen_after_a_refresh(trusted: TrustedRepository, vendor: Vendor) -> None:
    trusted.refresh()
    build(vendor.folder, DECEMBER, b"small")
    publish_release(vendor.folder / str(DECEMBER), vendor.repository, vendor.keyring, clock=vendor.clock)
    assert trusted.list_versions() == [OCTOBER, NOVEMBER]

    trusted.refresh()

    assert trusted.list_versions() == [OCTOBER, NOVEMBER, DECEMBER]


def test_a_repository_that_is_away_is_unavailable(vendor: Vendor, server: RangeServer, tmp_path: Path) -> None:
    server.stop()
    with make_transport(server, give_up_after_seconds=0.2) as transport:
        trusted = TrustedRepository(transport, tmp_path / "trust", vendor.keyring.load_anchor(), now=vendor.clock)
        refusal = refuse(trusted.refresh)

    assert isinstance(refusal, Unavailable)
    assert refusal.code == "repository_unreachable"


def test_a_folder_without_metadata_is_no_repository(vendor: Vendor, tmp_path: Path) -> None:
    shutil.rmtree(vendor.repository / "metadata")

    assert refuse(again(vendor, tmp_path / "trust").refresh).code == "metadata_missing"


METADATA = ["timestamp.json", "3.snapshot.json", "1.targets.json", "3.releases.json"]


@pytest.mark.parametrize("name", METADATA)
@pytest.mark.parametrize("fault", ["truncated", "bit_flipped", "empty", "noise", "another_file"])
def test_damaged_metadata_is_refused(vendor: Vendor, tmp_path: Path, name: str, fault: str) -> None:
    path = vendor.repository / "metadata" / name
    content = path.read_bytes()
    flipped = bytearray(content)
    flipped[len(content) // 2] ^= 1
    damaged = {
        "truncated": content[:-30],
        "bit_flipped": bytes(flipped),
        "empty": b"",
        "noise": bytes(range(256)),
        "another_file": (vendor.repository / "metadata/1.root.json").read_bytes(),
    }
    path.write_bytes(damaged[fault])

    refusal = refuse(again(vendor, tmp_path / "trust").refresh)

    assert isinstance(refusal, Untrusted)
    assert refusal.code in {"metadata_invalid", "endless_data"}


@pytest.mark.parametrize("name", METADATA)
def test_missing_metadata_is_unavailable(vendor: Vendor, tmp_path: Path, name: str) -> None:
    (vendor.repository / "metadata" / name).unlink()

    assert refuse(again(vendor, tmp_path / "trust").refresh).code == "metadata_missing"


def test_metadata_of_another_vendor_is_refused(vendor: Vendor, tmp_path: Path) -> None:
    """The same releases, signed with keys of one's own."""
    shutil.rmtree(vendor.repository / "metadata")
    stranger = Keyring.init(tmp_path / "stranger", vendor.repository, clock=vendor.clock)
    for manifest in (vendor.old, vendor.new):
        publish_release(vendor.release_folder(manifest), vendor.repository, stranger, clock=vendor.clock)

    assert refuse(again(vendor, tmp_path / "trust").refresh).code == "metadata_invalid"


def test_a_repository_set_back_is_refused_by_who_saw_the_newer(vendor: Vendor, tmp_path: Path) -> None:
    backup = shutil.copytree(vendor.repository / "metadata", tmp_path / "backup")
    refresh_metadata(vendor.repository, vendor.keyring, vendor.clock)
    state = tmp_path / "trust"
    again(vendor, state).refresh()
    shutil.rmtree(vendor.repository / "metadata")
    shutil.copytree(backup, vendor.repository / "metadata")

    assert refuse(again(vendor, state).refresh).code == "metadata_rolled_back"
    again(vendor, tmp_path / "another box").refresh()


@pytest.mark.parametrize(
    ("days", "code"), [(0, None), (80, None), (91, "metadata_expired"), (365 * 11, "metadata_expired")]
)
def test_metadata_expires_by_the_time_that_is_passed_in(
    vendor: Vendor, tmp_path: Path, days: int, code: str | None
) -> None:
    repository = again(vendor, tmp_path / "trust")
    vendor.clock.advance(days=days)

    if code is None:
        repository.refresh()
    else:
        assert refuse(repository.refresh).code == code


def test_a_box_whose_clock_stands_before_the_signatures_is_served(vendor: Vendor, tmp_path: Path) -> None:
    """A dead clock battery says 1970: nothing has expired then, and older states are refused all the same."""
    vendor.clock.advance(days=-56 * 365)

    assert again(vendor, tmp_path / "trust").list_versions() == [OCTOBER, NOVEMBER]


def test_a_box_that_was_off_for_six_months_finds_its_way(vendor: Vendor, tmp_path: Path) -> None:
    """Meanwhile the metadata was renewed, the root and the publisher's key were replaced, and a release came."""
    state = tmp_path / "trust"
    old_anchor = vendor.keyring.load_anchor()
    again(vendor, state).refresh()
    for _ in range(6):
        vendor.clock.advance(days=30)
        refresh_metadata(vendor.repository, vendor.keyring, vendor.clock)
    vendor.keyring.rotate_root(vendor.repository, clock=vendor.clock)
    vendor.keyring.rotate_releases(vendor.repository, clock=vendor.clock)
    build(vendor.folder, DECEMBER, b"small")
    publish_release(vendor.folder / str(DECEMBER), vendor.repository, vendor.keyring, clock=vendor.clock)

    returned = TrustedRepository(FolderTransport(vendor.repository), state, old_anchor, now=vendor.clock)

    assert returned.get_manifest(DECEMBER).version == DECEMBER


@pytest.mark.parametrize("name", ["timestamp.json", "snapshot.json", "targets.json", "releases.json", "root.json"])
@pytest.mark.parametrize("fault", ["truncated", "empty", "bit_flipped", "missing", "a_folder"])
def test_a_damaged_state_folder_recovers(vendor: Vendor, tmp_path: Path, name: str, fault: str) -> None:
    state = tmp_path / "trust"
    again(vendor, state).refresh()
    path = state / name
    content = path.read_bytes()
    path.unlink()
    if fault == "a_folder":
        path.mkdir()
        (path / "x").write_text("x")
    elif fault != "missing":
        damaged = {"truncated": content[:-9], "empty": b"", "bit_flipped": content.replace(b"a", b"b", 1)}
        path.write_bytes(damaged[fault])

    assert again(vendor, state).get_manifest(NOVEMBER) == vendor.new


@pytest.mark.parametrize("fault", ["root_history_a_file", "all_a_file", "old_root_damaged", "leftover_files"])
def test_a_misshapen_state_folder_recovers(vendor: Vendor, tmp_path: Path, fault: str) -> None:
    vendor.keyring.rotate_root(vendor.repository, clock=vendor.clock)
    state = tmp_path / "trust"
    again(vendor, state).refresh()
    if fault == "root_history_a_file":
        shutil.rmtree(state / "root_history")
        (state / "root_history").write_text("x")
    elif fault == "all_a_file":
        shutil.rmtree(state)
        state.write_text("x")
    elif fault == "old_root_damaged":
        (state / "root_history/2.root.json").write_text("{}")
    else:
        (state / "tmp1234").write_text("half a file")

    assert again(vendor, state).list_versions() == [OCTOBER, NOVEMBER]


@pytest.mark.parametrize("fault", ["truncated", "bit_flipped", "another_release"])
def test_a_damaged_manifest_is_refused(vendor: Vendor, tmp_path: Path, fault: str) -> None:
    path = vendor.repository / f"targets/releases/{NOVEMBER}/manifest.json"
    content = path.read_bytes()
    damaged = {
        "truncated": content[:-1],
        "bit_flipped": content.replace(b"2026.11.1", b"2026.13.1"),
        "another_release": (vendor.repository / f"targets/releases/{OCTOBER}/manifest.json").read_bytes(),
    }
    path.write_bytes(damaged[fault])
    repository = again(vendor, tmp_path / "trust")
    refusal = refuse(lambda: repository.get_manifest(NOVEMBER))

    assert isinstance(refusal, Untrusted)
    assert refusal.code in {"manifest_differs", "blob_truncated"}


def test_a_signed_manifest_of_another_version_is_refused(vendor: Vendor, tmp_path: Path) -> None:
    """The publisher's mistake: a manifest under another release's name."""
    sign_target(vendor, f"releases/{DECEMBER}/manifest.json", f"releases/{OCTOBER}/manifest.json")
    folder = vendor.repository / "targets/releases"
    shutil.copytree(folder / str(OCTOBER), folder / str(DECEMBER))

    assert refuse(lambda: again(vendor, tmp_path / "trust").get_manifest(DECEMBER)).code == "manifest_malformed"


def test_endless_metadata_is_cut_off(trusted: TrustedRepository, server: RangeServer) -> None:
    server.faults.endless = True
    server.faults.only_path = "timestamp"

    assert refuse(trusted.refresh).code == "endless_data"


def test_metadata_survives_a_bad_line(trusted: TrustedRepository, server: RangeServer) -> None:
    server.faults.fail_first_n = 2

    assert trusted.list_versions() == [OCTOBER, NOVEMBER]


def test_a_mirror_made_of_the_listed_files_is_a_repository(
    vendor: Vendor, trusted: TrustedRepository, tmp_path: Path
) -> None:
    """Also for a box whose anchor is older than the mirror's."""
    first_anchor = vendor.keyring.load_anchor()
    vendor.keyring.rotate_root(vendor.repository, clock=vendor.clock)
    newest = TrustedRepository(
        FolderTransport(vendor.repository), tmp_path / "new trust", vendor.keyring.load_anchor(), now=vendor.clock
    )
    mirror = tmp_path / "mirror"
    for path, content in newest.list_metadata().items():
        (mirror / path).parent.mkdir(parents=True, exist_ok=True)
        (mirror / path).write_bytes(content)
    manifest = mirror / f"targets/releases/{NOVEMBER}/manifest.json"
    manifest.parent.mkdir(parents=True)
    manifest.write_bytes(newest.get_manifest_content(NOVEMBER))

    box = TrustedRepository(FolderTransport(mirror), tmp_path / "box", first_anchor, now=vendor.clock)

    assert list(newest.list_metadata())[-1] == "metadata/timestamp.json"
    assert box.get_manifest(NOVEMBER) == vendor.new
    assert refuse(lambda: box.get_manifest(OCTOBER)).code == "blob_missing"


def test_a_target_that_names_no_version_is_passed_over(vendor: Vendor, tmp_path: Path) -> None:
    sign_target(vendor, "releases/latest/manifest.json", f"releases/{NOVEMBER}/manifest.json")

    assert again(vendor, tmp_path / "trust").list_versions() == [OCTOBER, NOVEMBER]
