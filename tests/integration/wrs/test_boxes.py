"""A real release, built and signed with the vendor's commands, taken by boxes from the mirror."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from cebox.kit.clock import utc_now
from cebox.release.applying.apply import Applied, apply_best
from cebox.release.publishing.publish import publish_release
from cebox.release.publishing.sign import Keyring
from cebox.release.trust.repository import HttpTransport, TrustedRepository
from tests.integration.release.samples import NOVEMBER, OCTOBER, build, make_slot, new_image, old_image, read_slot
from tests.integration.wrs.site_server import SiteServer
from tests.servers.range_server import RangeServer

OLD, NEW = str(OCTOBER), str(NOVEMBER)


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `repository` (two releases, a patch between them), `root.json` and `old.img`."""
    folder = tmp_path_factory.mktemp("published")
    keyring = Keyring.init(folder / "keyring", folder / "repository", clock=utc_now)
    old = build(folder, OCTOBER, old_image())
    build(folder, NOVEMBER, new_image(), [(old, folder / OLD / "root.img")])
    for version in (OLD, NEW):
        publish_release(folder / version, folder / "repository", keyring, clock=utc_now)
    (folder / "root.json").write_bytes(keyring.load_anchor())
    (folder / "old.img").write_bytes(old_image())
    return folder


def update_box(
    published: Path, site: SiteServer, folder: Path, progress: Callable[[int, int], None] | None = None
) -> tuple[Applied, bytes]:
    """A box that runs OLD takes NEW from the site, as an agent does."""
    root = (published / "root.json").read_bytes()
    with HttpTransport(site.url + "/repository") as transport:
        image = TrustedRepository(transport, folder / "trust", root, now=utc_now).get_manifest(NOVEMBER).root
        slot = make_slot(folder / "slot.img", image.size)
        running = hashlib.sha256(old_image()).hexdigest()
        applied = apply_best(image, running, transport, slot=slot, old=published / "old.img", progress=progress)
        return applied, read_slot(slot, image)


@pytest.mark.parametrize(
    ("box_versions", "way", "fell_back"),
    [((OLD,), f"patch from {OLD}", None), ((), "full", "blob_missing")],
    ids=["its_patch_is_mirrored", "its_patch_is_not_mirrored"],
)
def test_a_box_makes_the_release_from_the_mirror_alone(
    published: Path, tmp_path: Path, box_versions: tuple[str, ...], way: str, fell_back: str | None
) -> None:
    with SiteServer(tmp_path / "wrs", (published / "root.json").read_bytes()) as site:
        with RangeServer(published / "repository") as cloud:
            site.bring_into_service(NEW, cloud.url, box_versions=box_versions)
        applied, content = update_box(published, site, tmp_path)
        assert content == new_image()
        assert (applied.way, applied.fell_back) == (way, fell_back)
        assert site.control.get_state().lan_bytes >= applied.received_bytes


def test_a_box_that_comes_later_finds_its_patch_once_the_console_has_told_of_it(
    published: Path, tmp_path: Path
) -> None:
    with SiteServer(tmp_path / "wrs", (published / "root.json").read_bytes()) as site:
        with RangeServer(published / "repository") as cloud:
            site.bring_into_service(NEW, cloud.url, box_versions=(NEW,))
            site.follow(NEW, cloud.url, NEW, OLD)
            site.wait_until(lambda _: "patches_fetched" in [line["event"] for line in site.lines])
        applied, content = update_box(published, site, tmp_path)
        assert (applied.way, applied.fell_back, content) == (f"patch from {OLD}", None, new_image())


def test_a_box_whose_patch_goes_while_it_takes_it_finishes_from_the_site_all_the_same(
    published: Path, tmp_path: Path
) -> None:
    with SiteServer(tmp_path / "wrs", (published / "root.json").read_bytes()) as site:
        with RangeServer(published / "repository") as cloud:
            site.bring_into_service(NEW, cloud.url, box_versions=(OLD,))
        served = site.mirror / "served/blobs"

        def drop(_done_bytes: int, _total_bytes: int) -> None:
            site.follow(NEW, cloud.url, NEW)
            site.wait_until(lambda _: len([path for path in served.rglob("*") if path.is_file()]) == 1)

        _, content = update_box(published, site, tmp_path, drop)
        assert content == new_image()
