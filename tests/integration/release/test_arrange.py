import os
import shutil
import socket
import stat
import struct
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from cebox.errors import InvalidInput
from cebox.release.image.arrange import arrange_image
from cebox.release.image.erofs import list_inodes, read_layout
from cebox.release.image.tree import make_image
from cebox.release.slot import ImageFile
from tests.integration.release.erofs_contents import describe_image, find_places
from tests.integration.release.erofs_trees import (
    describe_tree,
    describe_unpacked,
    find_faults,
    grow_tree,
    list_attributes,
    mount,
    run_tool,
    unpack,
)
from tests.unit.release import hostile_erofs as hostile

BLOCK = 4096
FIXED = ("-T", "1750000000", "-U", "6365626f-7800-4000-8000-000000000001")
PLAIN = ("-Enoinline_data",)


def make(tree: Path, image: Path, *options: str) -> Path:
    done = run_tool("mkfs.erofs", "--quiet", *FIXED, *options, image, tree)
    assert done.returncode == 0, done.stderr
    return image


def arrange(fresh: Path, name: str, like: Path | None = None) -> Path:
    target = fresh.with_name(name)
    arrange_image(fresh, target, like)
    assert find_faults(target) == ""
    return target


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Never changed."""
    tree = grow_tree(tmp_path_factory.mktemp("arrange") / "tree")
    for number in range(600):
        (tree / "empty" / f"{number:03}-{'n' * (number % 90)}").symlink_to("x" * (number % 130 + 1))
    with socket.socket(socket.AF_UNIX) as listener:
        here = Path.cwd()
        os.chdir(tree)
        listener.bind("socket")
        os.chdir(here)
    if os.geteuid() == 0:
        os.mknod(tree / "null", stat.S_IFCHR | 0o666, os.makedev(1, 3))
        os.mknod(tree / "disk", stat.S_IFBLK | 0o660, os.makedev(259, 70_000))
        os.chown(tree / "folder1", 100_000, 70_000)
    return tree


@pytest.fixture(scope="module")
def marked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tree whose files have extended attributes; never changed."""
    tree = grow_tree(tmp_path_factory.mktemp("marked") / "tree")
    capability = struct.pack("<IIIII", 0x02000001, 1 << 13, 0, 0, 0)
    files = sorted(path for path in tree.glob("folder*/sub*/file*"))
    try:
        for number, path in enumerate(files):
            os.setxattr(path, "user.shared", b"all files have this one")
            os.setxattr(path, f"user.own{number}", bytes(number))
        os.setxattr(files[0], "user.large", b"l" * 3800)
        if os.geteuid() == 0:
            os.setxattr(files[1], "security.capability", capability)
    except OSError:
        pytest.skip(f"{tree} keeps no extended attributes")
    return tree


FORMS = {
    "plain": PLAIN,
    "plain-extended": ("-Enoinline_data,force-inode-extended",),
    "inline": (),
    "inline-extended": ("-Eforce-inode-extended",),
    "no-checksum": ("-Enosbcrc",),
}


@pytest.mark.parametrize("form", FORMS)
def test_an_arranged_image_holds_the_same(tree: Path, tmp_path: Path, form: str) -> None:
    fresh = make(tree, tmp_path / "fresh", *FORMS[form])
    arranged = arrange(fresh, "arranged")
    contents = describe_image(arranged)

    assert contents == describe_image(fresh)
    assert len(contents) > 900
    assert describe_unpacked(unpack(arranged, tmp_path / "unpacked")) == describe_unpacked(tree)


@pytest.mark.parametrize("options", [PLAIN, ()], ids=["plain", "inline"])
def test_linux_reads_an_arranged_image_as_the_tree(tree: Path, tmp_path: Path, options: tuple[str, ...]) -> None:
    arranged = arrange(make(tree, tmp_path / "fresh", *options), "arranged")

    with mount(arranged, tmp_path / "mounted") as mounted:
        assert describe_tree(mounted) == describe_tree(tree)
        for name in ("null", "disk", "socket", "folder1"):
            if (tree / name).exists():
                there, here = (mounted / name).lstat(), (tree / name).lstat()
                assert (there.st_mode, there.st_rdev) == (here.st_mode, here.st_rdev)
                assert (there.st_uid, there.st_gid) == (here.st_uid, here.st_gid)


