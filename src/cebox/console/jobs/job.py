"""What a job is."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from cebox.console.state import Console


@dataclass(frozen=True, slots=True)
class Job:
    """Idempotent work to do every `every_seconds`; `after_seconds`: how long the console must have run before."""

    name: str
    every_seconds: float
    run: Callable[[Console], Awaitable[None]]
    after_seconds: float = 0.0
