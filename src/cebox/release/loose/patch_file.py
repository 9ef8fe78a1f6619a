"""Patch files as they lie on a disk, without repository or signature: for measuring and for laboratories.

What a manifest vouches for is taken from the file itself; a box takes signed releases only.
"""

import hashlib
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cebox.errors import InvalidInput, Untrusted
from cebox.release.applying.apply import Applied, apply_image
from cebox.release.loose.bare_files import replacing, verify_readable, verify_writable
from cebox.release.making.ways import Effort, WayMaker
from cebox.release.manifest import LARGEST_INDEX_BYTES, Blob, Image, Way
from cebox.release.network.transport import FolderTransport
from cebox.release.patch import MAGIC, PREFIX_BYTES, Index, Operation, decode_index, describe_head, read_head_bytes
from cebox.release.slot import ImageFile, slot_errors
from cebox.release.trust.images import hash_image, verify_image

Report = Callable[[int, int], None]
"""Called with what is done and the whole of it."""

_IMAGE_HINT = "Name an image file; cebox release build makes one of a directory tree and keeps it as root.img."
_PATCH_HINT = "Make one with: cebox patch make OLD NEW --output FILE"
# What a box is told of its repository and its slots, and what is one thing here: the file is damaged.
_DAMAGES = frozenset({"patch_malformed", "patch_differs", "blob_truncated", "old_slot_damaged", "image_differs"})


@dataclass(frozen=True, slots=True)
class PatchFile:
    """`way` and `image` are what a manifest would say of it."""

    path: Path
    way: Way
    image: Image
    index: Index


def read_patch(path: Path) -> PatchFile:
    """The payloads are not read. Raises InvalidInput (`file_missing`, `file_unusable`, `no_patch_file`) and Untrusted
    (`patch_file_damaged`, `patch_format_unknown`, `patch_codec_unknown`, `patch_bounds_exceeded`).
    """
    verify_readable(path, hint=_PATCH_HINT)
    with path.open("rb") as stream, _told_of(path):
        prefix = stream.read(PREFIX_BYTES)
        if not prefix.startswith(MAGIC):
            raise InvalidInput("no_patch_file", f"{path} is no patch file", hint=_PATCH_HINT)
        head_bytes = read_head_bytes(prefix)
        if head_bytes > LARGEST_INDEX_BYTES:
            raise _damaged(path, "its index is too large")
        head = prefix + stream.read(head_bytes - PREFIX_BYTES)
        stream.seek(0)
        sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
        way, image = describe_head(head, Blob(sha256, stream.tell()))
        return PatchFile(path, way, image, decode_index(head, way, image))


def make_patch_file(
    old: Path | None, new: Path, output: Path, *, effort: Effort, is_forced: bool = False, report: Report
) -> PatchFile:
    """Write the patch that makes `new` from `old`, or from nothing; equal images and effort give equal bytes.

    Raises InvalidInput (`file_missing`, `file_unusable`, `output_is_input`, `image_too_large`, `image_too_scattered`,
    `erofs_malformed`), Conflict (`output_exists`), Exhausted (`disk_full`) and Unavailable (`output_unusable`).
    """
    inputs = [new] if old is None else [old, new]
    for path in inputs:
        verify_readable(path, hint=_IMAGE_HINT)
    verify_writable(output, inputs, is_forced=is_forced)
    with replacing(output) as part:
        _write_patch(old, new, part, effort, report)
    return read_patch(output)


def apply_patch_file(
    patch: PatchFile, old: Path | None, output: Path, *, is_forced: bool = False, report: Report | None = None
) -> Applied:
    """Make the image, as a box does it; `output` is there only once it is verified.

    Raises InvalidInput (`patch_needs_old`, `patch_needs_no_old`, `patch_old_differs`, `file_missing`, `file_unusable`,
    `output_is_input`), Untrusted (`patch_file_damaged`), Conflict (`output_exists`), Exhausted (`disk_full`) and
    Unavailable (`output_unusable`, `slot_unusable`).
    """
    _verify_source(patch, old)
    verify_writable(output, filter(None, (patch.path, old)), is_forced=is_forced)
    with replacing(output) as part:
        return _apply(patch, old, part, report)


def verify_patch_file(
    patch: PatchFile, *, old: Path | None = None, new: Path | None = None, report: Report | None = None
) -> bool:
    """Every payload against its hash. With `new`: whether that is what it makes. With `old`, and for a patch from
    nothing always, it is made, in the folder for temporary files; whether it was is returned.

    Raises what `apply_patch_file` raises but for the output, and InvalidInput (`patch_new_differs`).
    """
    is_made = old is not None or patch.way.is_full
    if is_made:
        _verify_source(patch, old)
    if new is not None:
        _verify_result(patch, new)
    _verify_payloads(patch, report)
    if is_made:
        with tempfile.TemporaryDirectory(prefix="cebox-patch-") as folder:
            _apply(patch, old, Path(folder) / "image", report)
    return is_made


