"""Earlier releases, named one by one or by the folder that holds them all."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from cebox.domain.version import Version
from cebox.errors import InvalidInput

if TYPE_CHECKING:
    from cebox.release.manifest import Manifest

_HINT = "Name the folder that cebox release build --output made, or the one that holds several of them."


def load_manifest(folder: Path) -> "Manifest":
    """Raises InvalidInput (`release_folder_invalid`) and Untrusted (`manifest_malformed`)."""
    from cebox.release.making.build import MANIFEST_NAME
    from cebox.release.manifest import decode_manifest

    try:
        return decode_manifest((folder / MANIFEST_NAME).read_bytes())
    except OSError as error:
        why = f"{folder} is no release's folder: {error.strerror}"
        raise InvalidInput("release_folder_invalid", why, hint=_HINT) from error


def load_earlier(folders: Iterable[Path], this: Version) -> "list[tuple[Manifest, Path]]":
    """Manifests and images, each version once. Of a folder of releases those below `this` that kept their image.

    Raises what `load_manifest` raises.
    """
    found = {}
    for folder in folders:
        for manifest, image in _load(folder, this):
            found[manifest.version] = manifest, image
    return list(found.values())


def _load(folder: Path, this: Version) -> "list[tuple[Manifest, Path]]":
    from cebox.release.making.build import IMAGE_NAME, MANIFEST_NAME

    if (folder / MANIFEST_NAME).exists():
        return [(load_manifest(folder), folder / IMAGE_NAME)]
    inside = sorted(path.parent for path in folder.glob(f"*/{MANIFEST_NAME}"))
    if not inside:
        why = f"{folder} holds no release" if folder.is_dir() else f"there is no folder {folder}"
        raise InvalidInput("release_folder_invalid", why, hint=_HINT)
    loaded = ((load_manifest(one), one / IMAGE_NAME) for one in inside if (one / IMAGE_NAME).is_file())
    return [(manifest, image) for manifest, image in loaded if manifest.version < this]
