"""Starting a box over its site's network: the WRS, which is on, sends the packet that its network card waits for."""

import re
from collections.abc import Iterable

from cebox.domain.device import Device, DeviceKind, Place
from cebox.domain.preflight import Finding
from cebox.errors import InvalidInput

MOST_ADDRESSES = 8
_FORM = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}", re.ASCII)
_MULTICAST_BIT = 0x01


def find_start_findings(
    device: Device, addresses: Iterable[str], server: Device | None, *, is_starting: bool = False
) -> tuple[Finding, ...]:
    """What stands in the way of starting `device` through `server`, its site's WRS; nothing: it can be tried.

    A WRS has nobody on its site to start it, a box that left for home does not hear its site. `is_starting`: somebody
    else is at it.
    """
    if device.is_on:
        return (Finding.ALREADY_ON,)
    found = []
    if is_starting:
        found.append(Finding.DEVICE_BUSY)
    if device.kind is DeviceKind.WRS or server is None:
        found.append(Finding.NO_SITE_WRS)
    elif device.place is not Place.SITE:
        found.append(Finding.LAST_SEEN_AWAY)
    elif not server.is_on:
        found.append(Finding.SITE_WRS_OFF)
    if not tuple(addresses):
        found.append(Finding.NO_LAN_ADDRESS)
    return tuple(found)


def parse_lan_address(text: str) -> str:
    """A network card's hardware address, as `02:00:5e:10:00:07`. Raises InvalidInput (`lan_address_malformed`)."""
    address = text.strip().lower().replace("-", ":")
    if not _FORM.fullmatch(address) or int(address[:2], 16) & _MULTICAST_BIT or set(address) == {"0", ":"}:
        raise InvalidInput(
            "lan_address_malformed",
            f"{text!r} is no network card's address",
            hint="Write six pairs of hexadecimal digits, such as 02:00:5e:10:00:07.",
        )
    return address


def clean_lan_addresses(texts: Iterable[str]) -> tuple[str, ...]:
    """Those that are one, each once and in the order given, as many as a machine may have."""
    found: dict[str, None] = {}
    for text in texts:
        try:
            found[parse_lan_address(text)] = None
        except InvalidInput:
            continue
    return tuple(found)[:MOST_ADDRESSES]
