"""Optional parts of the installation: a missing one is named, with the command that adds it."""

from collections.abc import Iterator
from contextlib import contextmanager

from cebox.errors import InvalidInput


@contextmanager
def needing(extra: str) -> Iterator[None]:
    """Around the imports of a program. Raises InvalidInput (`extra_missing`) when a library of `extra` is not there."""
    try:
        yield
    except ModuleNotFoundError as error:
        # A missing module of our own is a fault to see whole, not a choice of installation.
        if (error.name or "").partition(".")[0] == "cebox":
            raise
        raise InvalidInput(
            "extra_missing",
            f"this command needs {error.name}, which is not installed",
            hint=f"Install it with: pip install 'cebox[{extra}]'",
        ) from error