@pytest.mark.parametrize("shared", ["-x1", "-x1000000000"], ids=["shared", "apart"])
@pytest.mark.parametrize("options", [PLAIN, ()], ids=["plain", "inline"])
def test_extended_attributes_stay_with_their_files(
    marked: Path, tmp_path: Path, shared: str, options: tuple[str, ...]
) -> None:
    fresh = make(marked, tmp_path / "fresh", shared, *options)
    arranged = arrange(fresh, "arranged")
    contents = describe_image(arranged)

    assert contents == describe_image(fresh)
    attributes = [attribute for facts in contents.values() for attribute in facts.attributes]
    assert len(attributes) > 2 * 300
    assert sum(b"all files have this one" in attribute for attribute in attributes) >= 300
    with mount(arranged, tmp_path / "mounted") as mounted:
        assert list_attributes(mounted) == list_attributes(marked)
        for path in marked.glob("folder*/sub*/file*"):
            if "security.capability" in os.listxattr(path):
                there = mounted / path.relative_to(marked)
                assert os.getxattr(there, "security.capability") == os.getxattr(path, "security.capability")


@pytest.mark.parametrize("options", [PLAIN, ()], ids=["plain", "inline"])
def test_attributes_may_be_larger_than_a_block(tmp_path: Path, options: tuple[str, ...]) -> None:
    memory = Path("/dev/shm")
    if not os.access(memory, os.W_OK):
        pytest.skip(f"there is no {memory}")
    with TemporaryDirectory(dir=memory) as folder:
        for size in (0, 500, 1000, 2000, 3000, 4000, 9000):
            path = Path(folder) / f"{size:04}"
            path.write_bytes(bytes((size % 251,)) * size)
            try:
                os.setxattr(path, "user.large", b"l" * (6000 + size))
            except OSError:
                pytest.skip(f"{memory} keeps no large extended attributes")
        fresh = make(Path(folder), tmp_path / "fresh", *options)
        arranged = arrange(fresh, "arranged")

        assert describe_image(arranged) == describe_image(fresh)
        assert arrange(fresh, "again", arranged).read_bytes() == arranged.read_bytes()
        with mount(arranged, tmp_path / "mounted") as mounted:
            for path in Path(folder).iterdir():
                assert (mounted / path.name).read_bytes() == path.read_bytes()
                assert os.getxattr(mounted / path.name, "user.large") == os.getxattr(path, "user.large")


def test_shared_attributes_keep_their_place(marked: Path, tmp_path: Path) -> None:
    tree = shutil.copytree(marked, tmp_path / "tree", symlinks=True, ignore=shutil.ignore_patterns("pipe"))
    before = arrange(make(tree, tmp_path / "fresh", "-x1", *PLAIN), "before")
    (tree / "a-new-file").write_text("new")
    after = arrange(make(tree, tmp_path / "fresh", "-x1", *PLAIN), "after", before)

    assert describe_image(after) == describe_image(tmp_path / "fresh")
    assert before.read_bytes()[1068:1072] == after.read_bytes()[1068:1072]


def test_the_inodes_lie_before_the_blocks_and_carry_no_numbers(tree: Path, tmp_path: Path) -> None:
    arranged = arrange(make(tree, tmp_path / "fresh", *PLAIN), "arranged")
    content = arranged.read_bytes()
    with ImageFile(arranged, is_writable=False) as image:
        inodes = list(list_inodes(image))
        first = read_layout(image).files[0].offset

    assert max(inode.tail_offset for inode in inodes) <= first
    assert {content[inode.offset + 20 : inode.offset + 24] for inode in inodes} == {bytes(4)}


def list_blocks(image: Path) -> list[bytes]:
    content = image.read_bytes()
    return [content[at : at + BLOCK] for at in range(0, len(content), BLOCK)]


