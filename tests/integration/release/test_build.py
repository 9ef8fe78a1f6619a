import os
import random
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cebox.domain.version import Version
from cebox.errors import CeboxError, Conflict, InvalidInput, Unavailable
from cebox.release.applying.apply import apply_image
from cebox.release.image.tree import TreeFormat
from cebox.release.making.build import build_release
from cebox.release.making.plan import Limits
from cebox.release.making.ways import Effort
from cebox.release.manifest import Component, Manifest, Notes, decode_manifest, find_way, full_way
from cebox.release.network.transport import FolderTransport
from cebox.release.trust.images import verify_image
from tests.integration.release.conftest import Vendor
from tests.integration.release.samples import DECEMBER, NOVEMBER, NOW, OCTOBER, build, make_slot, new_image, read_slot


def refuse(work: Callable[[], object]) -> CeboxError:
    with pytest.raises(CeboxError) as refusal:
        work()
    return refusal.value


def build_tree(tree: Path, output: Path, tree_format: TreeFormat, version: Version = NOVEMBER) -> Manifest:
    return build_release(
        source=tree,
        version=version,
        floor=OCTOBER,
        notes=Notes(),
        output=output,
        created=NOW,
        tree_format=tree_format,
        effort=Effort(level=3),
    )


def list_files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A small root file system: files, links, a package database with a kernel."""
    tree = tmp_path / "tree"
    (tree / "usr/bin").mkdir(parents=True)
    (tree / "usr/lib/modules/6.1.0-30-amd64").mkdir(parents=True)
    (tree / "var/lib/dpkg").mkdir(parents=True)
    (tree / "usr/bin/tool").write_bytes(random.Random(1).randbytes(30_000))
    (tree / "usr/bin/tool").chmod(0o755)
    (tree / "usr/bin/same").hardlink_to(tree / "usr/bin/tool")
    (tree / "bin").symlink_to("usr/bin")
    (tree / "usr/bin/été").write_text("non-ASCII name")
    (tree / "var/lib/dpkg/status").write_text(
        "Package: bash\nStatus: install ok installed\nVersion: 5.2-1\nDescription: a\n shell\n\n"
        "Package: gone\nStatus: deinstall ok config-files\nVersion: 1\n\n"
        "Package: linux-image-6.1.0-30-amd64\nStatus: install ok installed\nVersion: 6.1.192-1\n"
    )
    return tree


def test_a_release_folder_holds_what_its_manifest_says(vendor: Vendor) -> None:
    folder = vendor.release_folder(vendor.new)

    assert decode_manifest((folder / "manifest.json").read_bytes()) == vendor.new
    assert (folder / "root.img").read_bytes() == new_image()
    assert {path.name for path in folder.glob("blobs/*/*")} == {way.blob.sha256 for way in vendor.image.ways}
    assert sorted(path.name for path in folder.iterdir()) == ["blobs", "manifest.json", "root.img"]


def test_a_patch_is_much_smaller_than_the_full_image(vendor: Vendor) -> None:
    patch = find_way(vendor.image, vendor.old.root.sha256)

    assert patch is not None
    # New noise that no codec can shrink is all there is to send, and little beside it.
    assert patch.blob.size < 100_501 * 1.2
    assert patch.blob.size < full_way(vendor.image).blob.size / 4


def test_the_same_input_gives_the_same_bytes(vendor: Vendor, tmp_path: Path) -> None:
    previous = [(vendor.old, vendor.image_path(vendor.old))]
    again = build(tmp_path, NOVEMBER, new_image(), previous)

    assert again == vendor.new
    assert list_files(tmp_path / str(NOVEMBER)) == list_files(vendor.release_folder(vendor.new))


@pytest.mark.parametrize("tree_format", ["tar", "erofs"])
def test_the_same_tree_gives_the_same_image_whatever_its_times(
    tree: Path, tmp_path: Path, tree_format: TreeFormat, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = build_tree(tree, tmp_path / "first", tree_format)
    for path in tree.rglob("*"):
        os.utime(path, (1, 1), follow_symlinks=False)
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1234567890")
    second = build_tree(tree, tmp_path / "second", tree_format)

    assert first == second
    assert list_files(tmp_path / "first") == list_files(tmp_path / "second")
    assert first.root.size % 4096 == 0


def test_a_tar_image_holds_the_tree(tree: Path, tmp_path: Path) -> None:
    build_tree(tree, tmp_path / "out", "tar")

    with tarfile.open(tmp_path / "out/root.img") as archive:
        members = {member.name: member for member in archive}
        tool = archive.extractfile("usr/bin/tool")
        assert tool is not None
        assert tool.read() == (tree / "usr/bin/tool").read_bytes()
    assert list(members) == sorted(members)
    assert members["bin"].linkname == "usr/bin"
    assert members["usr/bin/tool"].mode == 0o755
    assert all(member.uid == member.gid == 0 and not member.uname for member in members.values())


def test_the_components_are_the_installed_packages_the_kernel_and_those_given(tree: Path, tmp_path: Path) -> None:
    manifest = build_release(
        source=tree,
        version=NOVEMBER,
        floor=OCTOBER,
        notes=Notes(),
        output=tmp_path / "out",
        components=[Component("agent", "0.1.0")],
        created=NOW,
        tree_format="tar",
        effort=Effort(level=3),
    )

    assert [(one.name, one.version) for one in manifest.components] == [
        ("agent", "0.1.0"),
        ("bash", "5.2-1"),
        ("kernel", "6.1.192-1"),
        ("linux-image-6.1.0-30-amd64", "6.1.192-1"),
    ]


def test_a_patch_that_saves_nothing_is_left_out(tmp_path: Path) -> None:
    chance = random.Random(5)
    old = build(tmp_path, OCTOBER, chance.randbytes(300_000))
    new = build(tmp_path, NOVEMBER, chance.randbytes(300_000), [(old, tmp_path / str(OCTOBER) / "root.img")])

    assert [way.from_version for way in new.root.ways] == [None]
    assert len(list((tmp_path / str(NOVEMBER)).glob("blobs/*/*"))) == 1


def test_two_earlier_releases_with_one_image_both_have_a_patch(tmp_path: Path) -> None:
    content = new_image()
    first = build(tmp_path, OCTOBER, content)
    between = Version.parse("2026.10.2")
    second = build(tmp_path, between, content)
    previous = [(one, tmp_path / str(one.version) / "root.img") for one in (first, second)]
    new = build(tmp_path, NOVEMBER, content + b"more", previous)

    assert new.to_domain().patch_bytes.keys() == {OCTOBER, between}


def test_the_progress_knows_the_whole_work_from_the_start_and_ends_with_it(vendor: Vendor, tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    source = tmp_path / "source"
    source.write_bytes(new_image())
    build_release(
        source=source,
        version=NOVEMBER,
        floor=OCTOBER,
        notes=Notes(),
        output=tmp_path / "out",
        previous=[(vendor.old, vendor.image_path(vendor.old))],
        created=NOW,
        effort=Effort(level=1),
        progress=lambda done, total: seen.append((done, total)),
    )

    assert seen == sorted(seen)
    assert seen[0][0] == 0
    assert len({total for _, total in seen}) == 1
    assert seen[-1][0] == seen[-1][1]


def test_patches_are_made_from_the_newest_of_the_earlier_releases(tmp_path: Path) -> None:
    versions = [Version.parse(text) for text in ("2026.9.1", "2026.10.1", "2026.10.2")]
    content = new_image()
    previous = []
    for number, version in enumerate(versions):
        made = build(tmp_path, version, content + bytes([number]), floor=versions[0])
        previous.append((made, tmp_path / str(version) / "root.img"))
    new = build(tmp_path, NOVEMBER, content, previous[::-1], most_patches=2)
    none = build(tmp_path, DECEMBER, content, previous, most_patches=0)

    assert new.to_domain().patch_bytes.keys() == set(versions[1:])
    assert none.to_domain().patch_bytes == {}


def test_an_image_that_was_not_published_is_no_source_for_a_patch(vendor: Vendor, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.img"
    wrong.write_bytes(b"not the image of October")
    refusal = refuse(lambda: build(tmp_path, NOVEMBER, b"new", [(vendor.old, wrong)]))

    assert isinstance(refusal, InvalidInput)
    assert refusal.code == "previous_image_differs"


def test_an_earlier_release_without_its_image_is_named_before_anything_is_made(vendor: Vendor, tmp_path: Path) -> None:
    refusal = refuse(lambda: build(tmp_path, NOVEMBER, b"new", [(vendor.old, tmp_path / "gone.img")]))

    assert isinstance(refusal, InvalidInput)
    assert refusal.code == "previous_image_missing"
    assert str(OCTOBER) in refusal.message
    assert not list((tmp_path / str(NOVEMBER)).glob("blobs/*/*"))


@pytest.mark.parametrize(("content", "code"), [(None, "source_missing"), (b"", "source_empty")])
def test_a_source_without_content_is_refused(tmp_path: Path, content: bytes | None, code: str) -> None:
    source = tmp_path / "source"
    if content is not None:
        source.write_bytes(content)

    assert refuse(lambda: build_tree(source, tmp_path / "out", "tar")).code == code


def test_a_missing_tool_is_named_with_its_package(tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    refusal = refuse(lambda: build_tree(tree, tmp_path / "out", "erofs"))

    assert isinstance(refusal, Unavailable)
    assert refusal.code == "tool_missing"
    assert "erofs-utils" in refusal.hint


def test_a_floor_above_the_release_is_refused(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(b"x")
    refusal = refuse(lambda: build_tree(source, tmp_path / "out", "tar", version=Version.parse("2026.9.1")))

    assert refusal.code == "floor_above_version"


def test_a_folder_in_use_is_not_written_to(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out/precious").write_text("x")
    (tmp_path / "source").write_text("x")
    refusal = refuse(lambda: build_tree(tmp_path / "source", tmp_path / "out", "tar"))

    assert isinstance(refusal, Conflict)
    assert refusal.code == "output_exists"


BLOCK = 64
LIMITS = Limits(
    block_bytes=BLOCK,
    segment_bytes=8 * BLOCK,
    dictionary_bytes=12 * BLOCK,
    copy_bytes=16 * BLOCK,
    wide_bytes=16 * BLOCK,
)
PIECES = st.lists(
    st.one_of(
        st.tuples(st.just("old"), st.integers(0, 60), st.integers(1, 30)),
        st.tuples(st.just("noise"), st.integers(0, 5), st.integers(1, 20)),
        st.tuples(st.just("text"), st.integers(0, 5), st.integers(1, 20)),
        st.tuples(st.just("zero"), st.just(0), st.integers(1, 10)),
        st.tuples(st.just("shift"), st.integers(0, 3000), st.integers(1, 5)),
    ),
    min_size=1,
    max_size=12,
)


def compose(old: bytes, pieces: list[tuple[str, int, int]], cut: int) -> bytes:
    """A new image made of whole and shifted parts of the old one, of noise and of zeroes, ending anywhere."""
    parts: dict[str, Callable[[int, int], bytes]] = {
        "old": lambda at, count: old[at * BLOCK : (at + count) * BLOCK],
        "noise": lambda seed, count: random.Random(seed).randbytes(count * BLOCK),
        "text": lambda seed, count: (b"%d and some words " % seed * 4 * count)[: count * BLOCK],
        "zero": lambda _, count: bytes(count * BLOCK),
        "shift": lambda at, count: old[at : at + count * BLOCK],
    }
    image = b"".join(parts[kind](at, count) for kind, at, count in pieces)
    return image[: max(1, len(image) - cut)] or b"x"


@settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(old_size=st.integers(1, 4000), pieces=PIECES, cut=st.integers(0, BLOCK))
def test_what_is_built_is_what_is_applied(
    tmp_path_factory: pytest.TempPathFactory, old_size: int, pieces: list[tuple[str, int, int]], cut: int
) -> None:
    folder = tmp_path_factory.mktemp("pair")
    old_content = random.Random(9).randbytes(old_size)
    new_content = compose(old_content, pieces, cut)
    old = _build(folder, OCTOBER, old_content, [])
    new = _build(folder, NOVEMBER, new_content, [(old, folder / str(OCTOBER) / "root.img")])
    image = new.root
    transport = FolderTransport(folder / str(NOVEMBER))

    for way in image.ways:
        slot = make_slot(folder / "slot", len(new_content))
        old_path = folder / str(OCTOBER) / "root.img"
        apply_image(way, image, transport, slot=slot, old=old_path)
        verify_image(image, slot)
        assert read_slot(slot, image) == new_content


def test_content_that_stands_twice_is_sent_once(tmp_path: Path) -> None:
    noise = random.Random(1).randbytes(6 * BLOCK)
    content = noise + random.Random(2).randbytes(30 * BLOCK) + noise
    manifest = _build(tmp_path, OCTOBER, content, [])
    way = full_way(manifest.root)
    slot = make_slot(tmp_path / "slot", len(content))

    apply_image(way, manifest.root, FolderTransport(tmp_path / str(OCTOBER)), slot=slot)

    assert slot.read_bytes() == content
    assert way.blob.size - way.index_bytes < len(content) - 4 * BLOCK


def test_a_patch_whose_list_is_longer_than_a_box_reads_is_left_out(tmp_path: Path) -> None:
    """Every block of the image is somewhere else: the list would have one entry for each."""
    noise = random.Random(2).randbytes(((1 << 18) + 1000) * 16)
    blocks = [noise[at : at + 16] for at in range(0, len(noise), 16)]
    old = _build(tmp_path, OCTOBER, b"".join(blocks), [], Limits(block_bytes=16))
    random.Random(1).shuffle(blocks)
    new = _build(
        tmp_path, NOVEMBER, b"".join(blocks), [(old, tmp_path / str(OCTOBER) / "root.img")], Limits(block_bytes=16)
    )

    assert [way.from_version for way in new.root.ways] == [None]


@pytest.mark.parametrize("pattern", [b"\xff" * 32, b"\xfe" * 16 + b"\xfd" * 16], ids=["one", "two in turn"])
def test_a_block_that_stands_everywhere_does_not_fill_the_list(tmp_path: Path, pattern: bytes) -> None:
    content = pattern * (1 << 18)
    manifest = _build(tmp_path, OCTOBER, content, [], Limits(block_bytes=16))
    way = full_way(manifest.root)
    slot = make_slot(tmp_path / "slot", len(content))

    apply_image(way, manifest.root, FolderTransport(tmp_path / str(OCTOBER)), slot=slot)

    assert slot.read_bytes() == content
    assert way.blob.size < len(content) / 10


def _build(
    folder: Path, version: Version, content: bytes, previous: list[tuple[Manifest, Path]], limits: Limits = LIMITS
) -> Manifest:
    source = folder / f"{version}.source"
    source.write_bytes(content)
    return build_release(
        source=source,
        version=version,
        floor=OCTOBER,
        notes=Notes(),
        output=folder / str(version),
        previous=previous,
        created=NOW,
        effort=Effort(level=1, limits=limits),
    )
