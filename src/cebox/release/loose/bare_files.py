"""Files that somebody names: told from folders and other things when they are read, and written whole or not at all."""

import errno
import os
import secrets
import shutil
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from cebox.errors import Conflict, Exhausted, InvalidInput, Unavailable
from cebox.kit.files import PUBLIC_MODE, sync_directory

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


def verify_readable(path: Path, *, hint: str) -> None:
    """A file, or a disk, that has content. Raises InvalidInput (`file_missing`, `file_unusable`)."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise InvalidInput("file_missing", f"there is no file {path}", hint=hint) from error
    except OSError as error:
        raise _unusable(f"{path} cannot be read: {error.strerror}", hint) from error
    try:
        mode = os.fstat(descriptor).st_mode
        if stat.S_ISDIR(mode):
            raise _unusable(f"{path} is a folder", hint)
        if not (stat.S_ISREG(mode) or stat.S_ISBLK(mode)):
            raise _unusable(f"{path} is neither a file nor a disk", hint)
        if os.lseek(descriptor, 0, os.SEEK_END) == 0:
            raise _unusable(f"{path} is empty", hint)
    finally:
        os.close(descriptor)


def verify_writable(output: Path, inputs: Iterable[Path], *, is_forced: bool) -> None:
    """Raises InvalidInput (`output_is_input`, `file_missing`) and Conflict (`output_exists`)."""
    if not output.parent.is_dir():
        raise InvalidInput("file_missing", f"there is no folder {output.parent}", hint="Make the folder first.")
    if output.is_dir():
        raise Conflict("output_exists", f"{output} is a folder", hint="Name a file to write.")
    if not output.exists():
        return
    if any(output.samefile(one) for one in inputs):
        raise InvalidInput("output_is_input", f"{output} would replace what it is made of", hint="Name another file.")
    if not is_forced:
        raise Conflict("output_exists", f"{output} is there already", hint="Name another file, or add --force.")


@contextmanager
def replacing(output: Path) -> Iterator[Path]:
    """A path in an empty folder beside `output`; what lies there in the end becomes `output`, in one step.

    Whatever is raised within leaves nothing behind. Raises Exhausted (`disk_full`) and Unavailable (`output_unusable`).
    """
    folder = output.parent / f".{output.name}.{secrets.token_hex(4)}.part"
    part = folder / output.name
    try:
        folder.mkdir(mode=0o700)
        yield part
        part.chmod(PUBLIC_MODE)
        _sync(part)
        part.replace(output)
        sync_directory(output.parent)
    except OSError as error:
        if error.errno in _FULL:
            raise Exhausted("disk_full", f"no room left for {output}", hint="Free some space.") from error
        raise Unavailable(
            "output_unusable", f"{output} cannot be written: {error}", hint="Check the rights to its folder."
        ) from error
    finally:
        # Not a temporary folder of the library's: a Ctrl-C while that is made leaves it there.
        shutil.rmtree(folder, ignore_errors=True)


def _sync(path: Path) -> None:
    with path.open("rb") as stream:
        os.fsync(stream.fileno())


def _unusable(why: str, hint: str) -> InvalidInput:
    return InvalidInput("file_unusable", why, hint=hint)
