"""Programs of the system that a command needs: found, run to their end, their failures given a name."""

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from cebox.errors import InvalidInput, Unavailable

_SUPERUSERS = "/usr/sbin:/sbin"
_LAST_LINES = 4


def verify_tools(packages: Mapping[str, str]) -> None:
    """`packages` says which Debian package each program is in. Raises Unavailable (`tools_missing`), all in one."""
    missing = [name for name in packages if _find(name) is None]
    if missing:
        names = " ".join(sorted({packages[name] for name in missing}))
        raise Unavailable(
            "tools_missing",
            f"not installed: {', '.join(missing)}",
            hint=f"As root: apt-get install --no-install-recommends {names}",
        )


def run_tool(*command: str | Path, environment: Mapping[str, str] | None = None) -> bytes:
    """What it prints. Raises Unavailable (`tools_missing`), InvalidInput (`tool_failed`) with its last words."""
    name, *arguments = map(str, command)
    tool = _find(name)
    if tool is None:
        raise Unavailable("tools_missing", f"not installed: {name}", hint="Install the Debian package that has it.")
    done = subprocess.run(  # noqa: S603 - fixed programs, arguments of our own
        [tool, *arguments], env=_plain_environment(environment or {}), stdin=subprocess.DEVNULL, capture_output=True
    )
    if done.returncode != 0:
        raise InvalidInput(
            "tool_failed", f"{name} failed: {_last_words(done.stderr)}", hint="Its words say what it disliked."
        )
    return done.stdout


def _find(name: str) -> str | None:
    return shutil.which(name) or shutil.which(name, path=_SUPERUSERS)


def _last_words(said: bytes) -> str:
    lines = said.decode(errors="replace").strip().splitlines()
    return " ".join(lines[-_LAST_LINES:]) or "no reason given"


def _plain_environment(more: Mapping[str, str]) -> dict[str, str]:
    """What a tool says and does must not depend on who runs it where."""
    kept = {name: os.environ[name] for name in ("HOME", "TMPDIR") if name in os.environ}
    path = os.pathsep.join((os.environ.get("PATH", "/usr/bin:/bin"), _SUPERUSERS))
    return kept | {"PATH": path, "LC_ALL": "C.UTF-8", "TZ": "UTC"} | dict(more)
