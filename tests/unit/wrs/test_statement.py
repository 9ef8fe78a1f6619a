"""What the WRS says about its site, as the box checks it."""

from pathlib import Path

import msgspec
import pytest

from cebox.errors import CeboxError, InvalidInput, Unavailable, Untrusted
from cebox.protocol.device import SiteServerInfo
from cebox.protocol.identity import DeviceIdentity
from cebox.protocol.site_client import verify_statement
from cebox.wrs.statement import SiteSigner

NONCE = "a-fresh-nonce-0123"


@pytest.fixture
def identity(tmp_path: Path) -> DeviceIdentity:
    identity = DeviceIdentity.generate()
    identity.save(tmp_path / "device.key")
    (tmp_path / "identity.json").write_bytes(msgspec.json.encode({"device_id": "dev-1", "site": "lyon"}))
    return identity


@pytest.fixture
def signer(tmp_path: Path) -> SiteSigner:
    return SiteSigner(device_key_file=tmp_path / "device.key", identity_file=tmp_path / "identity.json")


def info(identity: DeviceIdentity, device_id: str = "dev-1") -> SiteServerInfo:
    return SiteServerInfo(device_id=device_id, url="http://127.0.0.1", public_key=identity.public_key)


def test_a_box_accepts_the_statement_that_answers_its_nonce(identity: DeviceIdentity, signer: SiteSigner) -> None:
    signed = signer.sign_statement(version="2026.11.1", since="2026-11-01T08:00:00Z", nonce=NONCE)
    statement = verify_statement(signed, server=info(identity), site_id="lyon", nonce=NONCE)
    assert (statement.version, statement.since) == ("2026.11.1", "2026-11-01T08:00:00Z")


def test_a_site_that_serves_nothing_yet_says_so(identity: DeviceIdentity, signer: SiteSigner) -> None:
    signed = signer.sign_statement(version=None, since="", nonce=NONCE)
    assert verify_statement(signed, server=info(identity), site_id="lyon", nonce=NONCE).version is None


def test_a_statement_for_another_nonce_is_refused(identity: DeviceIdentity, signer: SiteSigner) -> None:
    signed = signer.sign_statement(version="2026.11.1", since="", nonce=NONCE)
    with pytest.raises(Untrusted):
        verify_statement(signed, server=info(identity), site_id="lyon", nonce="another-nonce-0123")


def test_a_statement_that_was_changed_is_refused(identity: DeviceIdentity, signer: SiteSigner) -> None:
    signed = signer.sign_statement(version="2026.11.1", since="", nonce=NONCE)
    changed = msgspec.structs.replace(signed, statement=signed.statement.replace("2026.11.1", "2026.10.1"))
    with pytest.raises(Untrusted):
        verify_statement(changed, server=info(identity), site_id="lyon", nonce=NONCE)


def test_a_statement_signed_by_another_machine_is_refused(identity: DeviceIdentity, signer: SiteSigner) -> None:
    signed = signer.sign_statement(version="2026.11.1", since="", nonce=NONCE)
    with pytest.raises(Untrusted):
        verify_statement(signed, server=info(DeviceIdentity.generate()), site_id="lyon", nonce=NONCE)


@pytest.mark.parametrize("nonce", ["", "short", "x" * 129, "with space 0123", "line\nbreak-0123", "é" * 12])
def test_a_nonce_that_is_none_is_refused(identity: DeviceIdentity, signer: SiteSigner, nonce: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        signer.sign_statement(version=None, since="", nonce=nonce)
    assert raised.value.code == "nonce_invalid"


def test_before_the_enrolment_it_says_not_enrolled_and_afterwards_signs(tmp_path: Path, signer: SiteSigner) -> None:
    assert _code(signer) == "wrs_not_enrolled"
    (tmp_path / "identity.json").write_text('{"device_id": "dev-1", "site": "lyon"}')
    assert _code(signer) == "wrs_not_enrolled"
    DeviceIdentity.generate().save(tmp_path / "device.key")
    assert _code(signer) == ""


def test_a_damaged_identity_file_is_no_enrolment(tmp_path: Path, identity: DeviceIdentity, signer: SiteSigner) -> None:
    (tmp_path / "identity.json").write_text('{"device_id": ')
    with pytest.raises(Unavailable):
        signer.sign_statement(version=None, since="", nonce=NONCE)


def _code(signer: SiteSigner) -> str:
    try:
        signer.sign_statement(version=None, since="", nonce=NONCE)
    except CeboxError as error:
        return error.code
    return ""
