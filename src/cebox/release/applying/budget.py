"""What a box can spare for making an image."""

import os
from dataclasses import dataclass, field

_MOST_DECODERS = 4


def count_decoders() -> int:
    """One thread for each core that this process may use, up to a few: more would wait for memory."""
    return min(len(os.sched_getaffinity(0)), _MOST_DECODERS)


@dataclass(frozen=True, slots=True)
class Budget:
    """Beyond the program itself. `decoders` is a number of threads."""

    memory_bytes: int = 72 << 20
    decoders: int = field(default_factory=count_decoders)