def change(tree: Path) -> Path:
    """A folder more, a file more in it, one that grows, one that shrinks, one that goes."""
    (tree / "a-new-folder").mkdir()
    (tree / "a-new-folder/with-a-file").write_bytes(b"new" * 2000)
    files = sorted(tree.glob("folder2/sub*/file*"))
    files[0].write_bytes(b"grown" * 9000)
    files[6].write_bytes(b"shrunk")
    files[8].unlink()
    return tree


def test_a_small_change_stays_small(tree: Path, tmp_path: Path) -> None:
    grown = grow_tree(tmp_path / "tree", files=1000)
    before = arrange(make(grown, tmp_path / "fresh", *PLAIN), "before")
    fresh = make(change(grown), tmp_path / "fresh", *PLAIN)
    after = arrange(fresh, "after", before)
    old, new = list_blocks(before), list_blocks(after)
    changed = [number for number, block in enumerate(new) if old[number : number + 1] != [block]]

    assert describe_image(after) == describe_image(fresh)
    # The new blocks are 2, 11 and 1, the gone ones as many; the rest are inodes and folders.
    assert len(changed) <= 2 + 11 + 1 + 5 + 12
    there, here = find_places(before), find_places(after)
    moved = {name for name in there if name in here and there[name] != here[name]}
    assert moved <= {"/folder2/sub0/file-0009", *(name for name in there if name.count("/") < 3)}


def test_the_same_image_again_changes_nothing(tree: Path, tmp_path: Path) -> None:
    fresh = make(tree, tmp_path / "fresh", *PLAIN)
    before = arrange(fresh, "before")

    assert arrange(fresh, "after", before).read_bytes() == before.read_bytes()
    assert arrange(fresh, "again").read_bytes() == before.read_bytes()
    assert arrange(before, "twice").read_bytes() == before.read_bytes()


def test_an_image_is_made_like_the_one_before(tmp_path: Path) -> None:
    tree = grow_tree(tmp_path / "tree")
    make_image(tree, tmp_path / "before", "erofs")
    make_image(change(tree), tmp_path / "after", "erofs", tmp_path / "before")
    there, here = find_places(tmp_path / "before"), find_places(tmp_path / "after")

    assert describe_unpacked(unpack(tmp_path / "after", tmp_path / "unpacked")) == describe_unpacked(tree)
    assert sum(there[name] != here[name] for name in there if name in here) < 10
    assert {path.name for path in tmp_path.iterdir()} == {"tree", "before", "after", "unpacked"}


def test_an_image_stays_sound_over_a_row_of_releases(tmp_path: Path) -> None:
    tree = grow_tree(tmp_path / "tree")
    like = arrange(make(tree, tmp_path / "fresh"), "release0")
    for number in range(1, 7):
        for path in sorted(tree.glob("folder*/sub*/file*"))[number::9]:
            path.write_bytes(path.read_bytes() * (number % 3) + b"more")
        new = tree / f"folder{number}" / f"release-{number}"
        new.mkdir()
        for name in range(40):
            (new / f"{name}").write_bytes(bytes(name) * 300)
        shutil.rmtree(tree / f"folder{number}/sub{number % 3}")
        fresh = make(tree, tmp_path / "fresh")
        like = arrange(fresh, f"release{number}", like)
        assert describe_image(like) == describe_image(fresh)


def test_an_image_that_mkfs_has_laid_out_is_no_model(tree: Path, tmp_path: Path) -> None:
    fresh = make(tree, tmp_path / "fresh", *PLAIN)

    assert arrange(fresh, "after", fresh).read_bytes() == arrange(fresh, "alone").read_bytes()


@pytest.mark.parametrize("option", ["-zlz4hc", "--chunksize=4096"])
def test_a_model_of_another_kind_is_ignored(tree: Path, tmp_path: Path, option: str) -> None:
    fresh = make(tree, tmp_path / "fresh", *PLAIN)
    other = make(tree, tmp_path / "other", option)
    text = tmp_path / "text"
    text.write_text("no image at all")

    assert arrange(fresh, "after", other).read_bytes() == arrange(fresh, "alone").read_bytes()
    assert arrange(fresh, "after", text).read_bytes() == arrange(fresh, "alone").read_bytes()


