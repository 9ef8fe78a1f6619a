"""The port `Location`: on the site when an address of this machine lies in one of the site's networks."""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

import msgspec

from cebox.agent.systemd_boot.programs import Programs
from cebox.domain.device import Place
from cebox.protocol.device import SiteInfo


class _Address(msgspec.Struct, frozen=True):
    local: str = ""


class _Interface(msgspec.Struct, frozen=True):
    addr_info: tuple[_Address, ...] = ()


class AddressLocation:
    def __init__(self, programs: Programs) -> None:
        self._programs = programs

    def find_place(self, site: SiteInfo) -> Place | None:
        networks, addresses = _list_networks(site), self._list_addresses()
        if not networks or not addresses:
            return None
        is_inside = any(address in network for address in addresses for network in networks)
        return Place.SITE if is_inside else Place.AWAY

    def _list_addresses(self) -> list[IPv4Address | IPv6Address]:
        return parse_addresses(self._programs.run("ip", "-json", "address", "show", "scope", "global").output)


def parse_addresses(output: str) -> list[IPv4Address | IPv6Address]:
    """What `ip -json address` says; none when it says nothing that makes sense."""
    try:
        interfaces = msgspec.json.decode(output, type=list[_Interface])
        return [ip_address(one.local) for interface in interfaces for one in interface.addr_info if one.local]
    except (msgspec.DecodeError, ValueError):
        return []


def _list_networks(site: SiteInfo) -> list[IPv4Network | IPv6Network]:
    """Those that are none were a slip of a pen; the others count."""
    networks = []
    for text in site.networks:
        try:
            networks.append(ip_network(text, strict=False))
        except ValueError:
            continue
    return networks
