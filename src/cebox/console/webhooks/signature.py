"""How a receiver knows that a request is ours: Standard Webhooks, so that libraries for it are there in most languages.

`webhook-id` is the delivery, the same for every try: whoever has seen it may drop it. `webhook-timestamp` is in Unix
seconds. `webhook-signature` is `v1,` and the base64 of HMAC-SHA256 over `<id>.<timestamp>.<body>`; while two secrets
are valid there are two, separated by a space. The key is what follows `whsec_` in the secret, base64-decoded.
"""

import base64
import hashlib
import hmac
from collections.abc import Sequence
from datetime import datetime

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

SECRET_PREFIX = "whsec_"  # noqa: S105 - says what the secret is for, is none
_KEY_BYTES = 32


def derive_secret(console_secret: bytes, webhook_id: str, generation: int) -> str:
    """Nothing of it is stored; another generation is another secret."""
    info = f"cebox webhook {webhook_id} {generation}".encode()
    key = HKDF(SHA256(), _KEY_BYTES, salt=None, info=info).derive(console_secret)
    return SECRET_PREFIX + base64.b64encode(key).decode()


def sign(secrets: Sequence[str], delivery_id: str, at: datetime, body: bytes) -> dict[str, str]:
    """The headers that go with `body`."""
    stamp = str(int(at.timestamp()))
    signed = f"{delivery_id}.{stamp}.".encode() + body
    return {
        "webhook-id": delivery_id,
        "webhook-timestamp": stamp,
        "webhook-signature": " ".join(f"v1,{_make_mac(secret, signed)}" for secret in secrets),
    }


def _make_mac(secret: str, signed: bytes) -> str:
    key = base64.b64decode(secret.removeprefix(SECRET_PREFIX))
    return base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
