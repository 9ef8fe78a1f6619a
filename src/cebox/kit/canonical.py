"""One byte form for a JSON value, so that equal values have equal hashes and signatures."""

import json
from typing import Any


def encode_canonical(value: Any) -> bytes:
    """UTF-8 JSON with sorted keys and no spaces; only JSON types, no floats.

    Raises ValueError for a float (its text form is not one) and TypeError for anything JSON does not know.
    """
    _refuse_floats(value)
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def _refuse_floats(value: Any) -> None:
    if isinstance(value, float):
        raise ValueError("a float has no canonical form; use an integer or a string")
    if isinstance(value, dict):
        for item in value.values():
            _refuse_floats(item)
    elif isinstance(value, list | tuple):
        for item in value:
            _refuse_floats(item)
