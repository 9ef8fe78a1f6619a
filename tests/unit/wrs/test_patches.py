"""Which blobs a release's folder is to hold: its full images, and the patches its site's boxes need."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from cebox.domain.version import Version
from cebox.release.manifest import Blob, Bounds, Image, Manifest, Way
from cebox.wrs.patches import plan_adjustment

VERSIONS = [f"2026.{month}.1" for month in range(1, 7)]
NEW = Version.parse("2026.11.1")


def make_way(old: str | None, digit: int) -> Way:
    return Way(
        from_version=old,
        from_sha256=f"{digit:064x}" if old else None,
        blob=Blob(sha256=f"{digit + 100:064x}", size=10),
        index_bytes=1,
        index_sha256="0" * 64,
        bounds=Bounds(segment_bytes=1, dictionary_bytes=0, window_bytes=0, memory_bytes=0),
    )


FULL = make_way(None, 0)
PATCHES = {version: make_way(version, number + 1) for number, version in enumerate(VERSIONS)}
MANIFEST = Manifest(
    version=NEW,
    floor=NEW,
    created=datetime(2026, 11, 1, tzinfo=UTC),
    images=(Image(name="root", size=20, sha256="f" * 64, ways=(FULL, *PATCHES.values())),),
)
ALL_HASHES = [FULL.blob.sha256, *(way.blob.sha256 for way in PATCHES.values()), "e" * 64]


@given(
    box_versions=st.lists(st.sampled_from([*VERSIONS, "2026.11.1", "2025.1.1"])),
    held=st.sets(st.sampled_from(ALL_HASHES)),
)
def test_after_an_adjustment_the_folder_holds_the_image_and_its_boxes_patches(
    box_versions: list[str], held: set[str]
) -> None:
    adjustment = plan_adjustment(MANIFEST, box_versions, held)
    after = (held | {blob.sha256 for blob in adjustment.missing}) - set(adjustment.surplus)
    needed = {PATCHES[version].blob.sha256 for version in box_versions if version in PATCHES}
    assert after == {FULL.blob.sha256} | needed
    assert not {blob.sha256 for blob in adjustment.missing} & held
    assert set(adjustment.surplus) <= held


def test_a_folder_that_is_right_needs_nothing() -> None:
    held = {FULL.blob.sha256, PATCHES[VERSIONS[0]].blob.sha256}
    adjustment = plan_adjustment(MANIFEST, [VERSIONS[0]], held)
    assert (adjustment.missing, adjustment.surplus) == ((), ())
