"""The images that sticks are made of, on their way to this console: fetched beside its other work, with progress.

What arrived stays on the disk; how far it is lives in this process alone, and a fetch that was cut off goes on where it
was.
"""

import threading
from dataclasses import dataclass, replace
from enum import StrEnum

import structlog

from cebox.console.keys.sticks import prepare_release
from cebox.console.settings import ConsoleSettings
from cebox.domain.version import Version
from cebox.errors import CeboxError
from cebox.kit.clock import Clock

PREPARATION = "cebox-preparation"
_log = structlog.get_logger("cebox.console.keys")


class PreparationState(StrEnum):
    NONE = "none"
    """Nobody asked for them since the console started."""
    RUNNING = "running"
    READY = "ready"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Preparation:
    """Bytes that are fetched; `code` says why it failed."""

    state: PreparationState
    done_bytes: int = 0
    total_bytes: int = 0
    code: str = ""

    @property
    def ratio(self) -> float:
        return min(1.0, self.done_bytes / self.total_bytes) if self.total_bytes else 0.0


NOTHING = Preparation(PreparationState.NONE)


class StickShelf:
    """One thread per version that is being fetched; asking again joins the one that runs."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[Version, Preparation] = {}

    def look(self, version: Version) -> Preparation:
        return self._known.get(version, NOTHING)

    def start(self, settings: ConsoleSettings, version: Version, clock: Clock) -> Preparation:
        with self._lock:
            known = self.look(version)
            if known.state in (PreparationState.RUNNING, PreparationState.READY):
                return known
            self._known[version] = begun = Preparation(PreparationState.RUNNING)
        # It ends with the process: what it fetched so far is kept.
        arguments = (settings, version, clock)
        threading.Thread(target=self._fetch, args=arguments, name=PREPARATION, daemon=True).start()
        return begun

    def _fetch(self, settings: ConsoleSettings, version: Version, clock: Clock) -> None:
        def report(done_bytes: int, total_bytes: int) -> None:
            self._known[version] = Preparation(PreparationState.RUNNING, done_bytes, total_bytes)

        try:
            prepare_release(settings, version, clock, report)
        except CeboxError as error:
            _log.warning("preparation_failed", version=str(version), code=error.code, error=error.message)
            self._end(version, PreparationState.FAILED, error.code)
        except Exception:
            _log.exception("preparation_crashed", version=str(version))
            self._end(version, PreparationState.FAILED, "preparation_crashed")
        else:
            self._end(version, PreparationState.READY)

    def _end(self, version: Version, state: PreparationState, code: str = "") -> None:
        self._known[version] = replace(self.look(version), state=state, code=code)
