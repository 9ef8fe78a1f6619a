"""Which disk to install on: the only one that is free without a question, any other by a person's word. Pure."""

from collections.abc import Sequence

from cebox.installer.disks import Disk


def find_only_free(disks: Sequence[Disk], needed_bytes: int) -> Disk | None:
    """The one disk within the machine that is empty (or was begun and not finished) and large enough.

    None when there is none or there are several: then somebody must say which.
    """
    free = [disk for disk in disks if disk.is_free and not disk.is_external and disk.size_bytes >= needed_bytes]
    return free[0] if len(free) == 1 else None


def find_named(words: str, disks: Sequence[Disk]) -> Disk | None:
    """By its number in the list, from 1."""
    if not (words.isascii() and words.isdigit()):
        return None
    number = int(words)
    return disks[number - 1] if 1 <= number <= len(disks) else None
