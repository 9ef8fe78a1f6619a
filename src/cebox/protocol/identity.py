"""A device's identity: an Ed25519 key pair made on the box, and what it signs with it."""

import base64
import secrets
from datetime import datetime, timedelta
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey

from cebox.errors import NotAuthenticated, Untrusted
from cebox.kit.files import write_secret

_ALGORITHM = "Ed25519"
ASSERTION_LIFETIME = timedelta(minutes=2)
# A box's clock may be off; the console decides by its own, so the assertion's times only bound its replay.
LONGEST_ASSERTION = timedelta(minutes=5)


def encode_base64url(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def decode_base64url(text: str) -> bytes:
    """Raises ValueError for anything that is not base64url."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


class DeviceIdentity:
    """The private half; stays on the box in a file only root (or the demo's user) reads."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key

    @classmethod
    def generate(cls) -> "DeviceIdentity":
        return cls(Ed25519PrivateKey.generate())

    @classmethod
    def load(cls, path: Path) -> "DeviceIdentity":
        """Raises OSError when the file is missing, Untrusted (`device_key_invalid`) when it holds no Ed25519 key."""
        try:
            key = serialization.load_pem_private_key(path.read_bytes(), password=None)
        except ValueError as error:
            raise Untrusted("device_key_invalid", f"{path} holds no private key") from error
        if not isinstance(key, Ed25519PrivateKey):
            raise Untrusted("device_key_invalid", f"{path} holds no Ed25519 key")
        return cls(key)

    @classmethod
    def load_or_generate(cls, path: Path) -> "DeviceIdentity":
        if path.exists():
            return cls.load(path)
        identity = cls.generate()
        identity.save(path)
        return identity

    def save(self, path: Path) -> None:
        pem = self._key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        write_secret(path, pem)

    @property
    def public_key(self) -> str:
        raw = self._key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        return encode_base64url(raw)

    def sign(self, content: bytes) -> str:
        return encode_base64url(self._key.sign(content))

    def make_assertion(self, *, device_id: str, console_id: str, now: datetime) -> str:
        """The JWT of `TokenRequest.assertion`."""
        claims = {
            "iss": device_id,
            "sub": device_id,
            "aud": console_id,
            "iat": int(now.timestamp()),
            "exp": int((now + ASSERTION_LIFETIME).timestamp()),
            "jti": secrets.token_urlsafe(16),
        }
        return jwt.encode({"alg": _ALGORITHM}, claims, OKPKey.import_key(self._key), algorithms=[_ALGORITHM])


def verify_signature(public_key: str, content: bytes, signature: str) -> None:
    """Raises Untrusted (`signature_invalid`)."""
    try:
        Ed25519PublicKey.from_public_bytes(decode_base64url(public_key)).verify(decode_base64url(signature), content)
    except (InvalidSignature, ValueError) as error:
        raise Untrusted("signature_invalid", "the signature does not match the device's key") from error


def verify_assertion(assertion: str, *, public_key: str, device_id: str, console_id: str) -> str:
    """Check who signed and for whom; returns the assertion's `jti`.

    Its times are not compared with the clock: a box may have a wrong one (its answer tells it the right time). The
    console refuses a `jti` it has seen. Raises NotAuthenticated (`assertion_invalid`, `assertion_for_another_console`).
    """
    try:
        key = OKPKey.import_key(Ed25519PublicKey.from_public_bytes(decode_base64url(public_key)))
        claims = jwt.decode(assertion, key, algorithms=[_ALGORITHM]).claims
    except (JoseError, ValueError) as error:
        raise NotAuthenticated(
            "assertion_invalid",
            "the assertion is not signed by this device",
            hint="Enrol the device again with a new installation key.",
        ) from error
    if claims.get("aud") != console_id:
        raise NotAuthenticated(
            "assertion_for_another_console",
            "the assertion was made for another console",
            hint="Check the console address in the box's settings.",
        )
    lifetime = int(claims.get("exp", 0)) - int(claims.get("iat", 0))
    jti = claims.get("jti")
    is_whole = claims.get("iss") == claims.get("sub") == device_id and isinstance(jti, str)
    if not is_whole or not 0 < lifetime <= LONGEST_ASSERTION.total_seconds():
        raise NotAuthenticated("assertion_invalid", "the assertion is not one of a device")
    return str(jti)
