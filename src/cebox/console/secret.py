"""Random secrets handed out once; the database keeps what they hash to."""

import hashlib
import secrets


def make_secret(prefix: str = "") -> str:
    """256 random bits, fit for a header, a cookie and a form."""
    return f"{prefix}{secrets.token_urlsafe(32)}"


def hash_secret(secret: str) -> str:
    """A plain hash is enough: nobody guesses 256 random bits."""
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).hexdigest()
