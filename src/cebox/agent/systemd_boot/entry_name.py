"""Names of boot images on the boot partition: the version, and the counters that systemd-boot keeps in them.

cebox_2026.11.1+3.efi  →  +2-1  →  +1-2  →  +0-3       on trial, a start each; a blessing takes the counters away
"""

import re
from dataclasses import dataclass

from cebox.domain.version import Version
from cebox.errors import InvalidInput

_FORM = re.compile(r"cebox_(?P<version>[^+]+?)(?:\+(?P<left>\d{1,9})(?:-(?P<done>\d{1,9}))?)?\.efi", re.ASCII)


@dataclass(frozen=True, slots=True)
class EntryName:
    """`tries_left` None means blessed. `str` gives the file's name."""

    version: Version
    tries_left: int | None = None
    tries_done: int = 0

    @property
    def is_blessed(self) -> bool:
        return self.tries_left is None

    def __str__(self) -> str:
        if self.tries_left is None:
            return f"cebox_{self.version}.efi"
        done = f"-{self.tries_done}" if self.tries_done else ""
        return f"cebox_{self.version}+{self.tries_left}{done}.efi"


def find_entry_name(file_name: str) -> EntryName | None:
    """None for a file that is no boot image of ours."""
    match = _FORM.fullmatch(file_name)
    if match is None:
        return None
    try:
        version = Version.parse(match["version"])
    except InvalidInput:
        return None
    left = match["left"]
    return EntryName(version, int(left) if left is not None else None, int(match["done"] or 0))


def format_pattern(version: Version) -> str:
    """The boot loader's `default` for a release: its entry while it is blessed or has tries left, and no other.

    Only forms that systemd-boot's own matching knows: no negation, no alternatives.
    """
    return f"cebox_{version}[+.][1-9e]*"
