"""What goes onto a stick of a release: its signed description, and its images, kept for the next stick."""

import fcntl
import os
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cebox.domain.version import Version
from cebox.errors import InvalidInput
from cebox.release.applying.apply import apply_image
from cebox.release.manifest import Image, Manifest, decode_manifest, full_way
from cebox.release.network.transport import Transport
from cebox.release.slot import slot_errors
from cebox.release.trust import policy
from cebox.release.trust.images import hash_image
from cebox.release.trust.repository import TrustedRepository

_PART_SUFFIX = ".part"
_LOCK = "lock"


@dataclass(frozen=True, slots=True)
class SignedRelease:
    """`files` are those of a repository with this release alone, without its blobs. `anchor` is the newest root: what a
    machine installed today trusts, and follows to every later one.
    """

    manifest: Manifest
    anchor: bytes
    files: Mapping[str, bytes]

    @property
    def boot(self) -> Image:
        """Raises InvalidInput (`boot_image_missing`)."""
        image = self.manifest.boot
        if image is None:
            raise InvalidInput(
                "boot_image_missing",
                f"{self.manifest.version} has no boot image, without which no machine can be installed",
                hint="This release is made for virtual machines; choose one that cebox image build has made.",
            )
        return image

    @property
    def images(self) -> tuple[Image, Image]:
        return self.boot, self.manifest.root


@dataclass(frozen=True, slots=True)
class Progress:
    """Of several images together, in bytes that are fetched."""

    report: Callable[[int, int], None]
    before_bytes: int
    total_bytes: int

    def __call__(self, done_bytes: int, _of_bytes: int) -> None:
        self.report(self.before_bytes + done_bytes, self.total_bytes)


def fetch_signed(repository: TrustedRepository, version: Version) -> SignedRelease:
    """Raises what `TrustedRepository` raises."""
    content = repository.get_manifest_content(version)
    files = repository.list_metadata()
    roots = [path for path in files if path.endswith(f".{policy.ROOT}.json")]
    return SignedRelease(
        manifest=decode_manifest(content),
        anchor=files[roots[-1]],
        files=files | {f"{policy.TARGETS_FOLDER}/{policy.manifest_path(version)}": content},
    )


class ImageStore:
    """A folder of images by their hashes. Several processes and threads may share it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def fetch_images(
        self, images: Collection[Image], transport: Transport, report: Callable[[int, int], None]
    ) -> list[Path]:
        """The files of `images`, in their order; what is there already is not fetched.

        Raises what `apply_image` and OSError raise; the same call then goes on where it was.
        """
        sizes = [full_way(image).blob.size for image in images]
        with self._alone():
            return [
                self._get(image, transport, Progress(report, sum(sizes[:number]), sum(sizes)))
                for number, image in enumerate(images)
            ]

    def discard_unused(self, since: datetime) -> None:
        """What nobody has asked for since then goes; another's stick may be reading the rest. Raises OSError."""
        with self._alone():
            for path in self._folder.iterdir():
                if path.name != _LOCK and path.stat().st_mtime < since.timestamp():
                    path.unlink(missing_ok=True)

    def _get(self, image: Image, transport: Transport, progress: Progress) -> Path:
        path = self._folder / image.sha256
        if path.exists() and path.stat().st_size == image.size and hash_image(path, image.size) == image.sha256:
            os.utime(path)
            return path
        part = path.with_name(path.name + _PART_SUFFIX)
        is_begun = part.exists()
        with slot_errors(part):
            descriptor = os.open(part, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
            try:
                os.ftruncate(descriptor, image.size)
            finally:
                os.close(descriptor)
        apply_image(full_way(image), image, transport, slot=part, resume=is_begun, progress=progress)
        part.replace(path)
        return path

    @contextmanager
    def _alone(self) -> Iterator[None]:
        self._folder.mkdir(parents=True, exist_ok=True)
        with (self._folder / _LOCK).open("wb") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX)
            yield
