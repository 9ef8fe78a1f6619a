"""What one HTTP answer says about a repository's file: whether it is there, which part comes, when to ask again."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx

from cebox.errors import CeboxError, NotFound, Unavailable, Untrusted

_MISSING = frozenset({403, 404, 410})
"""Object stores answer 403 for what is not there."""
_TRY_AGAIN = frozenset({408, 425, 429})
_SIGN_IN_FIRST = 511
_PAGES = ("text/html", "application/xhtml")


class Interrupted(Exception):
    """This request is over; the next may go on.

    `is_futile`: the server answered with another part than the one that is needed, such as the whole file from its
    beginning. `is_silent`: it took the question, and nothing of an answer came. `retry_after_seconds` is when it wants
    to be asked again.
    """

    def __init__(
        self, reason: str, *, is_futile: bool = False, is_silent: bool = False, retry_after_seconds: float | None = None
    ) -> None:
        super().__init__(reason)
        self.is_futile = is_futile
        self.is_silent = is_silent
        self.retry_after_seconds = retry_after_seconds


@dataclass(frozen=True, slots=True)
class Part:
    """Where in the file the body begins, and the file's size if the server says it. `is_whole`: no Range was served."""

    start: int
    file_bytes: int | None
    is_whole: bool


def verify_answer(response: httpx.Response, path: str) -> None:
    """The answer is the file or a part of it.

    Raises Interrupted where another request may go on, NotFound (`blob_missing`), Untrusted (`blob_truncated`) and
    Unavailable (`repository_refused`, `captive_portal`).
    """
    status = response.status_code
    if status in _MISSING:
        raise missing(path)
    if status == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE:
        raise truncated(path)
    if status == _SIGN_IN_FIRST:
        raise _sign_in_first(path)
    if status >= 500 or status in _TRY_AGAIN:
        raise Interrupted(f"the server answers {status}", retry_after_seconds=read_retry_after(response))
    if status not in (httpx.codes.OK, httpx.codes.PARTIAL_CONTENT):
        raise Unavailable(
            "repository_refused",
            f"the repository answers {status} for {path}",
            hint="Check the repository's address, and what a proxy in between allows.",
        )
    if response.headers.get("Content-Type", "").lower().startswith(_PAGES):
        raise _sign_in_first(path)
    if response.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise Interrupted("a proxy in between compresses what the server sends", is_futile=True)


def read_part(response: httpx.Response) -> Part:
    """Raises Interrupted when the server does not say which part it sends."""
    if response.status_code != httpx.codes.PARTIAL_CONTENT:
        length = response.headers.get("Content-Length", "")
        return Part(0, int(length) if length.isdecimal() else None, is_whole=True)
    unit, _, rest = response.headers.get("Content-Range", "").partition(" ")
    span, _, size = rest.partition("/")
    first = span.partition("-")[0]
    if unit != "bytes" or not first.isdecimal():
        raise Interrupted("the server does not say which part it sends", is_futile=True)
    return Part(int(first), int(size) if size.isdecimal() else None, is_whole=False)


def read_retry_after(
    response: httpx.Response, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
) -> float | None:
    """`Retry-After` in seconds, from either of its two forms (RFC 9110, 10.2.3); None when it says neither."""
    text = response.headers.get("Retry-After", "").strip()
    if text.isdecimal():
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
        # The server's own clock, if it says it: a box's may be wrong.
        now = parsedate_to_datetime(response.headers["Date"]) if "Date" in response.headers else clock()
        return max(0.0, (moment - now).total_seconds())
    except (ValueError, TypeError):
        return None


def missing(path: str) -> NotFound:
    return NotFound(
        "blob_missing",
        f"the repository does not have {path}",
        hint="Publish the release again, or give the mirror time to fetch it.",
    )


def truncated(path: str) -> Untrusted:
    return Untrusted(
        "blob_truncated",
        f"the repository's {path} is shorter than it must be",
        hint="Check the repository with `cebox release verify`.",
    )


def endless(path: str) -> Untrusted:
    return Untrusted("endless_data", f"the server sends more than {path} has")


def _sign_in_first(path: str) -> CeboxError:
    return Unavailable(
        "captive_portal",
        f"a web page came in the place of {path}: something in between answers for the repository",
        hint="Sign in to this network, or check the repository's address and the proxy; the update goes on afterwards.",
    )
