"""R1, proved on the repository's own files: a release never changes."""

import hashlib
import shutil
from pathlib import Path

from cebox.lab.hands import find_refusal
from cebox.lab.procedure import Procedure
from cebox.lab.vendor import BuiltRelease
from cebox.release.manifest import encode_manifest


def prove_immutability(procedure: Procedure) -> None:
    """Publish the same release again, then the same version with other notes."""
    vendor = procedure.world.vendor
    built = vendor.list_built()[0]
    before = _hash_files(vendor.repository)
    is_new = vendor.publish(built)
    procedure.note("R1", "publishing the same release again changes nothing", not is_new)
    refusal = find_refusal(lambda: vendor.publish(_alter(built, procedure.world.folder / "altered")))
    is_unchanged = _hash_files(vendor.repository) == before
    procedure.note(
        "R1",
        "the same version with other content is refused and no file changes",
        refusal == "release_differs" and is_unchanged,
        f"refused: {refusal or 'no'}, files {'the same' if is_unchanged else 'CHANGED'}",
    )


def _alter(built: BuiltRelease, folder: Path) -> BuiltRelease:
    """The same release with other notes, in a folder of its own."""
    shutil.copytree(built.folder, folder)
    content = encode_manifest(built.manifest)
    notes = built.manifest.notes.fr.encode()
    assert notes[:8] in content
    (folder / "manifest.json").write_bytes(content.replace(notes[:8], notes[:7] + b"X", 1))
    return BuiltRelease.load(folder)


def _hash_files(folder: Path) -> dict[Path, str]:
    return {path: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.rglob("*")) if path.is_file()}
