"""TLS towards other machines: one set of trusted authorities per process."""

import ssl
from functools import cache

import httpx


@cache
def get_tls_context() -> ssl.SSLContext:
    """Reading the authorities takes longer than a request does; httpx would do it anew for every client."""
    return httpx.create_ssl_context()