def test_what_follows_the_file_system_of_a_model_does_not_matter(tree: Path, tmp_path: Path) -> None:
    fresh = make(tree, tmp_path / "fresh", *PLAIN)
    before = arrange(fresh, "before")
    longer = tmp_path / "longer"
    longer.write_bytes(before.read_bytes() + b"hashes" * 5000)

    assert arrange(fresh, "after", longer).read_bytes() == before.read_bytes()


def test_a_file_of_more_than_four_gigabytes_keeps_its_end_and_its_holes(tmp_path: Path) -> None:
    draft = hostile.sound()
    size = (4 << 30) + 5000
    blocks = -(-size // BLOCK)
    draft.extended_inode(hostile.LARGE, hostile.FILE, size, 8, hostile.PLAIN)
    draft.write_superblock(blocks=8 + blocks)
    fresh = tmp_path / "fresh"
    with fresh.open("wb") as file:
        file.write(draft.content)
        file.truncate((8 + blocks) * BLOCK)
        file.seek(8 * BLOCK + size - 3)
        file.write(b"end")
    arrange_image(fresh, tmp_path / "arranged")

    with ImageFile(tmp_path / "arranged", is_writable=False) as image:
        large = next(file for file in read_layout(image).files if file.path == "/large")
    assert large.size == size
    with (tmp_path / "arranged").open("rb") as arranged:
        arranged.seek(large.offset + size - 3)
        assert arranged.read(3 + blocks * BLOCK - size) == b"end".ljust(3 + blocks * BLOCK - size, b"\0")
    assert (tmp_path / "arranged").stat().st_blocks * 512 < 4 << 20


@pytest.mark.parametrize("name", hostile.MALFORMED)
def test_a_malformed_image_is_refused(name: str, tmp_path: Path) -> None:
    assert refuse(tmp_path, hostile.MALFORMED[name]()) == "erofs_malformed"


@pytest.mark.parametrize("name", hostile.UNSUPPORTED)
def test_an_image_of_an_unknown_kind_is_refused_as_such(name: str, tmp_path: Path) -> None:
    assert refuse(tmp_path, hostile.UNSUPPORTED[name]()) == "erofs_unsupported"


def _with_a_parent_elsewhere() -> bytes:
    draft = hostile.sound()
    draft.inline_folder(hostile.SUB, {b".": hostile.SUB, b"..": hostile.DEEP + 1, b"deep": hostile.DEEP})
    return bytes(draft.content)


def _with_attributes_cut_off() -> bytes:
    draft = hostile.sound()
    draft.inode(hostile.TOOL, hostile.FILE, hostile.TOOL_BYTES, hostile.TOOL_BLOCK, attributes=1)
    draft.write(hostile.TOOL * 32 + 32, bytes((0, 0, 0, 0, 9)))
    return bytes(draft.content)


def _with_a_shared_attribute_outside() -> bytes:
    draft = hostile.sound()
    draft.inode(hostile.TOOL, hostile.FILE, hostile.TOOL_BYTES, hostile.TOOL_BLOCK, attributes=2)
    draft.write(hostile.TOOL * 32 + 32, bytes((0, 0, 0, 0, 1)).ljust(12, b"\0") + b"\xff\xff\xff\x7f")
    return bytes(draft.content)


@pytest.mark.parametrize(
    "make_content", [_with_a_parent_elsewhere, _with_attributes_cut_off, _with_a_shared_attribute_outside]
)
def test_what_points_nowhere_is_refused(make_content: object, tmp_path: Path) -> None:
    assert callable(make_content)
    assert refuse(tmp_path, make_content()) == "erofs_malformed"


def refuse(folder: Path, content: bytes) -> str:
    (folder / "fresh").write_bytes(content)
    with pytest.raises(InvalidInput) as refusal:
        arrange_image(folder / "fresh", folder / "arranged")
    return refusal.value.code
