"""Makes an image in the inactive slot the cheapest way: streaming, in bounded memory, every segment read back.

The segments' hashes are signed and cover every block of the image once: when each has been found in the slot, the slot
holds the image. Whoever did not see it done asks `trust.images.verify_image`.

Resuming needs no notes: a segment whose bytes stand in the slot already is skipped.
"""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from cebox.errors import Conflict, InvalidInput, NotFound, Untrusted
from cebox.kit.crew import Crew
from cebox.kit.heap import keep_freed_memory
from cebox.release.applying.budget import Budget
from cebox.release.applying.lanes import Lanes
from cebox.release.applying.maker import damaged_source
from cebox.release.manifest import Image, Way, find_way, full_way
from cebox.release.network.transport import Transport
from cebox.release.patch import Index, Operation, decode_index
from cebox.release.slot import ImageFile, open_slot

Progress = Callable[[int, int], None]
"""Called with the bytes of the blob that are done (fetched now, or not needed any more) and the blob's size."""


@dataclass(frozen=True, slots=True)
class Applied:
    """Every byte of the image has been read in the slot with the hash that was signed, and is on the disk.

    `way` is `full` or `patch from <version>`; `fell_back` is the error's code when a patch was tried first.
    """

    way: str
    received_bytes: int
    segments: int
    skipped_segments: int
    fell_back: str | None = None


def apply_best(
    image: Image,
    running_sha256: str | None,
    transport: Transport,
    *,
    slot: Path,
    old: Path | None,
    budget: Budget | None = None,
    resume: bool = False,
    progress: Progress | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> Applied:
    """Make `image` in `slot` the cheapest way: the patch from the running image if there is one this box can afford,
    else the full way. A patch that fails for want of a sound source or file is given up for the full way.

    `running_sha256` is the hash of the image in `old`, the running slot. Raises what `apply_image` raises.
    """
    received_before = transport.received_bytes
    budget = budget or Budget()

    def follow(way: Way, source: Path | None, *, resume: bool) -> Applied:
        return apply_image(
            way,
            image,
            transport,
            slot=slot,
            old=source,
            budget=budget,
            resume=resume,
            progress=progress,
            should_stop=should_stop,
        )

    patch = _find_patch(image, running_sha256 if old else None, budget)
    fell_back = None
    if patch is not None:
        try:
            return follow(patch, old, resume=resume)
        except (Untrusted, NotFound) as error:
            fell_back = error.code
    # What the patch made before it failed is good, and is not fetched again.
    applied = follow(full_way(image), None, resume=resume or fell_back is not None)
    return replace(applied, fell_back=fell_back, received_bytes=transport.received_bytes - received_before)


def apply_image(
    way: Way,
    image: Image,
    transport: Transport,
    *,
    slot: Path,
    old: Path | None = None,
    budget: Budget | None = None,
    resume: bool = False,
    progress: Progress | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> Applied:
    """Make `image` in `slot` by this one way; returns when it is read back and on the disk, and every thread has ended.

    `progress` and `should_stop` are called in this thread only. Raises Exhausted (`slot_too_small`, `disk_full`),
    Untrusted (`patch_*`, `old_slot_damaged`), NotFound (`blob_missing`), Unavailable (`repository_unreachable`,
    `slot_unusable`), Conflict (`update_cancelled`) and InvalidInput (`slot_missing`, `slot_is_running`). After any of
    them `resume` picks up the work.
    """
    budget = budget or Budget()
    received_before = transport.received_bytes

    def watch() -> None:
        if should_stop is not None and should_stop():
            raise Conflict("update_cancelled", "the update was cancelled")

    def report(done_bytes: int) -> None:
        if progress is not None:
            progress(done_bytes, way.blob.size)

    with ExitStack() as stack:
        source = None if way.is_full else stack.enter_context(_open_source(old, slot))
        target = stack.enter_context(open_slot(slot, image.size))
        index = _fetch_index(way, image, transport)
        if source is not None:
            _verify_source(source, index)
        stack.enter_context(keep_freed_memory(budget.memory_bytes // budget.decoders))
        with Crew(watch) as crew:
            skipped = Lanes(crew, way, index, transport, source, target, budget, report).run(resume=resume)
        target.sync()
    return Applied(
        way="full" if way.is_full else f"patch from {way.from_version}",
        received_bytes=transport.received_bytes - received_before,
        segments=len(index.segments),
        skipped_segments=skipped,
    )


def _find_patch(image: Image, running_sha256: str | None, budget: Budget) -> Way | None:
    patch = find_way(image, running_sha256)
    is_fit = patch is not None and patch.bounds.memory_bytes <= budget.memory_bytes
    return patch if is_fit else None


def _open_source(old: Path | None, slot: Path) -> ImageFile:
    if old is None:
        raise damaged_source("it is not given")
    try:
        if slot.exists() and slot.samefile(old):
            raise InvalidInput("slot_is_running", f"{slot} is the running slot; it is never written")
        return ImageFile(old, is_writable=False)
    except OSError as error:
        raise damaged_source(str(error)) from error


def _fetch_index(way: Way, image: Image, transport: Transport) -> Index:
    head = b"".join(transport.read(way.blob.path, 0, way.index_bytes))
    return decode_index(head, way, image)


def _verify_source(source: ImageFile, index: Index) -> None:
    """Refuse what cannot be the image before the patch is fetched: a first copy stands for all of it.

    Damage elsewhere is found where it is read. Raises Untrusted (`old_slot_damaged`).
    """
    if source.size_bytes < index.old_bytes:
        raise damaged_source("it is too small")
    copies = (one for one in index.segments if one.operation is Operation.COPY and not one.new)
    sample = next(copies, None)
    try:
        if sample is not None and source.hash_extents(sample.old) != sample.sha256:
            raise damaged_source("it is not the one the patch was made from")
    except OSError as error:
        raise damaged_source(str(error)) from error
