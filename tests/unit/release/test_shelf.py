from pathlib import Path

import pytest

from cebox.release.making.shelf import Shelf

RECIPE = "smallest 19"
PAYLOAD = b"lines\nof\0any\nbytes"


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path / "shelf")


def test_what_was_put_there_is_found(shelf: Shelf) -> None:
    key = shelf.key(RECIPE, b"data", b"dictionary")
    shelf.put(key, "zstd", PAYLOAD)

    assert shelf.find(key) == ("zstd", PAYLOAD)


def test_it_is_found_by_a_later_build_too(shelf: Shelf, tmp_path: Path) -> None:
    key = shelf.key(RECIPE, b"data", b"")
    shelf.put(key, "lzma", b"")
    later = Shelf(tmp_path / "shelf")

    assert later.find(later.key(RECIPE, b"data", b"")) == ("lzma", b"")


def test_other_bytes_other_dictionaries_and_other_recipes_are_other_payloads(shelf: Shelf) -> None:
    made_from = [
        (RECIPE, b"data", b""),
        (RECIPE, b"dat", b"a"),
        (RECIPE, b"", b"data"),
        ("light 19", b"data", b""),
        ("smallest 1", b"9 data", b""),
    ]

    assert len({shelf.key(*one) for one in made_from}) == len(made_from)


def test_what_was_never_put_there_is_not_found(shelf: Shelf) -> None:
    assert shelf.find(shelf.key(RECIPE, b"data", b"")) is None


@pytest.mark.parametrize("kept_bytes", [0, 1, 23, 24, 25, 30, -1])
def test_an_entry_that_was_cut_is_not_found(shelf: Shelf, tmp_path: Path, kept_bytes: int) -> None:
    key = shelf.key(RECIPE, b"data", b"")
    shelf.put(key, "zstd", PAYLOAD)
    path = tmp_path / "shelf" / key
    path.write_bytes(path.read_bytes()[:kept_bytes])

    assert shelf.find(key) is None


def test_no_changed_bit_is_overlooked(shelf: Shelf, tmp_path: Path) -> None:
    key = shelf.key(RECIPE, b"data", b"")
    shelf.put(key, "zstd", PAYLOAD)
    path = tmp_path / "shelf" / key
    content = path.read_bytes()
    for place in range(len(content)):
        path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
        assert shelf.find(key) is None


def test_an_entry_under_the_key_of_another_is_not_found(shelf: Shelf, tmp_path: Path) -> None:
    key, other = (shelf.key(RECIPE, data, b"") for data in (b"one", b"two"))
    shelf.put(key, "zstd", PAYLOAD)
    (tmp_path / "shelf" / key).rename(tmp_path / "shelf" / other)

    assert shelf.find(other) is None


def test_a_damaged_entry_is_replaced(shelf: Shelf, tmp_path: Path) -> None:
    key = shelf.key(RECIPE, b"data", b"")
    (tmp_path / "shelf" / key).write_bytes(b"half")
    shelf.put(key, "zstd", PAYLOAD)

    assert shelf.find(key) == ("zstd", PAYLOAD)
