"""How a patch is described to people."""

from pathlib import Path

from cebox.cli.measures import format_bytes, format_seconds
from cebox.cli.output import print_facts, print_table, say
from cebox.release.loose.patch_summary import PatchSummary, Side

_KINDS = ("operation", "codec", "segments", "makes", "in the file", "of it")
_LARGEST = ("segment", "codec", "at", "makes", "dictionary", "in the file", "of it")


def print_made(patch: PatchSummary, path: Path, seconds: float) -> None:
    print_facts(
        {
            "patch": path,
            "size": _size_of(patch),
            "makes": _describe(patch.new),
            "from": _describe(patch.old),
            "memory": _memory_of(patch),
            "time": format_seconds(seconds) if seconds >= 1 else f"{seconds:.1f} s",
        }
    )


def print_patch(patch: PatchSummary) -> None:
    bounds = patch.bounds
    print_facts(
        {
            "makes": _describe(patch.new),
            "from": _describe(patch.old),
            "size": _size_of(patch),
            "index": f"{format_bytes(patch.index_bytes)}, {patch.segments} segments, blocks of {patch.block_bytes} B",
            "sha256": patch.sha256,
            "memory": _memory_of(patch),
            "bounds": f"segment {format_bytes(bounds.segment_bytes)}, dictionary"
            f" {format_bytes(bounds.dictionary_bytes)}, window {format_bytes(bounds.window_bytes)}",
        }
    )
    say("")
    print_table(
        _KINDS,
        (
            (
                one.operation,
                one.codec or None,
                one.segments,
                format_bytes(one.made_bytes),
                format_bytes(one.file_bytes),
                _share(one.file_bytes, patch.file_bytes),
            )
            for one in patch.kinds
        ),
        empty="It has no segment.",
    )
    if patch.largest:
        say("")
        _print_largest(patch)


def _print_largest(patch: PatchSummary) -> None:
    print_table(
        _LARGEST,
        (
            (
                one.number,
                one.codec,
                one.offset,
                format_bytes(one.made_bytes),
                format_bytes(one.dictionary_bytes),
                format_bytes(one.file_bytes),
                _share(one.file_bytes, patch.file_bytes),
            )
            for one in patch.largest
        ),
        empty="",
    )


def _describe(side: Side | None) -> str:
    return f"{format_bytes(side.bytes)}, {side.sha256}" if side else "nothing"


def _size_of(patch: PatchSummary) -> str:
    return f"{format_bytes(patch.file_bytes)}, {_share(patch.file_bytes, patch.new.bytes)} of the image"


def _memory_of(patch: PatchSummary) -> str:
    return f"{format_bytes(patch.bounds.memory_bytes)} on the box that applies it"


def _share(part_bytes: int, whole_bytes: int) -> str:
    percent = 100 * part_bytes / whole_bytes
    digits = 0 if percent >= 10 or part_bytes == 0 else 1 if percent >= 1 else 2
    return f"{percent:.{digits}f} %"
