"""The port `Lan` on a real machine: what the kernel says of its network cards, and the packet on its networks."""

from pathlib import Path

from cebox.agent.magic_packet import list_targets, make_packet, send_packet
from cebox.agent.systemd_boot.places import Places
from cebox.domain.start import clean_lan_addresses

_ETHERNET = "1"


class SystemdLan:
    def __init__(self, places: Places) -> None:
        self._places = places

    def list_addresses(self) -> tuple[str, ...]:
        """Of wired cards only: bridges and tunnels are no hardware, and a radio that is off hears nothing."""
        try:
            interfaces = sorted(self._places.interfaces.iterdir())
        except OSError:
            return ()
        return clean_lan_addresses(_read(one / "address") for one in interfaces if _is_wired(one))

    def wake(self, address: str, networks: tuple[str, ...]) -> None:
        send_packet(make_packet(address), list_targets(networks))


def _is_wired(interface: Path) -> bool:
    is_card = (interface / "device").exists() and not (interface / "wireless").exists()
    return is_card and _read(interface / "type") == _ETHERNET


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        return ""
