"""The Range header, edge by edge."""

import pytest

from cebox.wrs.ranges import Unsatisfiable, parse_range


@pytest.mark.parametrize(
    ("header", "window"),
    [
        ("bytes=0-0", (0, 1)),
        ("bytes=0-9", (0, 10)),
        ("bytes=4-", (4, 10)),
        ("bytes=9-9", (9, 10)),
        ("bytes=2-100", (2, 10)),
        ("bytes=-3", (7, 10)),
        ("bytes=-100", (0, 10)),
        ("Bytes= 1-2 ", (1, 3)),
    ],
)
def test_one_range_is_a_window_of_the_file(header: str, window: tuple[int, int]) -> None:
    assert parse_range(header, 10) == window


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "bytes=-",
        "bytes=5-2",
        "bytes=0-1,4-5",
        "items=0-1",
        "bytes=a-b",
        "bytes=1-2-3",
        "bytes 0-1",
        "bytes=٣-٤",
    ],
)
def test_what_is_not_one_range_of_bytes_is_ignored(header: str | None) -> None:
    assert parse_range(header, 10) is None


@pytest.mark.parametrize(
    ("header", "size"), [("bytes=10-", 10), ("bytes=99-100", 10), ("bytes=-0", 10), ("bytes=0-", 0)]
)
def test_a_range_outside_the_file_is_unsatisfiable(header: str, size: int) -> None:
    with pytest.raises(Unsatisfiable):
        parse_range(header, size)


def test_a_number_of_absurd_length_is_ignored() -> None:
    assert parse_range("bytes=0-" + "9" * 5000, 10) is None
