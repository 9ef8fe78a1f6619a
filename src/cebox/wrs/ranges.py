"""The Range header (RFC 9110, section 14) as far as a static repository needs it: one range of bytes."""

import re

_ONE_RANGE = re.compile(r"bytes=\s*(\d{0,18})-(\d{0,18})\s*", re.ASCII | re.IGNORECASE)


class Unsatisfiable(Exception):
    """The range lies outside the file: answered with 416 and the true size."""


def parse_range(header: str | None, size: int) -> tuple[int, int] | None:
    """(first byte, byte after the last), or None where the whole file is the answer.

    A header that is malformed, in another unit or with several ranges is ignored, as the standard allows.
    Raises Unsatisfiable.
    """
    match = _ONE_RANGE.fullmatch(header) if header else None
    if match is None or match[1] == match[2] == "":
        return None
    if match[1] == "":
        return _suffix(int(match[2]), size)
    first = int(match[1])
    last = int(match[2]) if match[2] else size - 1
    if match[2] and last < first:
        return None
    if first >= size:
        raise Unsatisfiable
    return first, min(last + 1, size)


def _suffix(length: int, size: int) -> tuple[int, int]:
    if length == 0 or size == 0:
        raise Unsatisfiable
    return max(0, size - length), size
