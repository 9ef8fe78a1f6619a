"""Typing commands: `cebox` in this process, its two streams kept apart, its settings given rather than inherited."""

import contextlib
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from cebox.cli.main import run


@dataclass(frozen=True)
class Said:
    """What a command said, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def problem(self) -> str:
        """The code of the error it ended with."""
        line = next((line for line in self.err.splitlines() if line.startswith("error: ")), "")
        return line.rpartition("[")[2].rstrip("]")


@dataclass(frozen=True)
class Person:
    """Somebody at a terminal; `config` is where their sign-in is kept."""

    config: Path
    environment: dict[str, str] = field(default_factory=dict)

    def type(self, *words: object) -> Said:
        out, err = io.StringIO(), io.StringIO()
        with self._at_home(), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = run([str(word) for word in words])
        return Said(code, out.getvalue(), err.getvalue())

    def must(self, *words: object) -> Said:
        """A command that has to work."""
        said = self.type(*words)
        assert said.code == 0, said
        return said

    @contextlib.contextmanager
    def _at_home(self) -> Iterator[None]:
        with pytest.MonkeyPatch.context() as patch:
            for name in ("CEBOX_CONSOLE", "CEBOX_TOKEN_FILE", "CEBOX_LAB"):
                patch.delenv(name, raising=False)
            patch.setenv("CEBOX_CONFIG", str(self.config))
            for name, value in self.environment.items():
                patch.setenv(name, value)
            yield
