"""Things that take long to make, kept under the user's cache folder by the hash of what they are made from."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path


def get_cache_folder() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "cebox" / "image"


def make_once(name: str, make: Callable[[Path], None], *, is_fresh: bool = False) -> Path:
    """The folder `name`; `make` fills a place for it when there is none yet. What is half made never has the name.

    Raises OSError and what `make` raises.
    """
    folder = get_cache_folder() / name
    if folder.is_dir() and not is_fresh:
        return folder
    part, old = folder.with_name(f"{name}.part-{os.getpid()}"), folder.with_name(f"{name}.old-{os.getpid()}")
    folder.parent.mkdir(parents=True, exist_ok=True)
    try:
        make(part)
        if folder.is_dir():
            folder.rename(old)
        part.rename(folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)
    return folder
