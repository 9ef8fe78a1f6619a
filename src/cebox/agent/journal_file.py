"""The journal on disk: one JSON file with a checksum, replaced atomically, with the one before it beside it.

A damaged file must never keep a box from starting. The order of belief: the journal, the previous one, an empty one;
whichever was taken is said in `origin`, and the damaged file is kept for the vendor's support.
"""

import hashlib
import os
import threading
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path

import msgspec

from cebox.agent.journal import Journal
from cebox.errors import Exhausted
from cebox.kit.files import replace_file

FORMAT = 1
_MODE = 0o600


class Origin(StrEnum):
    SAVED = "saved"
    PREVIOUS = "previous"
    NEW = "new"
    LOST = "lost"


class _Envelope(msgspec.Struct, frozen=True):
    sha256: str
    journal: msgspec.Raw


class JournalFile:
    """The one holder of the journal in this process; any thread reads `now` and changes it through `change`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._previous = path.with_name(f"{path.stem}.previous{path.suffix}")
        self._lock = threading.RLock()
        path.parent.mkdir(parents=True, exist_ok=True)
        self._now, self.origin = self._load()
        self._is_saved = self.origin is Origin.SAVED

    @property
    def now(self) -> Journal:
        return self._now

    def change(self, step: Callable[[Journal], Journal]) -> Journal:
        """Save what `step` makes of the journal; it counts once it is durable.

        Raises Exhausted (`state_not_saved`) when it cannot be saved; the journal is then as before.
        """
        with self._lock:
            wanted = step(self._now)
            if wanted != self._now or not self._is_saved:
                self._save(wanted)
                self._now = wanted
            return wanted

    def _save(self, journal: Journal) -> None:
        body = msgspec.json.encode(journal)
        envelope = _Envelope(sha256=hashlib.sha256(body).hexdigest(), journal=msgspec.Raw(body))
        try:
            if self._is_saved:
                self._keep_previous()
            replace_file(self._path, msgspec.json.encode(envelope), mode=_MODE)
        except OSError as error:
            raise Exhausted(
                "state_not_saved",
                f"the journal cannot be written: {error.strerror or error}",
                hint="Make room on the box's state partition; the box goes on by itself then.",
            ) from error
        self._is_saved = True

    def _keep_previous(self) -> None:
        """A second name for the current file: no copy, and at every moment one of the two is whole."""
        spare = self._previous.with_name(f".{self._previous.name}.part")
        spare.unlink(missing_ok=True)
        os.link(self._path, spare)
        spare.replace(self._previous)

    def _load(self) -> tuple[Journal, Origin]:
        exists = self._path.exists() or self._previous.exists()
        for path, origin in ((self._path, Origin.SAVED), (self._previous, Origin.PREVIOUS)):
            journal = _find_whole(path)
            if journal is not None:
                return journal, origin
            if path.exists():
                path.replace(path.with_name(f"{path.stem}.damaged{path.suffix}"))
        return Journal(), Origin.LOST if exists else Origin.NEW


def _find_whole(path: Path) -> Journal | None:
    """None when it is missing, damaged, or written in a format this agent does not know."""
    try:
        envelope = msgspec.json.decode(path.read_bytes(), type=_Envelope)
        if hashlib.sha256(bytes(envelope.journal)).hexdigest() != envelope.sha256:
            return None
        journal = msgspec.json.decode(envelope.journal, type=Journal)
    except (OSError, msgspec.DecodeError, ValueError):
        return None
    return journal if journal.format == FORMAT else None
