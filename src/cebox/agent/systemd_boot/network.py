"""Whether this machine has a network: a route over an interface that is up. Whom it reaches is not asked here."""

from pathlib import Path

from cebox.agent.systemd_boot.places import Places

_LOOPBACK = "lo"
# A tunnel or a bridge says `unknown` for as long as it works.
_UP = frozenset({"up", "unknown"})
_NO_ADDRESS = "0" * 32


def has_network(places: Places) -> bool:
    return any(_is_up(places, name) for name in _list_routed(places))


def _list_routed(places: Places) -> set[str]:
    """Interfaces with a route: any of IPv4's, for IPv6 one that leads further than the link."""
    ipv4, ipv6 = (_read_rows(path) for path in places.routes)
    names = {row[0] for row in ipv4 if len(row) > 1 and row[0] != "Iface"}
    names |= {row[9] for row in ipv6 if len(row) > 9 and row[4] != _NO_ADDRESS}
    return names - {_LOOPBACK}


def _read_rows(path: Path) -> list[list[str]]:
    try:
        return [line.split() for line in path.read_text(encoding="ascii", errors="replace").splitlines()]
    except OSError:
        return []


def _is_up(places: Places, name: str) -> bool:
    try:
        return places.interface_state(name).read_text(encoding="ascii").strip() in _UP
    except OSError:
        return False
