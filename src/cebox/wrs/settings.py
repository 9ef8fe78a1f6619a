"""The settings of one WRS: `wrs.toml` in its folder, read once and passed down.

Paths in it are relative to the folder. The device key and `identity.json` belong to the agent on the same machine: it
makes the key at its first start and writes `{"device_id": …, "site": …}` when it has enrolled. A WRS only reads them.
"""

from pathlib import Path

import msgspec

from cebox.kit.settings import load_toml_settings

SETTINGS_FILE = "wrs.toml"


class WrsSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Limits are per preparation; `download_bytes_per_second` caps what an order may ask for."""

    listen_host: str = "0.0.0.0"  # noqa: S104 - its purpose is to serve the site's LAN
    listen_port: int = 8420
    """0 takes a free one; the line `listening` on stderr names it."""
    state_folder: Path = Path("mirror")
    control_socket: Path = Path("wrs.sock")
    device_key_file: Path = Path("device.key")
    identity_file: Path = Path("identity.json")
    root_file: Path = Path("root.json")
    """The trust anchor: the root metadata handed out with the first installation."""
    download_bytes_per_second: int | None = None
    timeout_seconds: float = 30.0
    give_up_after_seconds: float = 900.0
    """How long the cloud may stay silent before a preparation fails; what has arrived is kept."""
    refresh_metadata_seconds: float = 3600.0

    def __post_init__(self) -> None:
        if not 0 <= self.listen_port <= 65535:
            raise ValueError("listen_port is a port: 0 to 65535")
        if self.download_bytes_per_second is not None and self.download_bytes_per_second <= 0:
            raise ValueError("download_bytes_per_second is above 0, or left out for no limit")
        if min(self.timeout_seconds, self.give_up_after_seconds, self.refresh_metadata_seconds) <= 0:
            raise ValueError("seconds are above 0")


def load_settings(folder: Path) -> WrsSettings:
    """All paths of the answer are absolute. Raises InvalidInput (`settings_missing`, `settings_invalid`)."""
    return load_toml_settings(folder / SETTINGS_FILE, WrsSettings)
