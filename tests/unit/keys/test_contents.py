"""What a key tells the installer: read as it was written, and refused when it is not that."""

import json

import msgspec
import pytest

from cebox.domain.device import DeviceKind
from cebox.errors import InvalidInput
from cebox.keys.contents import Afterwards, decode_settings, encode_settings
from tests.machines.key_maker import SETTINGS


def test_settings_are_read_as_they_were_written() -> None:
    settings = msgspec.structs.replace(
        SETTINGS, kind=DeviceKind.WRS, server_url="http://10.20.4.2:8420", afterwards=Afterwards.POWER_OFF
    )

    assert decode_settings(encode_settings(settings)) == settings


def test_what_a_later_maker_says_besides_is_passed_over() -> None:
    content = json.loads(encode_settings(SETTINGS)) | {"colour": "blue"}

    assert decode_settings(json.dumps(content).encode()) == SETTINGS


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("format", 2),
        ("token", ""),
        ("console_url", "file:///etc/passwd"),
        ("server_url", "nowhere"),
        ("kind", "toaster"),
        ("version", "newest"),
        ("made_at", "2026-11-22T12:00:00"),
        ("afterwards", "explode"),
        ("account", "x" * 301),
    ],
)
def test_settings_that_make_no_sense_are_refused(name: str, value: object) -> None:
    content = json.loads(encode_settings(SETTINGS)) | {name: value}

    with pytest.raises(InvalidInput) as refused:
        decode_settings(json.dumps(content).encode())

    assert refused.value.code == "key_malformed"


@pytest.mark.parametrize("content", [b"", b"[]", b"\xff\xfe", b"[" * 100_000])
def test_what_is_no_document_is_refused(content: bytes) -> None:
    with pytest.raises(InvalidInput) as refused:
        decode_settings(content)

    assert refused.value.code == "key_malformed"
