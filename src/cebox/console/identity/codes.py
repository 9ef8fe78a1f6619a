"""One-time codes (RFC 6238) and recovery codes: made, and recognised once."""

import base64
import hmac
import secrets
from datetime import datetime

import pyotp

from cebox.console.secret import hash_secret

STEP_SECONDS = 30
RECOVERY_CODES = 10
_DRIFT_STEPS = 1
_RECOVERY_BYTES = 10
_DIGITS = 6


def make_totp_secret() -> str:
    return pyotp.random_base32()


def totp_address(secret: str, email: str, issuer: str) -> str:
    """What an authenticator reads from the QR code."""
    return pyotp.TOTP(secret).provisioning_uri(name=email, issuer_name=issuer)


def find_step(secret: str, code: str, now: datetime) -> int | None:
    """The time step `code` belongs to, a clock's drift allowed for; every step is compared, whichever is right."""
    totp, step = pyotp.TOTP(secret), int(now.timestamp()) // STEP_SECONDS
    found = None
    for candidate in range(step - _DRIFT_STEPS, step + _DRIFT_STEPS + 1):
        if hmac.compare_digest(totp.generate_otp(candidate).encode(), code.encode()):
            found = candidate
    return found


def clean_code(text: str) -> str:
    """As people type it: spaces and dashes aside."""
    return "".join(text.split()).replace("-", "").lower()[:64]


def is_totp(code: str) -> bool:
    return len(code) == _DIGITS and code.isascii() and code.isdigit()


def make_recovery_codes() -> tuple[str, ...]:
    """80 random bits each, in groups that can be typed."""
    return tuple(_group(secrets.token_bytes(_RECOVERY_BYTES)) for _ in range(RECOVERY_CODES))


def hash_recovery_code(code: str) -> str:
    return hash_secret(clean_code(code))


def _group(content: bytes) -> str:
    text = base64.b32encode(content).decode().lower()
    return "-".join(text[start : start + 4] for start in range(0, len(text), 4))
