"""What an answer says, without a network: also what no server of the tests would say."""

from datetime import UTC, datetime

import httpx
import pytest

from cebox.errors import NotFound, Unavailable, Untrusted
from cebox.release.network.http_answer import Interrupted, read_part, read_retry_after, verify_answer

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def answer(status: int = 206, **headers: str) -> httpx.Response:
    return httpx.Response(status, headers={name.replace("_", "-"): value for name, value in headers.items()})


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("120", 120.0),
        (" 7 ", 7.0),
        ("Sun, 22 Nov 2026 12:00:30 GMT", 30.0),
        ("Sun, 22 Nov 2026 11:00:00 GMT", 0.0),
        ("", None),
        ("-5", None),
        ("soon", None),
        ("1e9", None),
    ],
)
def test_the_time_to_come_back_is_read_in_both_forms(text: str, seconds: float | None) -> None:
    assert read_retry_after(answer(503, Retry_After=text), lambda: NOW) == seconds


def test_a_date_to_come_back_counts_by_the_servers_own_clock() -> None:
    """A box's may be years off."""
    dated = answer(503, Retry_After="Tue, 01 Jan 2030 00:01:00 GMT", Date="Tue, 01 Jan 2030 00:00:00 GMT")

    assert read_retry_after(dated, lambda: NOW) == 60.0


@pytest.mark.parametrize(
    ("status", "headers", "error"),
    [
        (404, {}, NotFound),
        (416, {}, Untrusted),
        (401, {}, Unavailable),
        (407, {}, Unavailable),
        (511, {}, Unavailable),
        (200, {"Content_Type": "text/html; charset=utf-8"}, Unavailable),
        (206, {"Content_Type": "APPLICATION/XHTML+XML"}, Unavailable),
        (502, {"Content_Type": "text/html"}, Interrupted),
        (429, {}, Interrupted),
        (200, {"Content_Encoding": "br"}, Interrupted),
    ],
)
def test_an_answer_that_is_not_the_file_is_refused(
    status: int, headers: dict[str, str], error: type[Exception]
) -> None:
    with pytest.raises(error):
        verify_answer(answer(status, **headers), "blobs/aa/aa")


@pytest.mark.parametrize("kind", ["application/octet-stream", "application/json", "text/plain", ""])
def test_whatever_a_plain_server_calls_a_file_is_one(kind: str) -> None:
    verify_answer(answer(200, Content_Type=kind), "blobs/aa/aa")


@pytest.mark.parametrize(
    "said", ["", "bytes", "bytes */500", "bytes x-9/500", "items 0-9/500", "bytes -9/500", "0-9/500"]
)
def test_a_part_whose_place_is_not_said_is_not_taken(said: str) -> None:
    with pytest.raises(Interrupted) as refusal:
        read_part(answer(206, Content_Range=said))

    assert refusal.value.is_futile


def test_a_part_says_where_it_begins_and_how_large_the_file_is() -> None:
    part = read_part(answer(206, Content_Range="bytes 100-199/500"))
    unsized = read_part(answer(206, Content_Range="bytes 100-199/*"))

    assert (part.start, part.file_bytes, part.is_whole) == (100, 500, False)
    assert (unsized.start, unsized.file_bytes) == (100, None)
