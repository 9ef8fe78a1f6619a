"""Room for a build, before it begins."""

from pathlib import Path

import pytest

from cebox.errors import Exhausted
from cebox.image.room import measure_tree, verify_free_bytes, verify_room


def test_what_a_disk_cannot_hold_is_refused_before_any_work(tmp_path: Path) -> None:
    with pytest.raises(Exhausted) as refused:
        verify_free_bytes(1 << 60, tmp_path / "not" / "there" / "yet")

    assert refused.value.code == "disk_full"
    assert "takes 1099511627776 MiB" in refused.value.message


def test_a_tree_is_as_large_as_what_it_takes_on_the_disk(tmp_path: Path) -> None:
    (tmp_path / "tree/usr").mkdir(parents=True)
    (tmp_path / "tree/usr/program").write_bytes(bytes(range(256)) * 400)
    (tmp_path / "tree/link").symlink_to("/nowhere")

    assert 102_400 <= measure_tree(tmp_path / "tree") < 1 << 20
    verify_room(tmp_path / "tree", tmp_path / "out")
