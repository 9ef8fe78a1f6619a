"""The settings of one agent: `agent.toml` in the box's folder, read once and passed down.

Paths in it are relative to the folder. The console changes none of them; what it may change comes with each sync.
"""

from enum import StrEnum
from pathlib import Path

import msgspec

from cebox.domain.device import DeviceKind
from cebox.kit.settings import load_toml_settings

SETTINGS_FILE = "agent.toml"


class MachineKind(StrEnum):
    """Which set of adapters of `agent.machine` this box has."""

    VIRTUAL = "virtual"
    SYSTEMD_BOOT = "systemd-boot"


class AgentSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`name` is what people call the machine. Every `_seconds` bounds something a person may wait for."""

    console_url: str
    name: str
    kind: DeviceKind = DeviceKind.CEBOX
    machine: MachineKind = MachineKind.VIRTUAL
    """`systemd-boot` is a real machine, `virtual` one made of files in the box's folder."""
    token_file: Path = Path("enrolment-token")
    """The installation key's token; read until the box has enrolled, never changed."""
    device_key_file: Path = Path("device.key")
    identity_file: Path = Path("identity.json")
    """Written after enrolment; on a WRS the mirror reads it too."""
    state_folder: Path = Path("state")
    root_file: Path = Path("root.json")
    """The trust anchor: the root metadata handed out with the first installation."""
    control_socket: Path = Path("wrs.sock")
    """Only on a WRS: the mirror's unix socket."""
    desk_socket: Path = Path("agent.sock")
    """Where people at the machine reach the agent: `cebox-agent status`, `cebox-agent postpone`."""
    server_url: str | None = None
    """Only on a WRS: the address at which its site reaches its mirror, such as http://10.20.4.2:8420."""
    memory_bytes: int = 72 << 20
    """What applying a patch may take beside the agent itself; a patch that needs more is passed over for the image."""
    timeout_seconds: float = 15.0
    wrs_timeout_seconds: float = 3.0
    source_give_up_seconds: float = 10.0
    """How long one attempt puts up with a silent source before the box looks again where to take the release from."""
    download_give_up_seconds: float = 600.0
    """The same for an image on its way from the cloud: giving up earlier would lose the part that is half here."""
    silence_seconds: float = 6 * 3600.0
    """How long an ordered update goes on trying while no source answers."""
    shutdown_silence_seconds: float = 20.0
    """The same while somebody waits for the power to go."""
    shutdown_patience_seconds: float = 1800.0
    """The longest a shutdown is put off by an update that does move."""
    trial_seconds: float = 300.0
    serve_seconds: float = 30.0
    """Only on a WRS: how long a finished trial waits for the mirror before it is reported; the mirror follows later."""
    goodbye_seconds: float = 3.0
    first_retry_seconds: float = 1.0
    most_retry_seconds: float = 60.0

    def __post_init__(self) -> None:
        if not self.console_url.startswith(("http://", "https://")):
            raise ValueError("console_url is an address such as https://console.example.org")
        numbers = {field: getattr(self, field) for field in self.__struct_fields__ if field.endswith("_seconds")}
        if min(self.memory_bytes, *numbers.values()) <= 0:
            raise ValueError("seconds and bytes are above 0")


def load_settings(folder: Path) -> AgentSettings:
    """All paths of the answer are absolute. Raises InvalidInput (`settings_missing`, `settings_invalid`)."""
    return load_toml_settings(folder / SETTINGS_FILE, AgentSettings)
