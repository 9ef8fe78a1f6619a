"""How long to wait before the next try."""

import random
from collections.abc import Iterator


def wait_times(*, first_seconds: float, most_seconds: float, chance: random.Random | None = None) -> Iterator[float]:
    """Endless waits, doubling up to `most_seconds`, each with full jitter.

    The jitter keeps a fleet that lost the same server from coming back in the same second.
    """
    draw = chance or random.Random()  # noqa: S311 - spreads load, guards nothing
    ceiling = first_seconds
    while True:
        yield draw.uniform(ceiling / 2, ceiling)
        ceiling = min(ceiling * 2, most_seconds)
