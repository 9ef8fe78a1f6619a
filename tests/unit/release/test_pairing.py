from itertools import count

from cebox.release.image.erofs import FilePlace
from cebox.release.image.pairing import pair_files

BLOCK = 4096


def list_places(files: dict[str, int]) -> list[FilePlace]:
    offsets = count(0, 100 * BLOCK)
    return [FilePlace(f"/{path}", next(offsets), -(-size // BLOCK) * BLOCK, size) for path, size in files.items()]


def pairs(old: dict[str, int], new: dict[str, int]) -> dict[str, str]:
    found = pair_files(list_places(old), list_places(new))
    return {file.path[1:]: like.path[1:] for file, like in found.items()}


def test_a_file_is_paired_with_the_one_of_its_path_whatever_its_size() -> None:
    assert pairs({"bin/ls": 10, "bin/cp": 99_000}, {"bin/ls": 99_000}) == {"bin/ls": "bin/ls"}


def test_a_path_whose_numbers_changed_is_the_same() -> None:
    old = {"lib/modules/6.1.0-9-amd64/kernel/ext4.ko": 5000, "lib/other/ext4.ko": 5000}
    new = {"lib/modules/6.1.0-18-amd64/kernel/ext4.ko": 5100}

    assert pairs(old, new) == {"lib/modules/6.1.0-18-amd64/kernel/ext4.ko": "lib/modules/6.1.0-9-amd64/kernel/ext4.ko"}


def test_a_file_that_moved_is_found_by_its_name() -> None:
    assert pairs({"lib/libc.so.6": 5000}, {"usr/lib/libc.so.6": 5000}) == {"usr/lib/libc.so.6": "lib/libc.so.6"}
    assert pairs({"lib/libssl.so.1.1": 5000}, {"usr/lib/libssl.so.3.0": 5000}) == {
        "usr/lib/libssl.so.3.0": "lib/libssl.so.1.1"
    }


def test_of_several_of_one_name_the_nearest_in_size_is_taken() -> None:
    old = {"a/icon1.png": 5000, "a/icon2.png": 9000, "a/icon3.png": 20_000}

    assert pairs(old, {"a/icon7.png": 10_000}) == {"a/icon7.png": "a/icon2.png"}
    assert pairs(old, {"b/icon7.png": 21_000}) == {"b/icon7.png": "a/icon3.png"}


def test_of_two_as_near_the_first_in_the_image_is_taken() -> None:
    assert pairs({"a/x1": 5000, "a/x2": 7000}, {"a/x3": 6000}) == {"a/x3": "a/x1"}


def test_one_old_file_may_be_the_origin_of_several() -> None:
    assert pairs({"a/tool": 5000}, {"b/tool": 5000, "c/tool": 5000}) == {"b/tool": "a/tool", "c/tool": "a/tool"}


def test_a_new_name_has_no_pair() -> None:
    assert pairs({"a/one": 5000}, {"a/two": 5000}) == {}
    assert pairs({}, {"a/two": 5000}) == {}
    assert pairs({"a/one": 5000}, {}) == {}
