"""What lies where on a stick, and what it tells the installer: the words both sides share."""

import re
from datetime import datetime
from enum import StrEnum
from typing import Annotated

import msgspec
from msgspec import Meta

from cebox.domain.device import DeviceKind
from cebox.domain.version import Version
from cebox.errors import InvalidInput

FORMAT = 1
ESP_LABEL = "cebox-key-esp"
ROOT_LABEL = "cebox-key"
# On the boot partition.
BOOT_PROGRAM = "EFI/BOOT/BOOTX64.EFI"
STARTED_FROM_KEY = "loader/credentials/cebox-install.cred"
"""The boot image's stub gives it to the initrd, whatever else it starts: one line, the id of the stick's table."""
FOLDER = "cebox"
# In that folder.
SETTINGS = "install.json"
ANCHOR = "root.json"
REPOSITORY = "repository"

_Line = Annotated[str, Meta(min_length=1, max_length=300)]
_URL_PATTERN = r"\Ahttps?://[^/\s]+(/\S*)?\Z"
_LONGEST_URL = 300
_Url = Annotated[str, Meta(pattern=_URL_PATTERN, max_length=_LONGEST_URL)]
_Version = Annotated[str, Meta(min_length=1, max_length=64)]


class Language(StrEnum):
    """Of what the installer says."""

    ENGLISH = "en"
    FRENCH = "fr"


class Afterwards(StrEnum):
    """What the machine does when it is installed."""

    REBOOT = "reboot"
    POWER_OFF = "poweroff"


class InstallSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What a machine becomes. `token` enrols it; the console knows for whom, the names are for the screen.

    `made_at` is the time by which the release's signatures are judged: the machine's own clock may be wrong.
    """

    format: int = FORMAT
    console_url: _Url
    token: Annotated[str, Meta(min_length=8, max_length=200)]
    key: _Line
    account: _Line
    site: _Line | None = None
    kind: DeviceKind = DeviceKind.CEBOX
    version: _Version
    made_at: Annotated[datetime, Meta(tz=True)]
    machine_name: _Line | None = None
    """None: the kind and the end of its network card's address."""
    server_url: _Url | None = None
    """Only for a WRS: the address at which its site will reach it."""
    language: Language = Language.ENGLISH
    afterwards: Afterwards = Afterwards.REBOOT


def is_url(text: str) -> bool:
    """Whether a machine could reach something there."""
    return len(text) <= _LONGEST_URL and re.match(_URL_PATTERN, text) is not None


def encode_settings(settings: InstallSettings) -> bytes:
    return msgspec.json.format(msgspec.json.encode(settings)) + b"\n"


def decode_settings(content: bytes) -> InstallSettings:
    """Raises InvalidInput (`key_malformed`)."""
    try:
        settings = msgspec.json.decode(content, type=InstallSettings)
        Version.parse(settings.version)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, InvalidInput) as error:
        raise key_malformed(f"its settings cannot be read: {error}") from error
    if settings.format != FORMAT:
        raise key_malformed(f"it is of format {settings.format}, this program reads {FORMAT}")
    return settings


def key_malformed(why: str) -> InvalidInput:
    return InvalidInput(
        "key_malformed",
        f"this installation key cannot be used: {why}",
        hint="Write the key's image to the stick again.",
    )
