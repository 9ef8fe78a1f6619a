"""What the site runs, said by its WRS and signed with its own device key (`/site.json`)."""

import re
from pathlib import Path

import msgspec

from cebox.errors import InvalidInput, Unavailable
from cebox.kit.canonical import encode_canonical
from cebox.protocol.identity import DeviceIdentity
from cebox.protocol.site import SignedStatement, SiteStatement

_NONCE = re.compile(r"[A-Za-z0-9_-]{8,128}", re.ASCII)


class Enrolment(msgspec.Struct, frozen=True, kw_only=True):
    """`identity.json`, written by the agent on this machine when it has enrolled."""

    device_id: str
    site: str


class SiteSigner:
    """Reads the agent's files at each question: they may appear, or change with a new enrolment, while this runs."""

    def __init__(self, *, device_key_file: Path, identity_file: Path) -> None:
        self._device_key_file = device_key_file
        self._identity_file = identity_file

    def sign_statement(self, *, version: str | None, since: str, nonce: str) -> SignedStatement:
        """Raises InvalidInput (`nonce_invalid`), Unavailable (`wrs_not_enrolled`)."""
        if _NONCE.fullmatch(nonce) is None:
            raise InvalidInput(
                "nonce_invalid",
                "site.json is asked with a nonce of 8 to 128 letters, digits, - and _",
                hint="Send a fresh random one with every question: /site.json?nonce=…",
            )
        enrolment, identity = self._load()
        statement = SiteStatement(
            site=enrolment.site, device_id=enrolment.device_id, version=version, since=since, nonce=nonce
        )
        content = encode_canonical(msgspec.to_builtins(statement))
        return SignedStatement(statement=content.decode(), signature=identity.sign(content))

    def _load(self) -> tuple[Enrolment, DeviceIdentity]:
        try:
            enrolment = msgspec.json.decode(self._identity_file.read_bytes(), type=Enrolment)
            return enrolment, DeviceIdentity.load(self._device_key_file)
        except (OSError, msgspec.DecodeError) as error:
            raise Unavailable(
                "wrs_not_enrolled",
                "this site server has no identity yet",
                hint="Start the agent on this machine; it enrols with its installation key.",
            ) from error
