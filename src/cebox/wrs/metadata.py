"""Signed metadata on the mirror's disk, written so that a reader at any moment finds a chain that holds together."""

import re
from collections.abc import Mapping
from pathlib import Path

from cebox.kit.files import replace_file
from cebox.release.trust import policy

_VERSIONED = re.compile(r"(\d+)\.(\w+)\.json", re.ASCII)
_RENEWED_ROLES = (policy.TARGETS, policy.RELEASES, policy.SNAPSHOT)
# A box that read the timestamp just before a refresh still asks for what it names.
_KEPT_GENERATIONS = 2


def write_metadata(folder: Path, files: Mapping[str, bytes]) -> None:
    """`files` by path in the repository, in the order of `TrustedRepository.list_metadata`: the timestamp last."""
    for name, content in files.items():
        write_if_changed(folder / name, content)
    for role in _RENEWED_ROLES:
        _drop_old_generations(folder / policy.METADATA_FOLDER, role)


def write_if_changed(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists() or path.read_bytes() != content:
        replace_file(path, content)


def _drop_old_generations(folder: Path, role: str) -> None:
    found = {
        int(match[1]): path
        for path in folder.iterdir()
        if (match := _VERSIONED.fullmatch(path.name)) and match[2] == role
    }
    for number in sorted(found)[:-_KEPT_GENERATIONS]:
        found[number].unlink()
