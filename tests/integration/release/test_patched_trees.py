"""Patches between real file system images: whatever was done to the tree, every way makes the same bytes."""

import random
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cebox.domain.version import Version
from cebox.errors import CeboxError, Untrusted
from cebox.release.applying.apply import apply_image
from cebox.release.making.build import build_release
from cebox.release.making.choice import Profile
from cebox.release.making.plan import Limits
from cebox.release.making.ways import Effort
from cebox.release.manifest import Manifest, Notes, Way, find_way, full_way
from cebox.release.network.transport import FolderTransport
from cebox.release.patch import Index, Operation, decode_index
from cebox.release.trust.images import verify_image
from tests.integration.release.erofs_trees import describe_unpacked, find_faults, unpack
from tests.integration.release.samples import NOVEMBER, NOW, OCTOBER, make_slot, read_slot

BLOCK = 4096
LIMITS = Limits(segment_bytes=16 * BLOCK, dictionary_bytes=48 * BLOCK, wide_bytes=32 * BLOCK, copy_bytes=64 * BLOCK)
PATHS = [f"{folder}/{name}" for folder in ("etc", "usr/bin", "usr/lib/v1.2") for name in ("a", "lib.so.1", "z-9.txt")]


@dataclass(frozen=True)
class Edit:
    """What is done with the file `path`; `number` chooses how much, where or what."""

    kind: str
    path: str
    number: int


EDITS = st.builds(
    Edit,
    st.sampled_from(["add", "remove", "rename", "grow", "cut", "change", "insert", "mode", "link", "folder"]),
    st.sampled_from(PATHS),
    st.integers(0, 200),
)
FILES = st.dictionaries(st.sampled_from(PATHS), st.tuples(st.integers(0, 60_000), st.integers(0, 3)), min_size=1)
LARGE_BYTES = 1_200_000


