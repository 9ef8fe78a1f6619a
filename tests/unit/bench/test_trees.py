from pathlib import Path

import pytest

from bench.rivals.bsdiff import list_changes
from bench.rivals.result import WrongResult
from bench.rivals.trees import verify_tree


@pytest.fixture
def trees(tmp_path: Path) -> tuple[Path, Path]:
    old, new = tmp_path / "old", tmp_path / "new"
    for tree in (old, new):
        (tree / "usr/lib").mkdir(parents=True)
        (tree / "dev").mkdir()
        (tree / "usr/same").write_text("same")
        (tree / "lib").symlink_to("usr/lib")
    (new / "dev/only-here").touch()
    return old, new


def test_a_tree_is_itself_whatever_devices_it_has(trees: tuple[Path, Path]) -> None:
    verify_tree(*trees)


@pytest.mark.parametrize("change", ["content", "link", "missing", "extra"])
def test_trees_that_differ_are_told_apart(trees: tuple[Path, Path], change: str) -> None:
    _, new = trees
    match change:
        case "content":
            (new / "usr/same").write_text("SAME")
        case "link":
            (new / "lib").unlink()
            (new / "lib").symlink_to("usr")
        case "missing":
            (new / "usr/same").unlink()
        case "extra":
            (new / "usr/more").touch()

    with pytest.raises(WrongResult):
        verify_tree(*trees)


def test_a_changed_file_has_a_predecessor_by_its_path_or_by_its_path_but_for_digits(trees: tuple[Path, Path]) -> None:
    old, new = trees
    (old / "usr/changed").write_text("a")
    (new / "usr/changed").write_text("b")
    (old / "usr/lib/some.so.1.2").write_text("c")
    (new / "usr/lib/some.so.1.3").write_text("d")
    (new / "usr/lib/brand-new").write_text("e")

    changes = set(list_changes(old, new))

    assert changes == {
        (old / "usr/changed", new / "usr/changed"),
        (old / "usr/lib/some.so.1.2", new / "usr/lib/some.so.1.3"),
        (None, new / "usr/lib/brand-new"),
    }


def test_a_file_that_only_moved_costs_nothing(trees: tuple[Path, Path]) -> None:
    old, new = trees
    (new / "usr/moved").write_text("same")

    assert list(list_changes(old, new)) == []
