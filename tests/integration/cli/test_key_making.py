"""`cebox key make`, from the words typed to a machine that is installed, enrolled, and follows keys replaced since."""

import shutil
from pathlib import Path

import pytest

from cebox.agent.enrolment import enrol
from cebox.agent.settings import load_settings
from cebox.domain.version import Version
from cebox.installer.disks import list_disks
from cebox.installer.first_data import write_first_data
from cebox.installer.opened_key import OpenedKey, find_stick, open_key
from cebox.kit.clock import utc_now
from cebox.protocol.device_client import DeviceClient
from cebox.protocol.identity import DeviceIdentity
from cebox.release.network.transport import FolderTransport
from cebox.release.trust.repository import TrustedRepository
from tests.integration.cli.command import Person, Said
from tests.integration.cli.conftest import ACCOUNT, OLD, SITE, Fleet, Vendor
from tests.machines.blank_machine import BlankMachine
from tests.machines.key_maker import KeyMaker

NEXT = "2026.11.9"


@pytest.fixture(scope="module")
def maker(tmp_path_factory: pytest.TempPathFactory) -> KeyMaker:
    """Of releases for real machines; the console's own are for virtual ones."""
    maker = KeyMaker(tmp_path_factory.mktemp("maker"), clock=utc_now)
    maker.publish(OLD)
    return maker


@pytest.fixture
def admin(fleet: Fleet, tmp_path: Path) -> Person:
    """With a cache of their own."""
    return Person(fleet.admin.config, {"XDG_CACHE_HOME": str(tmp_path / "cache")})


def make(person: Person, maker: KeyMaker, name: str, output: Path, *words: object) -> Said:
    source = ("--repository", maker.repository, "--root", maker.keyring.anchor_path)
    return person.type("key", "make", name, "--output", output, *source, *words)


def open_stick(image: Path, folder: Path) -> OpenedKey:
    machine, room = BlankMachine(folder / "machine"), folder / "room"
    machine.start_from(image)
    room.mkdir()
    return open_key(find_stick(list_disks(machine.places), machine.places), room)


def list_keys(person: Person, name: str) -> list[dict[str, object]]:
    return [key for key in person.must("key", "list", "--json").json if key["name"] == name]


def test_a_machine_of_the_stick_enrols_and_follows_keys_that_were_replaced_since(
    fleet: Fleet, admin: Person, tmp_path: Path
) -> None:
    maker = KeyMaker(tmp_path / "maker", clock=utc_now)
    maker.publish(OLD)
    said = make(admin, maker, "stick-lyon", tmp_path / "stick.img", "--site", SITE, "--uses", 3)
    assert said.code == 0, said
    assert "only this machine finds it there" in said.err
    key = open_stick(tmp_path / "stick.img", tmp_path)

    for role in ("root", "releases", "root"):
        admin.must("keyring", "rotate", role, "--keyring", maker.keyring_folder, "--repository", maker.repository)
    maker.publish(NEXT)
    write_first_data(tmp_path / "var", key.settings, key.anchor, machine_name="poste-07")
    settings = load_settings(tmp_path / "var/lib/cebox")
    client = DeviceClient(settings.console_url, DeviceIdentity.generate(), clock=utc_now)
    enrolment = enrol(settings, client)
    trusted = TrustedRepository(
        FolderTransport(maker.repository), tmp_path / "trust", settings.root_file.read_bytes(), now=utc_now
    )

    assert (enrolment.account, enrolment.site) == (ACCOUNT, SITE)
    assert [str(version) for version in trusted.list_versions()] == [OLD, NEXT]
    assert trusted.get_manifest(Version.parse(NEXT)).version == Version.parse(NEXT)
    (listed,) = list_keys(admin, "stick-lyon")
    assert (listed["uses_left"], listed["used_count"], listed["created_by_name"]) == (2, 1, "account-admin@example.org")
    line = next(line for line in admin.must("key", "list").out.splitlines() if line.startswith("stick-lyon"))
    assert "poste-07" in line


def test_the_stick_of_a_wrs_says_where_it_will_be_reached(admin: Person, maker: KeyMaker, tmp_path: Path) -> None:
    address = "http://10.20.4.2:8420"
    words = (
        "--site",
        SITE,
        "--kind",
        "wrs",
        "--server-url",
        address,
        "--language",
        "fr",
        "--enrol-at",
        "https://c.test",
    )
    said = make(admin, maker, "wrs", tmp_path / "wrs.img", *words, "--json")

    settings = open_stick(tmp_path / "wrs.img", tmp_path).settings
    assert said.json["image_bytes"] == (tmp_path / "wrs.img").stat().st_size
    assert (settings.kind, settings.server_url, settings.site, settings.language) == ("wrs", address, SITE, "fr")
    assert settings.console_url == "https://c.test"


def test_the_second_stick_of_a_release_is_made_without_its_blobs(
    admin: Person, maker: KeyMaker, tmp_path: Path
) -> None:
    assert make(admin, maker, "first", tmp_path / "first.img.zst").code == 0
    lame = tmp_path / "repository"
    shutil.copytree(maker.repository, lame)
    shutil.rmtree(lame / "blobs")

    said = admin.type(
        "key",
        "make",
        "second",
        "--output",
        tmp_path / "2.img",
        "--repository",
        lame,
        "--root",
        maker.keyring.anchor_path,
    )

    assert said.code == 0, said


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (("--site", "Nowhere"), "site_unknown"),
        (("--kind", "wrs"), "wrs_needs_site"),
        (("--server-url", "http://10.0.0.1:8420"), "server_url_needs_wrs"),
        (("--enrol-at", "console.example.org"), "url_malformed"),
        (("--days", "400"), "request_malformed"),
    ],
)
def test_wrong_words_leave_neither_a_key_nor_a_file(
    admin: Person, maker: KeyMaker, tmp_path: Path, words: tuple[str, ...], problem: str
) -> None:
    said = make(admin, maker, f"wrong {problem}", tmp_path / "stick.img", *words)

    assert said.problem == problem, said
    assert not (tmp_path / "stick.img").exists()
    assert [key["is_revoked"] for key in list_keys(admin, f"wrong {problem}")] in ([], [True])


def test_a_file_that_is_there_is_left_alone_and_no_key_is_made(admin: Person, maker: KeyMaker, tmp_path: Path) -> None:
    (tmp_path / "stick.img").write_text("holiday pictures")

    assert make(admin, maker, "over", tmp_path / "stick.img").problem == "output_exists"
    assert list_keys(admin, "over") == []


def test_a_release_for_virtual_machines_makes_no_stick(
    fleet: Fleet, vendor: Vendor, admin: Person, tmp_path: Path
) -> None:
    said = admin.type("key", "make", "virtual", "--output", tmp_path / "stick.img", "--root", vendor.root)

    assert said.problem == "boot_image_missing"
    assert list_keys(admin, "virtual") == []


def test_a_viewer_makes_no_stick(fleet: Fleet, maker: KeyMaker, tmp_path: Path) -> None:
    viewer = Person(fleet.viewer.config, {"XDG_CACHE_HOME": str(tmp_path / "cache")})

    assert make(viewer, maker, "mine", tmp_path / "stick.img").problem == "role_may_not"
    assert not (tmp_path / "stick.img").exists()
