"""What the data partition holds before the first start: who enrols the machine, where, and what it believes."""

import json
import secrets
from pathlib import Path

from cebox.agent.settings import SETTINGS_FILE, AgentSettings, MachineKind, load_settings
from cebox.domain.device import DeviceKind
from cebox.installer.places import Places
from cebox.keys.contents import InstallSettings
from cebox.kit.files import write_secret
from cebox.protocol.desk import DESK_SOCKET
from cebox.wrs.settings import SETTINGS_FILE as WRS_SETTINGS_FILE

# Seen from the partition, which is mounted at /var.
_FOLDER = "lib/cebox"
_NO_ADDRESS = "00:00:00:00:00:00"


def write_first_data(target: Path, settings: InstallSettings, anchor: bytes, *, machine_name: str) -> None:
    """`target` becomes the partition's root folder. Raises InvalidInput (`settings_invalid`), OSError."""
    folder = target / _FOLDER
    folder.mkdir(parents=True)
    folder.chmod(0o700)
    facts = {
        "console_url": settings.console_url,
        "name": machine_name,
        "kind": settings.kind.value,
        "machine": MachineKind.SYSTEMD_BOOT.value,
        "server_url": settings.server_url,
        # The agent's own folder is closed to people.
        "desk_socket": str(DESK_SOCKET),
    }
    lines = [f"{name} = {json.dumps(value)}\n" for name, value in facts.items() if value is not None]
    write_secret(folder / SETTINGS_FILE, "".join(lines).encode())
    if settings.kind is DeviceKind.WRS:
        # That it is there makes the machine a WRS; its defaults are those of the agent beside it.
        write_secret(folder / WRS_SETTINGS_FILE, b"")
    found: AgentSettings = load_settings(folder)
    write_secret(found.token_file, settings.token.encode())
    write_secret(found.root_file, anchor)


def name_machine(settings: InstallSettings, places: Places) -> str:
    """As the key says, else after its network card."""
    if settings.machine_name:
        return settings.machine_name
    address = _find_address(places) or secrets.token_hex(6)
    return f"{settings.kind}-{address.replace(':', '')[-6:]}"


def _find_address(places: Places) -> str | None:
    try:
        cards = sorted(path for path in places.network_cards.iterdir() if (path / "device").exists())
    except OSError:
        return None
    for card in cards:
        try:
            address = (card / "address").read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError):
            continue
        if address and address != _NO_ADDRESS:
            return address
    return None
