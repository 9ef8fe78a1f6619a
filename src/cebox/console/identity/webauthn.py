"""Passkeys (WebAuthn): what the browser is asked, and whether its answer is genuine. Pure; keeps nothing."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import webauthn
from webauthn.helpers import parse_client_data_json
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    AuthenticatorTransport,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from cebox.console.identity.records import Passkey
from cebox.errors import InvalidInput, NotAuthenticated
from cebox.protocol.identity import decode_base64url, encode_base64url

Credential = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Place:
    """Where the console is, as the browser sees it: a passkey works there and nowhere else."""

    origin: str

    @property
    def rp_id(self) -> str:
        return urlsplit(self.origin).hostname or ""


@dataclass(frozen=True, slots=True)
class Registered:
    credential_id: str
    public_key: str
    sign_count: int
    rp_id: str
    transports: tuple[str, ...]


def ask_registration(
    place: Place, challenge: bytes, *, user_id: str, email: str, name: str, known: tuple[Passkey, ...]
) -> dict[str, Any]:
    """The options of `navigator.credentials.create`."""
    options = webauthn.generate_registration_options(
        rp_id=place.rp_id,
        rp_name="ceBox Console",
        user_id=user_id.encode(),
        user_name=email,
        user_display_name=name,
        challenge=challenge,
        exclude_credentials=[_describe(one) for one in known],
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.PREFERRED, user_verification=UserVerificationRequirement.PREFERRED
        ),
    )
    return _plain(options)


def verify_registration(place: Place, challenge: bytes, credential: Credential) -> Registered:
    """Raises InvalidInput (`passkey_refused`)."""
    try:
        verified = webauthn.verify_registration_response(
            credential=dict(credential),
            expected_challenge=challenge,
            expected_rp_id=place.rp_id,
            expected_origin=place.origin,
        )
    except (WebAuthnException, ValueError, TypeError, KeyError) as error:
        raise InvalidInput("passkey_refused", f"this passkey cannot be set up: {type(error).__name__}") from error
    return Registered(
        encode_base64url(verified.credential_id),
        encode_base64url(verified.credential_public_key),
        verified.sign_count,
        place.rp_id,
        _list_transports(credential),
    )


def ask_sign_in(place: Place, challenge: bytes, known: tuple[Passkey, ...] = ()) -> dict[str, Any]:
    """The options of `navigator.credentials.get`; without `known` the passkey says whose it is, and verifies them."""
    options = webauthn.generate_authentication_options(
        rp_id=place.rp_id,
        challenge=challenge,
        allow_credentials=[_describe(one) for one in known] or None,
        user_verification=UserVerificationRequirement.PREFERRED if known else UserVerificationRequirement.REQUIRED,
    )
    return _plain(options)


def read_credential_id(credential: Credential) -> str:
    """In its one spelling. Raises NotAuthenticated (`passkey_refused_at_sign_in`)."""
    try:
        return encode_base64url(decode_base64url(str(credential["id"])[:2000]))
    except (KeyError, ValueError) as error:
        raise _refused() from error


def verify_sign_in(
    place: Place, challenge: bytes, credential: Credential, passkey: Passkey, *, needs_verification: bool
) -> int:
    """The authenticator's new count. Raises NotAuthenticated (`passkey_refused_at_sign_in`)."""
    try:
        if passkey.rp_id != place.rp_id:
            raise _refused()
        parse_client_data_json(decode_base64url(credential["response"]["clientDataJSON"]))
        verified = webauthn.verify_authentication_response(
            credential=dict(credential),
            expected_challenge=challenge,
            expected_rp_id=place.rp_id,
            expected_origin=place.origin,
            credential_public_key=decode_base64url(passkey.public_key),
            credential_current_sign_count=passkey.sign_count,
            require_user_verification=needs_verification,
        )
    except (WebAuthnException, ValueError, TypeError, KeyError) as error:
        raise _refused() from error
    return verified.new_sign_count


def _refused() -> NotAuthenticated:
    return NotAuthenticated(
        "passkey_refused_at_sign_in", "this passkey opens nothing here", hint="Use another one, or a password."
    )


def _describe(passkey: Passkey) -> PublicKeyCredentialDescriptor:
    known = {one.value: one for one in AuthenticatorTransport}
    transports = [known[one] for one in passkey.transports if one in known]
    return PublicKeyCredentialDescriptor(decode_base64url(passkey.credential_id), transports=transports or None)


def _list_transports(credential: Credential) -> tuple[str, ...]:
    response = credential.get("response")
    said = response.get("transports") if isinstance(response, Mapping) else None
    known = {one.value for one in AuthenticatorTransport}
    return tuple(one for one in said if one in known) if isinstance(said, list) else ()


def _plain(options: Any) -> dict[str, Any]:
    plain: dict[str, Any] = json.loads(webauthn.options_to_json(options))
    return plain
