"""What runs since this start of the machine, as kernel and initrd say; it does not change before the next."""

from dataclasses import dataclass

from cebox.agent.machine import SlotName
from cebox.agent.systemd_boot.places import Places
from cebox.domain.version import Version
from cebox.errors import CeboxError, InvalidInput

_VERSION = "cebox.version="


@dataclass(frozen=True, slots=True)
class Running:
    boot_id: str
    slot: SlotName
    version: Version


def read_running(places: Places) -> Running:
    """Raises InvalidInput (`machine_missing`) on a machine that was not started from one of our boot images."""
    try:
        words = places.kernel_command_line.read_text(encoding="utf-8").split()
        version = next(word.removeprefix(_VERSION) for word in words if word.startswith(_VERSION))
        return Running(
            boot_id=places.boot_id.read_text(encoding="ascii").strip(),
            slot=SlotName(places.running_slot.read_text(encoding="ascii").strip()),
            version=Version.parse(version),
        )
    except (OSError, ValueError, StopIteration, CeboxError) as error:
        raise InvalidInput(
            "machine_missing",
            f"this machine was not started from a ceBox system: {str(error) or 'its kernel was told no version'}",
            hint='Install it with a key; for a virtual machine set machine = "virtual".',
        ) from error
