"""The Debian tree under a system image: made by mmdebstrap from the host's own apt sources, and kept for the next time.

It is the slow step, and the only one that needs a network.
"""

import hashlib
import shlex
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

from cebox.errors import Unavailable
from cebox.image.cache import make_once
from cebox.kit.tools import find_tool, plain_environment

SUITE = "bookworm"
# For the times in the tree; the image gives every file the same one.
_TIME_SECONDS = 1_750_000_000
_SOURCES = (Path("/etc/apt/sources.list"), Path("/etc/apt/sources.list.d"))
_WITHOUT = (
    "/usr/share/bug/*",
    "/usr/share/doc/*",
    "/usr/share/info/*",
    "/usr/share/lintian/*",
    "/usr/share/locale/*",
    "/usr/share/man/*",
)
# Python looks at a source's time to tell whether its compiled form is current, and every file in an image has the same
# time: without this, each start would compile everything anew. Not the time but a hash of the source is written, and
# nobody compares it. One process, so that the same bytes come out.
_COMPILE = (
    "find $1/usr/lib/python3* $1/usr/share/python3 -name __pycache__ -prune -exec rm -rf {} +",
    "chroot $1 env PYTHONHASHSEED=0 python3 -m compileall -q -j1 --invalidation-mode unchecked-hash"
    " -x /lib2to3/tests/ /usr/lib/python3.11 /usr/lib/python3/dist-packages",
)
_LEFT_BEHIND = (
    "find $1/var/cache $1/var/log ! -type d -delete",
    "rm -rf $1/var/cache/apt/* $1/var/lib/apt/lists/* $1/tmp/* $1/run/*",
)
_LAST_LINES = 3


def get_tree(
    packages: Sequence[str], *, languages: Sequence[str] = (), answers: Sequence[str] = (), is_fresh: bool = False
) -> Path:
    """A folder nobody may write to. `languages` and `answers` are the recipe's. `is_fresh` makes it anew, with the
    packages as the sources have them now.

    Raises Unavailable (`tools_missing`, `sources_missing`, `bootstrap_failed`) and OSError.
    """
    sources = list(_list_sources())
    if not sources:
        raise Unavailable("sources_missing", "this machine has no apt sources", hint="Add some to /etc/apt.")
    command = write_command(packages, languages, answers)
    ingredients = [*command, *(path.read_text() for path in sources)]
    key = hashlib.sha256("\0".join(ingredients).encode()).hexdigest()[:16]
    return make_once(f"tree-{key}", lambda target: _bootstrap(command, target, sources), is_fresh=is_fresh)


def write_command(packages: Sequence[str], languages: Sequence[str], answers: Sequence[str]) -> list[str]:
    """What mmdebstrap is told, but where to put the tree and where from to take its packages."""
    return [
        "--mode=root",
        "--variant=minbase",
        "--format=directory",
        f"--include={','.join(packages)}",
        *(f"--dpkgopt=path-exclude={pattern}" for pattern in _WITHOUT),
        # Said after what it is an exception to.
        *(f"--dpkgopt=path-include=/usr/share/locale/{language}/*" for language in languages),
        *_write_answers(answers),
        *(f"--customize-hook={line}" for line in (*_COMPILE, *_LEFT_BEHIND)),
        SUITE,
    ]


def _write_answers(answers: Sequence[str]) -> Iterator[str]:
    """For packages beyond the essential ones, which ask nothing."""
    if answers:
        lines = " ".join(shlex.quote(line) for line in answers)
        yield f"--essential-hook=printf '%s\\n' {lines} | chroot \"$1\" debconf-set-selections"


def _bootstrap(command: Sequence[str], target: Path, sources: Sequence[Path]) -> None:
    """Without Debian's own initrd (`INITRD`): the boot image has ours, and that one would take longest of all."""
    done = subprocess.run(  # noqa: S603 - a fixed program, packages from our own list
        [find_tool("mmdebstrap"), *command, str(target), *map(str, sources)],
        env=plain_environment() | {"SOURCE_DATE_EPOCH": str(_TIME_SECONDS), "INITRD": "No"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
    )
    if done.returncode != 0:
        shutil.rmtree(target, ignore_errors=True)
        words = [line for line in done.stderr.splitlines() if line.startswith(("E:", "W:"))] or done.stderr.splitlines()
        raise Unavailable(
            "bootstrap_failed",
            f"the Debian tree cannot be made: {' '.join(words[-_LAST_LINES:])}",
            hint="Check that apt-get update works here, and that every package of the variant exists.",
        )


def _list_sources() -> Iterator[Path]:
    one, folder = _SOURCES
    if one.is_file() and any(line.startswith("deb") for line in one.read_text().splitlines()):
        yield one
    for path in sorted(folder.glob("*")) if folder.is_dir() else ():
        if path.suffix in (".list", ".sources"):
            yield path
