"""What an update downloads: the boot image, where the machine needs one, then the root image into its slot.

The small one comes first: what stands in its way is known before the large one begins.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from msgspec.structs import replace

from cebox.agent.boot_image import find_boot_image, make_room
from cebox.agent.box import Box
from cebox.agent.journal import Partial, Update
from cebox.errors import CeboxError, Untrusted
from cebox.release.manifest import Image, Manifest, find_way, full_way


@dataclass(frozen=True, slots=True)
class Part:
    """One image to make in `path`. `old` is the file of the running one, whose hash is `old_sha256`."""

    image: Image
    path: Path
    old: Path | None
    old_sha256: str | None
    is_resumable: bool

    @property
    def expected_bytes(self) -> int:
        """What it will take, unless the patch turns out to be of no use."""
        return (find_way(self.image, self.old_sha256) or full_way(self.image)).blob.size


def plan_parts(box: Box, manifest: Manifest, update: Update) -> tuple[Part, ...]:
    """Everything `update` has to make, in order. The slot's old content is forgotten from here on.

    Raises Untrusted (`release_changed`), Exhausted (`disk_full`).
    """
    return (*_plan_boot_part(box, manifest, update), _plan_root_part(box, manifest, update))


def count_around(parts: Sequence[Part]) -> Iterator[tuple[Part, int, int]]:
    """Each part with the bytes of those before and of those after it."""
    sizes = [part.expected_bytes for part in parts]
    for number, part in enumerate(parts):
        yield part, sum(sizes[:number]), sum(sizes[number + 1 :])


def _plan_boot_part(box: Box, manifest: Manifest, update: Update) -> Iterator[Part]:
    wanted = find_boot_image(box, update)
    if wanted is None:
        return
    image = _get_unchanged(manifest.boot, wanted.sha256, update)
    running = box.machine.boot_loader.find_boot_image()
    running_sha256 = _find_hash(running)
    yield Part(
        image=image,
        path=wanted.path,
        old=running if running_sha256 else None,
        old_sha256=running_sha256,
        is_resumable=make_room(box, wanted.path, image.size),
    )


def _plan_root_part(box: Box, manifest: Manifest, update: Update) -> Part:
    slots, target = box.machine.slots, box.machine.target
    running = slots.find_content(slots.get_running())
    image = _get_unchanged(manifest.root, update.sha256, update)
    return Part(
        image=image,
        path=slots.get_path(target),
        old=slots.get_path(slots.get_running()),
        old_sha256=running.sha256 if running else None,
        is_resumable=_note_partial(box, Partial(slot=target, sha256=image.sha256)),
    )


def _find_hash(path: Path | None) -> str | None:
    """None for what cannot be read: the full image then."""
    # Imported late: see `runner`.
    from cebox.release.trust.images import hash_image

    try:
        return hash_image(path, path.stat().st_size) if path else None
    except (OSError, CeboxError):
        return None


def _note_partial(box: Box, partial: Partial) -> bool:
    """Whether the slot may hold parts of this very image. What it held before is forgotten as soon as it is written."""
    is_resumable = box.journal.now.partial == partial
    box.journal.change(lambda now: replace(now, partial=partial))
    return is_resumable


def _get_unchanged(image: Image | None, sha256: str, update: Update) -> Image:
    if image is None or image.sha256 != sha256:
        raise Untrusted(
            "release_changed",
            f"{update.version} is not the release it was when this update began",
            hint="A release never changes: ask the vendor what happened to the repository.",
        )
    return image
