"""Keeps encoded payloads while a release is built, so that a build that was cut off goes on where it was."""

import hashlib
from pathlib import Path

from cebox.kit.files import replace_file

_DIGEST_BYTES = 24


class Shelf:
    """A folder of payloads, each under what it was made from. Raises OSError."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(exist_ok=True)

    def key(self, recipe: str, data: bytes, dictionary: bytes) -> str:
        """A name for the payload that this recipe makes from `data` beside `dictionary`."""
        digest = hashlib.blake2b(f"{recipe} {len(data)} ".encode(), digest_size=_DIGEST_BYTES)
        digest.update(data)
        digest.update(dictionary)
        return digest.hexdigest()

    def find(self, key: str) -> tuple[str, bytes] | None:
        """The codec's id and the payload; None too for one that is not as it was put there."""
        try:
            content = (self._folder / key).read_bytes()
        except FileNotFoundError:
            return None
        if _seal(key, content[_DIGEST_BYTES:]) != content[:_DIGEST_BYTES]:
            return None
        codec, _, payload = content[_DIGEST_BYTES:].partition(b"\n")
        return codec.decode(), payload

    def put(self, key: str, codec: str, payload: bytes) -> None:
        entry = codec.encode() + b"\n" + payload
        replace_file(self._folder / key, _seal(key, entry) + entry)


def _seal(key: str, entry: bytes) -> bytes:
    """What is found here goes into a signed file unseen: nothing that a disk or a person changed or mixed up may."""
    return hashlib.blake2b(entry, digest_size=_DIGEST_BYTES, key=key.encode()).digest()
