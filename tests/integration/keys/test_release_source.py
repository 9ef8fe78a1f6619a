"""What goes onto a stick comes through the signed chain, is fetched once, and goes on where it was cut off."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from cebox.domain.version import Version
from cebox.errors import InvalidInput, Unavailable, Untrusted
from cebox.keys.release_source import ImageStore, fetch_signed
from cebox.kit.clock import utc_now
from cebox.release.network.transport import FolderTransport
from cebox.release.trust.repository import TrustedRepository
from tests.machines.key_maker import VERSION, KeyMaker, now


def ignore(_done: int, _total: int) -> None: ...


class CutTransport(FolderTransport):
    """A line that is cut after so many bytes."""

    def __init__(self, folder: Path, most_bytes: int) -> None:
        super().__init__(folder)
        self._most_bytes = most_bytes

    def read(self, path: str, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        for chunk in super().read(path, start, length):
            if self.received_bytes > self._most_bytes:
                raise Unavailable("repository_unreachable", "the line is cut")
            yield chunk


def test_images_are_fetched_once(maker: KeyMaker, tmp_path: Path) -> None:
    store, release = ImageStore(tmp_path), maker.get_signed()
    first, second = FolderTransport(maker.repository), FolderTransport(maker.repository)

    paths = store.fetch_images(release.images, first, ignore)

    assert store.fetch_images(release.images, second, ignore) == paths
    assert first.received_bytes > 0
    assert second.received_bytes == 0
    assert [path.stat().st_size for path in paths] == [image.size for image in release.images]


def test_progress_counts_both_images_together(maker: KeyMaker, tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    release = maker.get_signed()

    ImageStore(tmp_path).fetch_images(
        release.images, FolderTransport(maker.repository), lambda done, total: seen.append((done, total))
    )

    assert seen == sorted(seen)
    assert seen[-1] == (sum(image.ways[0].blob.size for image in release.images),) * 2


def test_an_image_that_was_cut_off_is_not_taken_for_whole_and_goes_on(maker: KeyMaker, tmp_path: Path) -> None:
    store, release = ImageStore(tmp_path), maker.get_signed()
    with pytest.raises(Unavailable):
        store.fetch_images(release.images, CutTransport(maker.repository, 1 << 20), ignore)
    assert not (tmp_path / release.manifest.root.sha256).exists()

    boot, root = store.fetch_images(release.images, FolderTransport(maker.repository), ignore)

    assert (boot.name, root.name) == tuple(image.sha256 for image in release.images)


def test_an_image_that_was_damaged_meanwhile_is_fetched_anew(maker: KeyMaker, tmp_path: Path) -> None:
    store, release = ImageStore(tmp_path), maker.get_signed()
    _, root = store.fetch_images(release.images, FolderTransport(maker.repository), ignore)
    whole = root.read_bytes()
    root.write_bytes(whole[:-1] + b"!")

    store.fetch_images(release.images, FolderTransport(maker.repository), ignore)

    assert root.read_bytes() == whole


def test_what_nobody_asks_for_any_more_goes(maker: KeyMaker, tmp_path: Path) -> None:
    store, release = ImageStore(tmp_path), maker.get_signed()
    store.fetch_images(release.images, FolderTransport(maker.repository), ignore)

    store.discard_unused(utc_now() - timedelta(days=1))
    assert len(list(tmp_path.iterdir())) == 3
    store.discard_unused(utc_now() + timedelta(days=1))
    assert [path.name for path in tmp_path.iterdir()] == ["lock"]


def test_a_release_without_a_boot_image_makes_no_stick(tmp_path: Path) -> None:
    maker = KeyMaker(tmp_path)
    maker.publish(has_boot=False)

    with pytest.raises(InvalidInput) as refused:
        _ = maker.get_signed().images

    assert refused.value.code == "boot_image_missing"


def test_a_repository_of_other_keys_makes_no_stick(maker: KeyMaker, tmp_path: Path) -> None:
    stranger = KeyMaker(tmp_path / "stranger")
    trusted = TrustedRepository(FolderTransport(maker.repository), tmp_path / "state", stranger.anchor, now=now)

    with pytest.raises(Untrusted):
        fetch_signed(trusted, Version.parse(VERSION))


def test_the_anchor_is_the_newest_root_and_still_leads_on_after_later_rotations(tmp_path: Path) -> None:
    maker = KeyMaker(tmp_path)
    maker.publish()
    maker.keyring.rotate_root(maker.repository, clock=now)
    release = maker.get_signed()
    assert release.anchor != maker.anchor

    keyring = type(maker.keyring).load(maker.keyring_folder)
    keyring.rotate_releases(maker.repository, clock=now)
    keyring.rotate_root(maker.repository, clock=now)
    transport = FolderTransport(maker.repository)
    box = TrustedRepository(transport, tmp_path / "box", release.anchor, now=now)

    assert box.get_manifest(Version.parse(VERSION)) == release.manifest
