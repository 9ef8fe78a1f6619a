"""What the boot partition holds before the first start: the boot loader, and the release as its only, blessed entry."""

import os
import shutil
from pathlib import Path

from cebox.agent.systemd_boot.boot_partition import BootPartition
from cebox.agent.systemd_boot.entry_name import EntryName
from cebox.agent.systemd_boot.places import Places as AgentPlaces
from cebox.domain.version import Version

_LOADER_PLACES = ("EFI/BOOT/BOOTX64.EFI", "EFI/systemd/systemd-bootx64.efi")


def write_boot_files(room: Path, boot_loader: Path, boot: Path, version: Version) -> Path:
    """The folder below `room` that becomes the partition's. There is nothing to fall back to, hence no tries.
    `boot` lies on the same filesystem as `room`.

    Raises OSError.
    """
    agents = AgentPlaces(root=room, state_folder=room / "state")
    esp = agents.boot_images.parents[1]
    for place in _LOADER_PLACES:
        path = esp / place
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(boot_loader, path)
    agents.boot_images.mkdir(parents=True)
    os.link(boot, agents.boot_images / str(EntryName(version)))
    agents.loader_settings.parent.mkdir(parents=True)
    BootPartition(agents).set_default(version)
    return esp


def get_entry_path(version: Version) -> str:
    """Of the release's entry, from the partition's root."""
    return f"EFI/Linux/{EntryName(version)}"
