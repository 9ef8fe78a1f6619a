"""Small images and the releases made of them. Seeded: the same bytes every time."""

import os
import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cebox.domain.version import Version
from cebox.release.making.build import build_release
from cebox.release.making.plan import Limits
from cebox.release.making.ways import Effort
from cebox.release.manifest import Image, Manifest, Notes

OCTOBER = Version.parse("2026.10.1")
NOVEMBER = Version.parse("2026.11.1")
DECEMBER = Version.parse("2026.12.1")
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
SMALL_LIMITS = Limits(segment_bytes=256 << 10, dictionary_bytes=512 << 10, copy_bytes=512 << 10)


@dataclass
class StoppedClock:
    """Stands still until it is set."""

    moment: datetime = NOW

    def __call__(self) -> datetime:
        return self.moment

    def advance(self, **spans: float) -> None:
        self.moment += timedelta(**spans)


def old_image() -> bytes:
    """3 MB: noise, zeroes, text."""
    chance = random.Random(1)
    text = b"".join(b"%d bottles of %d\n" % (number, number * number) for number in range(50_000))
    return chance.randbytes(1_500_000) + bytes(400_000) + text


def new_image() -> bytes:
    """The old one with new parts, a shift in the middle, and an end within a block."""
    chance = random.Random(2)
    image = bytearray(old_image())
    image[100_000:100_500] = chance.randbytes(500)
    image[1_000_000:1_000_000] = chance.randbytes(100_001)
    return bytes(image)


def build(
    folder: Path,
    version: Version,
    content: bytes,
    previous: Sequence[tuple[Manifest, Path]] = (),
    *,
    level: int = 3,
    floor: Version = OCTOBER,
    most_patches: int = 5,
) -> Manifest:
    """A release folder named for the version, in `folder`."""
    source = folder / f"{version}.source"
    source.write_bytes(content)
    return build_release(
        source=source,
        version=version,
        floor=floor,
        notes=Notes(fr="Nouveautés", en="News"),
        output=folder / str(version),
        previous=previous,
        most_patches=most_patches,
        created=NOW,
        effort=Effort(level=level, limits=SMALL_LIMITS),
    )


def make_slot(path: Path, size: int) -> Path:
    """An empty, sparse slot."""
    path.write_bytes(b"")
    os.truncate(path, size)
    return path


def read_slot(slot: Path, image: Image) -> bytes:
    with slot.open("rb") as stream:
        return stream.read(image.size)
