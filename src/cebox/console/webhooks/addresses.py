"""Where a webhook may lead. Customers name the addresses and the console sits inside the vendor's network: it must not
be led to what only that network reaches.

A name is looked up here, every address it has is judged, and the connection goes to one of those very addresses: a
second lookup, which might answer otherwise, does not happen.
"""

import asyncio
import ipaddress
import socket
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from cebox.errors import InvalidInput, NotPermitted, Unavailable

LONGEST_URL = 500
_Address = ipaddress.IPv4Address | ipaddress.IPv6Address
# IPv6 that carries an IPv4 address to a gateway: NAT64.
_TRANSLATED = ipaddress.IPv6Network("64:ff9b::/96")
_LOOKUP_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Reach:
    """What the console's operator opened beyond https to public addresses."""

    has_private: bool = False
    has_plain: bool = False


@dataclass(frozen=True, slots=True)
class Place:
    """Where to connect: `address` was judged, `host` is what the certificate and the receiver are asked for."""

    host: str
    port: int
    address: str
    is_tls: bool


def parse_webhook_url(text: str, reach: Reach) -> SplitResult:
    """Raises InvalidInput (`webhook_url_malformed`, `webhook_needs_https`)."""
    url = text.strip()
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise _malformed(text) from error
    is_whole = bool(parts.hostname) and url.isascii() and url.isprintable() and " " not in url
    if not is_whole or len(url) > LONGEST_URL or parts.username is not None or parts.fragment or port == 0:
        raise _malformed(text)
    if parts.scheme == "http" and not reach.has_plain:
        raise InvalidInput(
            "webhook_needs_https", "a webhook is an https address", hint="What it says is for the receiver alone."
        )
    if parts.scheme not in ("https", "http"):
        raise _malformed(text)
    return parts


async def find_place(text: str, reach: Reach) -> Place:
    """Raises what `parse_webhook_url` raises, NotPermitted (`webhook_address_private`), Unavailable
    (`webhook_host_unknown`).
    """
    parts = parse_webhook_url(text, reach)
    assert parts.hostname is not None
    is_tls = parts.scheme == "https"
    port = parts.port or (443 if is_tls else 80)
    addresses = await _look_up(parts.hostname, port)
    for address in addresses:
        if not (reach.has_private or is_public(address)):
            raise NotPermitted(
                "webhook_address_private",
                f"{parts.hostname} leads to {address}, which is no public address",
                hint="Name a host of the internet, or let the console's operator open private addresses.",
            )
    return Place(parts.hostname, port, str(addresses[0]), is_tls)


def is_public(address: _Address) -> bool:
    """Reachable by everybody: not of a private network, this machine, a group or a link."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)
        if address in _TRANSLATED:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(inner)
        if address.is_site_local:
            return False
    return address.is_global and not (address.is_multicast or address.is_reserved or address.is_unspecified)


async def _look_up(host: str, port: int) -> list[_Address]:
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(_LOOKUP_SECONDS):
            found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError, TimeoutError) as error:
        raise Unavailable("webhook_host_unknown", f"{host} has no address", hint="Check how it is written.") from error
    return [ipaddress.ip_address(str(place[4][0]).partition("%")[0]) for place in found]


def _malformed(text: str) -> InvalidInput:
    return InvalidInput(
        "webhook_url_malformed",
        f"{text[:200]!r} is not the address of a webhook",
        hint=f"Write it as https://host/path, at most {LONGEST_URL} characters, without a user or a fragment.",
    )
