"""How a virtual system behaves once it is started: a word in its own image, for proofs of bad releases.

A tar image may hold `usr/lib/cebox/trial` with one of these words; without it, or in another kind of image, the system
is healthy.
"""

import tarfile
from enum import StrEnum
from pathlib import Path

TRIAL_MEMBER = "usr/lib/cebox/trial"
_TAR_MAGIC = (257, b"ustar")
_LONGEST_WORD = 64


class Behaviour(StrEnum):
    HEALTHY = "healthy"
    UNHEALTHY = "unhealthy"
    HANG = "hang"
    PANIC = "panic"


def read_behaviour(slot: Path) -> Behaviour:
    """Raises OSError when the slot cannot be read."""
    with slot.open("rb") as stream:
        stream.seek(_TAR_MAGIC[0])
        if stream.read(len(_TAR_MAGIC[1])) != _TAR_MAGIC[1]:
            return Behaviour.HEALTHY
        stream.seek(0)
        with tarfile.open(fileobj=stream, mode="r:") as archive:
            word = _find_word(archive)
    return Behaviour(word) if word in set(Behaviour) else Behaviour.HEALTHY


def _find_word(archive: tarfile.TarFile) -> str:
    for member in archive:
        if member.name.removeprefix("./") == TRIAL_MEMBER and member.isfile():
            content = archive.extractfile(member)
            return content.read(_LONGEST_WORD).decode(errors="replace").strip() if content else ""
    return ""
