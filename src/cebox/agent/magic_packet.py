"""The packet that starts a machine: six bytes of ones, then its network card's address sixteen times, to everybody."""

import socket
from collections.abc import Iterable
from ipaddress import IPv4Network, ip_network

from cebox.domain.start import parse_lan_address
from cebox.errors import Unavailable

PORT = 9
EVERYBODY_HERE = "255.255.255.255"
# Nobody acknowledges it, and a network card that falls asleep may miss one.
_REPEATS = 3
_SYNCHRONISATION = b"\xff" * 6
_SMALLEST_PREFIX = 16


def make_packet(address: str) -> bytes:
    """Raises InvalidInput (`lan_address_malformed`)."""
    return _SYNCHRONISATION + bytes.fromhex(parse_lan_address(address).replace(":", "")) * 16


def read_packet(content: bytes) -> str | None:
    """Whom a packet is to start; None for any other packet."""
    address = content[6:12]
    is_one = len(content) == 102 and content == _SYNCHRONISATION + address * 16
    return address.hex(":") if is_one else None


def list_targets(networks: Iterable[str]) -> tuple[str, ...]:
    """Everybody on the line that leads out, and on each of the site's networks; what is no network is passed over."""
    found = {EVERYBODY_HERE: None}
    for text in networks:
        try:
            network = ip_network(text, strict=False)
        except ValueError:
            continue
        if isinstance(network, IPv4Network) and _SMALLEST_PREFIX <= network.prefixlen < 31:
            found[str(network.broadcast_address)] = None
    return tuple(found)


def send_packet(packet: bytes, targets: Iterable[str], *, port: int = PORT) -> None:
    """Raises Unavailable (`lan_unreachable`) when it left towards none of them."""
    reason = "no address to send to"
    is_sent = False
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        line.setblocking(False)
        for target in tuple(targets) * _REPEATS:
            try:
                line.sendto(packet, (target, port))
                is_sent = True
            except OSError as error:
                reason = f"{target}: {error.strerror or error}"
    if not is_sent:
        raise Unavailable("lan_unreachable", f"the packet could not be sent: {reason}", hint="Check the WRS's network.")