def _write_patch(old: Path | None, new: Path, part: Path, effort: Effort, report: Report) -> None:
    total_bytes = done_bytes = 0

    def advance(count: int) -> None:
        nonlocal done_bytes
        done_bytes += count
        report(done_bytes, total_bytes)

    # What does not matter for an image from nothing is not even opened.
    with ImageFile(new, is_writable=False) as image, ImageFile(old or new, is_writable=False) as source:
        maker = WayMaker(image, part.parent, effort, advance)
        planned = maker.plan_patch(source, maker.scan_old(source)) if old else maker.plan_full()
        total_bytes = planned.work_bytes
        advance(0)
        _, made = maker.make(planned)
    made.replace(part)


def _apply(patch: PatchFile, old: Path | None, slot: Path, report: Report | None) -> Applied:
    with slot_errors(slot), slot.open("wb") as stream:
        os.truncate(stream.fileno(), patch.image.size)
    with _told_of(patch.path):
        try:
            applied = apply_image(
                patch.way, patch.image, _FileTransport(patch.path), slot=slot, old=old, progress=report
            )
        except Untrusted as error:
            if error.code == "old_slot_damaged" and old is not None:
                _verify_is_source(patch, old)
            raise
        verify_image(patch.image, slot)
    return applied


class _FileTransport:
    """A repository of one file, whatever it is asked for."""

    def __init__(self, path: Path) -> None:
        self._folder = FolderTransport(path.parent)
        self._name = path.name

    @property
    def received_bytes(self) -> int:
        return self._folder.received_bytes

    def read(self, path: str, start: int = 0, length: int | None = None) -> Iterator[bytes]:  # noqa: ARG002
        return self._folder.read(self._name, start, length)


def _verify_payloads(patch: PatchFile, report: Report | None) -> None:
    total_bytes = patch.way.blob.size - patch.way.index_bytes
    done_bytes = 0
    with patch.path.open("rb") as stream:
        for number, segment in enumerate(patch.index.segments):
            if segment.operation is not Operation.PAYLOAD:
                continue
            stream.seek(segment.payload_offset)
            payload = stream.read(segment.payload_bytes)
            if hashlib.sha256(payload).digest() != segment.payload_sha256:
                raise _damaged(patch.path, f"the payload of segment {number} is not what it was")
            done_bytes += len(payload)
            if report is not None:
                report(done_bytes, total_bytes)


def _verify_source(patch: PatchFile, old: Path | None) -> None:
    """That there is one if it is needed; whether it is the right one is seen when it is read."""
    if old is not None:
        verify_readable(old, hint=_IMAGE_HINT)
    if patch.way.is_full and old is not None:
        raise InvalidInput("patch_needs_no_old", "the patch makes its image from nothing", hint="Leave OLD out.")
    if not patch.way.is_full and old is None:
        raise InvalidInput(
            "patch_needs_old",
            f"the patch starts from an image: that with SHA-256 {patch.way.from_sha256}",
            hint="Name it with --old.",
        )


def _verify_is_source(patch: PatchFile, old: Path) -> None:
    """The image may lie in a larger partition."""
    if hash_image(old, patch.index.old_bytes) == patch.way.from_sha256:
        return
    is_result = hash_image(old, patch.image.size) == patch.image.sha256
    raise InvalidInput(
        "patch_old_differs",
        f"{old} is not the image that the patch starts from",
        hint="It is the one that the patch makes: were the two exchanged?"
        if is_result
        else f"The patch starts from the one with SHA-256 {patch.way.from_sha256}.",
    )


def _verify_result(patch: PatchFile, new: Path) -> None:
    verify_readable(new, hint=_IMAGE_HINT)
    if hash_image(new, patch.image.size) == patch.image.sha256:
        return
    is_source = patch.index.old_bytes and hash_image(new, patch.index.old_bytes) == patch.way.from_sha256
    raise InvalidInput(
        "patch_new_differs",
        f"{new} is not the image that the patch makes",
        hint="It is the one that the patch starts from: were the two exchanged?"
        if is_source
        else f"The patch makes the one with SHA-256 {patch.image.sha256}.",
    )


@contextmanager
def _told_of(path: Path) -> Iterator[None]:
    """Says of the file what a box would say of its repository."""
    try:
        yield
    except Untrusted as error:
        if error.code in _DAMAGES:
            raise _damaged(path, error.message.removeprefix("the patch is malformed: ")) from error
        raise


def _damaged(path: Path, why: str) -> Untrusted:
    return Untrusted(
        "patch_file_damaged",
        f"{path} is damaged or cut off: {why}",
        hint="Copy it again, or make it again with cebox patch make.",
    )
