"""The mirror's folders: what is served, what is prepared, and what is swept away."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from cebox.wrs.store import ReleaseStore

OLD, NEW = "2026.10.1", "2026.11.1"
SHARED, OLD_ONLY, NEW_ONLY, LOOSE = ("aa" + digit * 62 for digit in "0123")
MOMENT = datetime(2026, 11, 1, 8, 30, tzinfo=UTC)


@pytest.fixture
def store(tmp_path: Path) -> ReleaseStore:
    """Two whole releases that share one blob, and a blob of neither."""
    store = ReleaseStore(tmp_path / "mirror")
    store.create()
    for sha256 in (SHARED, OLD_ONLY, NEW_ONLY, LOOSE):
        store.pool.path(sha256).parent.mkdir(exist_ok=True)
        store.pool.path(sha256).write_text(sha256)
    for version, blobs in ((OLD, (SHARED, OLD_ONLY)), (NEW, (SHARED, NEW_ONLY))):
        for sha256 in blobs:
            store.link_blob(version, sha256)
    return store


def pool_names(store: ReleaseStore) -> set[str]:
    return {path.name for path in store.pool.folder.glob("*/*")}


def test_a_new_store_serves_nothing(store: ReleaseStore) -> None:
    assert (store.find_served(), store.find_served_since(), store.find_prepared()) == (None, None, None)


def test_a_switch_serves_the_new_release_since_that_moment(store: ReleaseStore) -> None:
    store.switch(OLD, MOMENT)
    store.mark_prepared(NEW)
    assert (store.find_served(), store.find_prepared()) == (OLD, NEW)
    store.switch(NEW, MOMENT)
    assert (store.find_served(), store.find_prepared(), store.find_served_since()) == (NEW, None, MOMENT)


def test_what_was_served_is_served_after_a_restart(store: ReleaseStore) -> None:
    store.switch(OLD, MOMENT)
    again = ReleaseStore(store.folder)
    again.create()
    assert (again.find_served(), again.find_served_since()) == (OLD, MOMENT)


def test_a_marker_that_points_nowhere_marks_nothing(store: ReleaseStore) -> None:
    store.mark_prepared(NEW)
    store.sweep(versions={OLD})
    assert store.find_prepared() is None


def test_a_blob_of_two_releases_lies_on_the_disk_once(store: ReleaseStore) -> None:
    paths = [store.release_folder(version) / "blobs" / "aa" / SHARED for version in (OLD, NEW)]
    assert paths[0].samefile(paths[1])
    store.link_blob(NEW, SHARED)
    assert paths[0].stat().st_nlink == 3


def test_a_sweep_leaves_the_releases_named_and_what_they_hold(store: ReleaseStore) -> None:
    store.sweep(versions={NEW, None})
    assert {path.name for path in store.releases.iterdir()} == {NEW}
    assert pool_names(store) == {SHARED, NEW_ONLY}


def test_a_sweep_leaves_blobs_and_parts_that_are_wanted(store: ReleaseStore) -> None:
    part = store.pool.path(LOOSE).with_name(LOOSE + ".part")
    part.write_text("half")
    store.sweep(versions={OLD, NEW}, blobs={LOOSE})
    assert {LOOSE, part.name} <= pool_names(store)
    store.sweep(versions={OLD, NEW})
    assert pool_names(store) == {SHARED, OLD_ONLY, NEW_ONLY}


def test_leftovers_of_a_cut_switch_are_removed_at_the_next_start(store: ReleaseStore) -> None:
    (store.folder / ".served.0a1b").symlink_to("releases/" + NEW)
    store.create()
    assert not list(store.folder.glob(".*"))
