"""Is what stands in a slot or a file the image that was signed."""

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path

from cebox.errors import Untrusted
from cebox.release.manifest import Image
from cebox.release.slot import CHUNK_BYTES, slot_errors


def hash_image(path: Path, size: int, progress: Callable[[int, int], None] | None = None) -> str:
    """SHA-256 of the first `size` bytes of a slot or file (fewer if it is shorter), in hex.

    Raises InvalidInput (`slot_missing`), Unavailable (`slot_unusable`).
    """
    digest = hashlib.sha256()
    done_bytes = 0
    with slot_errors(path):
        for chunk in _read(path, size):
            digest.update(chunk)
            done_bytes += len(chunk)
            if progress is not None:
                progress(done_bytes, size)
    return digest.hexdigest()


def verify_image(image: Image, slot: Path, progress: Callable[[int, int], None] | None = None) -> None:
    """Raises Untrusted (`image_differs`), and what `hash_image` raises."""
    found = hash_image(slot, image.size, progress)
    if found != image.sha256:
        raise Untrusted(
            "image_differs",
            f"{slot} does not hold the {image.name} image that was signed: {found[:12]}… for {image.sha256[:12]}…",
            hint="Run the update again; if it happens twice, check this machine's disk.",
        )


def _read(path: Path, size: int) -> Iterator[bytes]:
    with path.open("rb", buffering=0) as stream:
        left = size
        while left > 0 and (chunk := stream.read(min(CHUNK_BYTES, left))):
            left -= len(chunk)
            yield chunk