def make_content(seed: str, size: int, sort: int) -> bytes:
    chance = random.Random(f"{seed} {size}")
    match sort:
        case 0:
            return chance.randbytes(size)
        case 1:
            return b"".join(b"%d words\n" % chance.randrange(500) for _ in range(size // 9))
        case 2:
            return bytes(size // 2) + chance.randbytes(size - size // 2)
    return (chance.randbytes(64) * (size // 64 + 1))[:size]


def write_tree(tree: Path, files: dict[str, tuple[int, int]]) -> None:
    tree.mkdir()
    for path, (size, sort) in files.items():
        target = tree / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(make_content(path, size, sort))


def edit_tree(tree: Path, edits: Sequence[Edit]) -> None:
    for edit in edits:
        path = tree / edit.path
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists() or path.is_dir():
            path = path.with_name(f"{path.name}-{edit.number}")
            path.write_bytes(make_content(str(edit.number), edit.number * 300, edit.number % 4))
        _edit(path, edit)


def _edit(path: Path, edit: Edit) -> None:
    content = path.read_bytes()
    at = len(content) * edit.number // 201
    match edit.kind:
        case "remove":
            path.unlink()
        case "rename":
            path.rename(path.with_name(f"{path.name}.{edit.number}"))
        case "grow":
            path.write_bytes(content + make_content("more", edit.number * 100, edit.number % 4))
        case "cut":
            path.write_bytes(content[:at])
        case "change":
            path.write_bytes(content[:at] + b"changed" + content[at + 7 :])
        case "insert":
            path.write_bytes(content[:at] + b"inserted" + content[at:])
        case "mode":
            path.chmod(0o600 + edit.number % 64)
        case "link":
            link = path.with_name(f"{path.name}.link{edit.number}")
            link.unlink(missing_ok=True)
            link.hardlink_to(path)
        case "folder":
            (path.parent / f"folder{edit.number}").mkdir(exist_ok=True)


def build(
    folder: Path, version: Version, previous: Sequence[tuple[Manifest, Path]] = (), profile: Profile = "smallest"
) -> Manifest:
    return build_release(
        source=folder / "tree",
        version=version,
        floor=OCTOBER,
        notes=Notes(),
        output=folder / str(version),
        previous=previous,
        created=NOW,
        effort=Effort(profile=profile, level=1, limits=LIMITS),
    )


def build_pair(
    folder: Path, files: dict[str, tuple[int, int]], change: Callable[[Path], None], profile: Profile = "smallest"
) -> Manifest:
    """October's release of the tree, and November's, returned, of the changed one."""
    write_tree(folder / "tree", files)
    old = build(folder, OCTOBER)
    change(folder / "tree")
    return build(folder, NOVEMBER, [(old, folder / str(OCTOBER) / "root.img")], profile)


def apply(folder: Path, manifest: Manifest, way: Way, slot: Path) -> None:
    old = folder / str(OCTOBER) / "root.img"
    apply_image(way, manifest.root, FolderTransport(folder / str(NOVEMBER)), slot=slot, old=old)
    verify_image(manifest.root, slot)


def verify_all_ways(folder: Path, manifest: Manifest) -> None:
    full_bytes = full_way(manifest.root).blob.size
    for way in manifest.root.ways:
        slot = make_slot(folder / "slot", manifest.root.size)
        apply(folder, manifest, way, slot)
        assert read_slot(slot, manifest.root) == (folder / str(NOVEMBER) / "root.img").read_bytes()
        assert way.is_full or way.blob.size < full_bytes
        slot.unlink()
    assert find_faults(folder / str(NOVEMBER) / "root.img") == ""


def property_test(examples: int) -> Callable[[Callable[..., None]], Callable[..., None]]:
    return settings(
        max_examples=examples,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )


@property_test(40)
@given(files=FILES, edits=st.lists(EDITS, max_size=8), profile=st.sampled_from(["smallest", "light"]))
def test_an_edited_tree_is_patched_bit_for_bit_by_every_way(
    tmp_path_factory: pytest.TempPathFactory, files: dict[str, tuple[int, int]], edits: list[Edit], profile: Profile
) -> None:
    folder = tmp_path_factory.mktemp("pair")
    manifest = build_pair(folder, files, lambda tree: edit_tree(tree, edits), profile)

    verify_all_ways(folder, manifest)
    shutil.rmtree(folder)


@property_test(20)
@given(before=FILES, after=FILES)
def test_a_major_upgrade_is_patched_too_or_sent_whole(
    tmp_path_factory: pytest.TempPathFactory, before: dict[str, tuple[int, int]], after: dict[str, tuple[int, int]]
) -> None:
    """Another tree under the same names: nearly nothing stays, and much is like nothing that was there."""
    folder = tmp_path_factory.mktemp("pair")

    def replace_all(tree: Path) -> None:
        shutil.rmtree(tree)
        write_tree(tree, {path: (size, (sort + 1) % 4) for path, (size, sort) in after.items()})

    verify_all_ways(folder, build_pair(folder, before, replace_all))
    shutil.rmtree(folder)


@pytest.mark.parametrize("sort_before", [0, 1])
@pytest.mark.parametrize("sort_after", [0, 1])
def test_a_large_file_that_was_replaced_is_patched_too(tmp_path: Path, sort_before: int, sort_after: int) -> None:
    """Of these it is asked first whether their old content is of any use."""

    def replace(tree: Path) -> None:
        (tree / "usr/bin/a").write_bytes(make_content("other", LARGE_BYTES, sort_after))

    files = {"usr/bin/a": (LARGE_BYTES, sort_before), "etc/a": (500, 1)}
    verify_all_ways(tmp_path, build_pair(tmp_path, files, replace))


@dataclass(frozen=True)
class Pair:
    folder: Path
    manifest: Manifest
    way: Way

    @property
    def blob(self) -> bytes:
        return (self.folder / str(NOVEMBER) / self.way.blob.path).read_bytes()

    @property
    def index(self) -> Index:
        return decode_index(self.blob[: self.way.index_bytes], self.way, self.manifest.root)

    def list_payloads(self) -> list[bytes]:
        segments = [one for one in self.index.segments if one.operation is Operation.PAYLOAD]
        return [self.blob[one.payload_offset : one.payload_offset + one.payload_bytes] for one in segments]


@pytest.fixture(scope="module", params=["full", "patch"])
def pair(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Pair:
    """A release with several payloads, in several codecs."""
    folder = tmp_path_factory.mktemp("pair")
    files = {path: (50_000 + 1000 * number, number % 4) for number, path in enumerate(PATHS)}
    edits = [Edit("insert", path, 100) for path in PATHS] + [Edit("add", f"var/new{number}", 199) for number in (1, 2)]
    manifest = build_pair(folder, files, lambda tree: edit_tree(tree, edits))
    patch = find_way(manifest.root, manifest.root.ways[-1].from_sha256)
    assert patch is not None
    made = Pair(folder, manifest, patch if request.param == "patch" else full_way(manifest.root))
    assert len(made.list_payloads()) > 3
    return made


def test_the_patched_image_holds_the_changed_tree(pair: Pair, tmp_path: Path) -> None:
    slot = make_slot(tmp_path / "slot", pair.manifest.root.size)
    apply(pair.folder, pair.manifest, pair.way, slot)
    unpacked = describe_unpacked(unpack(slot, tmp_path / "unpacked"))

    assert unpacked == describe_unpacked(pair.folder / "tree")


def refuse(pair: Pair, folder: Path, blob: bytes) -> CeboxError:
    """Apply `blob` under the name of the pair's: what is said of it. The slot is never taken for the image."""
    shutil.rmtree(folder / "repository", ignore_errors=True)
    place = folder / "repository" / pair.way.blob.path
    place.parent.mkdir(parents=True)
    place.write_bytes(blob)
    slot = make_slot(folder / "slot", pair.manifest.root.size)
    old = pair.folder / str(OCTOBER) / "root.img"
    with pytest.raises(CeboxError) as refusal:
        apply_image(pair.way, pair.manifest.root, FolderTransport(folder / "repository"), slot=slot, old=old)
    with pytest.raises(Untrusted, match="image_differs"):
        verify_image(pair.manifest.root, slot)
    return refusal.value


@property_test(120)
@given(place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7), is_head=st.booleans())
def test_any_flipped_bit_is_noticed(pair: Pair, tmp_path: Path, place: float, bit: int, is_head: bool) -> None:
    blob = bytearray(pair.blob)
    blob[int(place * (pair.way.index_bytes if is_head else len(blob)))] ^= 1 << bit
    refusal = refuse(pair, tmp_path, bytes(blob))

    assert isinstance(refusal, Untrusted)
    assert refusal.code == "patch_differs"


@property_test(60)
@given(place=st.floats(0, 1, exclude_max=True))
def test_any_cut_is_noticed(pair: Pair, tmp_path: Path, place: float) -> None:
    refusal = refuse(pair, tmp_path, pair.blob[: int(place * len(pair.blob))])

    assert isinstance(refusal, Untrusted)
    assert refusal.code in {"patch_differs", "blob_truncated"}


@property_test(40)
@given(data=st.data())
def test_payloads_that_changed_places_are_noticed(pair: Pair, tmp_path: Path, data: st.DataObject) -> None:
    payloads = pair.list_payloads()
    numbers = st.lists(st.integers(0, len(payloads) - 1), min_size=2, max_size=2, unique=True)
    one, other = data.draw(numbers)
    payloads[one], payloads[other] = payloads[other], payloads[one]
    refusal = refuse(pair, tmp_path, pair.blob[: pair.way.index_bytes] + b"".join(payloads))

    assert isinstance(refusal, Untrusted)
    assert refusal.code == "patch_differs"


def test_the_other_way_under_its_name_is_noticed(pair: Pair, tmp_path: Path) -> None:
    (other,) = (way for way in pair.manifest.root.ways if way != pair.way)
    refusal = refuse(pair, tmp_path, (pair.folder / str(NOVEMBER) / other.blob.path).read_bytes())

    assert refusal.code in {"patch_differs", "blob_truncated"}
