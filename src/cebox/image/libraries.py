"""The agent as it lies in an image: this very package without what a box does not need, and its locked libraries."""

import hashlib
import shutil
import sys
from importlib.metadata import version
from pathlib import Path

import cebox
from cebox.errors import InvalidInput, Unavailable
from cebox.image.cache import make_once
from cebox.kit.tools import run_tool
from cebox.release.manifest import Component

LOCK = Path(cebox.__file__).parents[2] / "requirements/agent.txt"
# Of Debian 12.
_PYTHON = "3.11"
_PLATFORMS = ("manylinux_2_34", "manylinux_2_28", "manylinux2014", "manylinux_2_17")
_PARTS = ("agent", "desktop", "domain", "installer", "keys", "kit", "protocol", "release", "wrs")
_MODULES = ("__init__.py", "errors.py")
# A box makes no releases.
_NOT_OF_A_BOX = ("release/making", "release/publishing", "release/image", "release/loose")


def install_agent(target: Path) -> None:
    """Libraries and our own package, as they are on the module path of a box.

    Raises InvalidInput (`lock_missing`), Unavailable (`libraries_failed`) and OSError.
    """
    shutil.copytree(_get_libraries(), target, symlinks=True)
    own = Path(cebox.__file__).parent
    for part in _PARTS:
        shutil.copytree(own / part, target / "cebox" / part, ignore=shutil.ignore_patterns("__pycache__"))
    for module in _MODULES:
        shutil.copyfile(own / module, target / "cebox" / module)
    for part in _NOT_OF_A_BOX:
        shutil.rmtree(target / "cebox" / part)
    facts = target / f"cebox-{version('cebox')}.dist-info"
    facts.mkdir()
    (facts / "METADATA").write_text(f"Metadata-Version: 2.1\nName: cebox\nVersion: {version('cebox')}\n")


def _get_libraries() -> Path:
    if not LOCK.is_file():
        raise InvalidInput("lock_missing", f"there is no {LOCK}", hint="Build from the sources of cebox.")
    key = hashlib.sha256(LOCK.read_bytes()).hexdigest()[:16]
    return make_once(f"libraries-{key}", _fetch_libraries)


def _fetch_libraries(target: Path) -> None:
    """For the image's Python, whatever this one is; nothing is built here, so the same bytes come everywhere."""
    exact = ("--require-hashes", "--no-deps", "--only-binary=:all:", "--no-compile")
    place = (f"--python-version={_PYTHON}", "--implementation=cp", *(f"--platform={one}_x86_64" for one in _PLATFORMS))
    quiet = ("--quiet", "--disable-pip-version-check")
    try:
        run_tool(
            sys.executable,
            "-m",
            "pip",
            "install",
            *quiet,
            *exact,
            *place,
            f"--target={target}",
            f"--requirement={LOCK}",
        )
    except InvalidInput as error:
        raise Unavailable(
            "libraries_failed",
            f"the agent's libraries cannot be fetched: {error.message}",
            hint="Check that pip can install packages here.",
        ) from error
    shutil.rmtree(target / "bin", ignore_errors=True)
    for name in ("INSTALLER", "RECORD", "REQUESTED", "direct_url.json"):
        for path in target.glob(f"*.dist-info/{name}"):
            path.unlink()
    for path in sorted(target.rglob("*.so")):
        run_tool("strip", "--strip-unneeded", path)


def list_libraries() -> list[Component]:
    """By their own names. Raises OSError."""
    found = (path.name.removesuffix(".dist-info").rpartition("-") for path in _get_libraries().glob("*.dist-info"))
    return sorted((Component(name, number) for name, _, number in found), key=lambda one: one.name)
