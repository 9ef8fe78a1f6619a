"""Files that are whole after a power cut, and secrets that only their owner reads."""

import os
import secrets
from pathlib import Path

PRIVATE_MODE = 0o600
PUBLIC_MODE = 0o644


def sync_directory(folder: Path) -> None:
    """Make the folder's entries durable (a rename is not, until its folder is synced)."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def replace_file(path: Path, content: bytes, *, mode: int = PUBLIC_MODE) -> None:
    """Write `path` so that after any cut it holds either its old content or all of `content`.

    Raises OSError (disk full, no permission); the old content is then untouched.
    """
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    sync_directory(path.parent)


def write_secret(path: Path, content: bytes) -> None:
    """`replace_file` readable by its owner only."""
    replace_file(path, content, mode=PRIVATE_MODE)
