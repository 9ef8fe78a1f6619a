import msgspec
import pytest
from msgspec.structs import replace

from cebox.errors import Untrusted
from cebox.kit.canonical import encode_canonical
from cebox.protocol.device import SiteServerInfo
from cebox.protocol.identity import DeviceIdentity
from cebox.protocol.site import SignedStatement, SiteStatement
from cebox.protocol.site_client import verify_statement

NONCE = "a-nonce-of-this-box"
STATEMENT = SiteStatement(site="lyon", device_id="dev-1", version="2026.11.1", since="", nonce=NONCE)


@pytest.fixture(scope="module")
def identity() -> DeviceIdentity:
    return DeviceIdentity.generate()


def sign(statement: SiteStatement, identity: DeviceIdentity) -> SignedStatement:
    content = encode_canonical(msgspec.to_builtins(statement))
    return SignedStatement(statement=content.decode(), signature=identity.sign(content))


def verify(signed: SignedStatement, identity: DeviceIdentity) -> SiteStatement:
    server = SiteServerInfo(device_id="dev-1", url="http://wrs.test", public_key=identity.public_key)
    return verify_statement(signed, server=server, site_id="lyon", nonce=NONCE)


def test_the_word_of_the_sites_wrs_is_believed(identity: DeviceIdentity) -> None:
    assert verify(sign(STATEMENT, identity), identity) == STATEMENT


@pytest.mark.parametrize(
    "statement",
    [
        replace(STATEMENT, nonce="another-question"),
        replace(STATEMENT, site="paris"),
        replace(STATEMENT, device_id="dev-2"),
    ],
    ids=["replayed", "another site", "another machine"],
)
def test_a_word_about_something_else_is_not(identity: DeviceIdentity, statement: SiteStatement) -> None:
    with pytest.raises(Untrusted) as caught:
        verify(sign(statement, identity), identity)
    assert caught.value.code == "site_statement_invalid"


def test_a_word_signed_by_another_machine_is_not(identity: DeviceIdentity) -> None:
    with pytest.raises(Untrusted):
        verify(sign(STATEMENT, DeviceIdentity.generate()), identity)


def test_a_word_changed_after_it_was_signed_is_not(identity: DeviceIdentity) -> None:
    signed = sign(STATEMENT, identity)
    with pytest.raises(Untrusted):
        verify(replace(signed, statement=signed.statement.replace("2026.11.1", "2026.11.9")), identity)


@pytest.mark.parametrize("text", ["", "[]", "null", '{"site": "lyon"}'])
def test_a_signed_word_that_is_no_statement_is_not(identity: DeviceIdentity, text: str) -> None:
    signed = SignedStatement(statement=text, signature=identity.sign(text.encode()))
    with pytest.raises(Untrusted):
        verify(signed, identity)
