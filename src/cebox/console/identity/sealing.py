"""Secrets that have to be read again are kept sealed with the console's own, each for its one purpose."""

import hashlib
import hmac
import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from cebox.errors import Untrusted
from cebox.protocol.identity import decode_base64url, encode_base64url

_NONCE_BYTES = 12


def derive(secret: bytes, purpose: str, of: str = "") -> bytes:
    """32 bytes that only a console with this `secret` can make; another purpose gives others."""
    return hmac.digest(secret, f"cebox {purpose}\0{of}".encode(), hashlib.sha256)


def seal(secret: bytes, purpose: str, owner: str, plain: str) -> str:
    nonce = secrets.token_bytes(_NONCE_BYTES)
    return encode_base64url(nonce + AESGCM(derive(secret, purpose)).encrypt(nonce, plain.encode(), owner.encode()))


def unseal(secret: bytes, purpose: str, owner: str, sealed: str) -> str:
    """Raises Untrusted (`seal_broken`) when it was sealed by another console or for another owner."""
    try:
        content = decode_base64url(sealed)
        nonce, rest = content[:_NONCE_BYTES], content[_NONCE_BYTES:]
        return AESGCM(derive(secret, purpose)).decrypt(nonce, rest, owner.encode()).decode()
    except (InvalidTag, ValueError) as error:
        raise Untrusted(
            "seal_broken", "what was kept sealed cannot be opened", hint="The console's secret file was replaced."
        ) from error
