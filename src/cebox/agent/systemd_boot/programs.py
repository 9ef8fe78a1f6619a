"""The one door to the programs of the system: bounded in time, never raising."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

_LONGEST_TEXT = 500
# Where systemd keeps what is not for people's own use.
_INTERNAL = "/usr/lib/systemd"


@dataclass(frozen=True, slots=True)
class Said:
    """`code` 0 is success; 127 when there is no such program, 124 when it took too long. `text` is for people."""

    code: int
    output: str = ""
    text: str = ""

    @property
    def is_success(self) -> bool:
        return self.code == 0


@dataclass(frozen=True, slots=True)
class Programs:
    """The system's, as PATH finds them; those in `folder` come first."""

    folder: Path | None = None

    def run(self, *words: str, timeout_seconds: float = 10.0, given: str = "") -> Said:
        """Run a program to its end, with `given` as its input."""
        try:
            done = subprocess.run(  # noqa: S603 - fixed programs, arguments of our own
                words,
                input=given,
                capture_output=True,
                env=self._build_environment(),
                text=True,
                errors="replace",
                timeout=timeout_seconds,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return Said(124, text=f"{words[0]} took longer than {timeout_seconds:g} s")
        except OSError as error:
            return Said(127, text=f"{words[0]} cannot be run: {error.strerror or error}")
        return Said(done.returncode, done.stdout, done.stderr.strip()[-_LONGEST_TEXT:])

    def _build_environment(self) -> dict[str, str]:
        folders = [os.environ.get("PATH", os.defpath), _INTERNAL]
        if self.folder is not None:
            folders.insert(0, str(self.folder))
        # What programs say is read, so it is said in one language.
        return {**os.environ, "LC_ALL": "C.UTF-8", "PATH": ":".join(folders)}
