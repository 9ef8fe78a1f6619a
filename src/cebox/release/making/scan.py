"""Looks at an image once: its blocks by content, and where its files lie."""

import hashlib
from dataclasses import dataclass

from cebox.errors import InvalidInput
from cebox.release.image.erofs import FilePlace, is_erofs, read_layout
from cebox.release.patch import Extent
from cebox.release.slot import ImageFile

_DIGEST_BYTES = 16


@dataclass(frozen=True, slots=True)
class Scan:
    """`digests` lie one behind the other, one per block. `files` is empty where the image's format is not known."""

    size_bytes: int
    sha256: str
    digests: bytes
    zeroes: frozenset[int]
    files: tuple[FilePlace, ...] = ()

    @property
    def blocks(self) -> int:
        return len(self.digests) // _DIGEST_BYTES

    def digest(self, block: int) -> bytes:
        return self.digests[block * _DIGEST_BYTES : (block + 1) * _DIGEST_BYTES]


def scan_image(image: ImageFile, block_bytes: int) -> Scan:
    """Read the image once. Raises OSError and InvalidInput (`erofs_malformed`)."""
    whole = hashlib.sha256()
    digests = bytearray()
    zeroes = set()
    zero = bytes(block_bytes)
    for chunk in image.read_chunks((Extent(0, image.size_bytes),)):
        whole.update(chunk)
        for at in range(0, len(chunk), block_bytes):
            block = chunk[at : at + block_bytes]
            if block == zero[: len(block)]:
                zeroes.add(len(digests) // _DIGEST_BYTES)
            digests += hashlib.blake2b(block, digest_size=_DIGEST_BYTES).digest()
    return Scan(image.size_bytes, whole.hexdigest(), bytes(digests), frozenset(zeroes), _list_files(image, block_bytes))


def _list_files(image: ImageFile, block_bytes: int) -> tuple[FilePlace, ...]:
    """Files whose blocks are the scan's blocks; another block size, or a compressed image, helps no one."""
    if not is_erofs(image):
        return ()
    try:
        layout = read_layout(image)
    except InvalidInput as error:
        if error.code == "erofs_unsupported":
            return ()
        raise
    return layout.files if layout.block_bytes == block_bytes else ()
