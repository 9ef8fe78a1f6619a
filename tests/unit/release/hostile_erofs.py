"""erofs images that mkfs.erofs never makes, each named for its fault, and the sound one they are made from."""

import stat
import struct
from collections.abc import Callable, Iterator, Mapping

from cebox.release.patch import Extents

BLOCK_BYTES = 4096
SUPERBLOCK_OFFSET = 1024
PLAIN, COMPRESSED, INLINE, CHUNKED = 0, 1, 2, 4
FILE, FOLDER, LINK = stat.S_IFREG | 0o644, stat.S_IFDIR | 0o755, stat.S_IFLNK | 0o777

# Places in units of 32 bytes, as the format counts them; the superblock ends before the first.
ROOT, TOOL, EMPTY, SHORTCUT, SUB, DEEP, LARGE = 36, 38, 40, 42, 44, 64, 66
ROOT_BLOCK, TOOL_BLOCK, DEEP_BLOCK, LARGE_BLOCK = 1, 2, 4, 5
TOOL_BYTES, LARGE_BYTES = 5000, 2 * BLOCK_BYTES + 1

Entries = Mapping[bytes, int]


class MemoryImage:
    """Is read like an `ImageFile`."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self.size_bytes = len(content)

    def read_chunks(self, extents: Extents) -> Iterator[bytes]:
        for offset, length in extents:
            yield self._content[offset : offset + length]


class Draft:
    """An image written by hand; what is put in later lies over what was there."""

    def __init__(self, blocks: int) -> None:
        self.content = bytearray(blocks * BLOCK_BYTES)
        self.write_superblock()

    def write_superblock(
        self,
        *,
        magic: int = 0xE0F5E1E2,
        block_bits: int = 12,
        root: int = ROOT,
        blocks: int | None = None,
        metadata_block: int = 0,
        needed: int = 0,
        folder_bits: int = 0,
    ) -> None:
        if blocks is None:
            blocks = len(self.content) // BLOCK_BYTES
        struct.pack_into(
            "<I4xIBxH20xII36xI6xB37x",
            self.content,
            SUPERBLOCK_OFFSET,
            magic,
            0,
            block_bits,
            root,
            blocks,
            metadata_block,
            needed,
            folder_bits,
        )

    def inode(
        self,
        place: int,
        mode: int,
        size: int,
        block: int = 0,
        layout: int = PLAIN,
        *,
        attributes: int = 0,
        flags: int = 0,
    ) -> None:
        fields = (layout << 1 | flags, attributes, mode, size, block)
        struct.pack_into("<HHH2xI4xI12x", self.content, place * 32, *fields)

    def extended_inode(
        self, place: int, mode: int, size: int, block: int = 0, layout: int = PLAIN, *, attributes: int = 0
    ) -> None:
        fields = (layout << 1 | 1, attributes, mode, size, block)
        struct.pack_into("<HHH2xQI44x", self.content, place * 32, *fields)

    def folder(self, place: int, block: int, entries: Entries) -> None:
        self.inode(place, FOLDER, BLOCK_BYTES, block)
        self.write(block * BLOCK_BYTES, list_entries(entries).ljust(BLOCK_BYTES, b"\0"))

    def inline_folder(self, place: int, entries: Entries) -> None:
        tail = list_entries(entries)
        self.inode(place, FOLDER, len(tail), 0xFFFFFFFF, INLINE)
        self.write(place * 32 + 32, tail)

    def write(self, offset: int, content: bytes) -> None:
        self.content[offset : offset + len(content)] = content


def list_entries(entries: Entries) -> bytes:
    """In the order given: sorted or not is the caller's."""
    names_at = 12 * len(entries)
    heads = b""
    for name, place in entries.items():
        heads += struct.pack("<QHBx", place, names_at, 0)
        names_at += len(name)
    return heads + b"".join(entries)


def sound_entries() -> dict[bytes, int]:
    names = {b".": ROOT, b"..": ROOT, b"also-tool": TOOL, b"empty": EMPTY, b"large": LARGE, b"shortcut": SHORTCUT}
    return names | {b"sub": SUB, b"tool": TOOL}


def sound() -> Draft:
    """A file with two names, one that is empty, a link, a file below a folder, and a large one with its tail inline."""
    draft = Draft(blocks=8)
    draft.folder(ROOT, ROOT_BLOCK, sound_entries())
    draft.inode(TOOL, FILE, TOOL_BYTES, TOOL_BLOCK)
    draft.inode(EMPTY, FILE, 0)
    draft.inode(SHORTCUT, LINK, 4, layout=INLINE)
    draft.inline_folder(SUB, {b".": SUB, b"..": ROOT, b"de\xe9p": DEEP})
    draft.inode(DEEP, FILE, 1, DEEP_BLOCK)
    draft.extended_inode(LARGE, FILE, LARGE_BYTES, LARGE_BLOCK, INLINE, attributes=3)
    return draft


Change = Callable[[Draft], object]


def _with(change: Change) -> Callable[[], bytes]:
    def make() -> bytes:
        draft = sound()
        change(draft)
        return bytes(draft.content)

    return make


def _root(entries: Entries) -> Callable[[], bytes]:
    return _with(lambda draft: draft.folder(ROOT, ROOT_BLOCK, entries))


def _named(name: bytes) -> Callable[[], bytes]:
    return _root({b".": ROOT, b"..": ROOT, name: TOOL})


def _entry(number: int, name_at: int) -> Callable[[], bytes]:
    """An entry of the root whose name lies somewhere else."""
    place = ROOT_BLOCK * BLOCK_BYTES + number * 12 + 8
    return _with(lambda draft: draft.write(place, name_at.to_bytes(2, "little")))


def _two_names(first: bytes, second: bytes) -> bytes:
    heads = (struct.pack("<QHBx", TOOL, 24, 0), struct.pack("<QHBx", TOOL, 24 + len(first), 0))
    return b"".join((*heads, first, second)).ljust(BLOCK_BYTES, b"\0")


def _put_an_inode_over_the_edge(draft: Draft) -> None:
    last = len(draft.content) - 32
    draft.folder(ROOT, ROOT_BLOCK, {b"edge": last // 32})
    draft.inode(last // 32, FILE, 0, flags=1)


def _cut(content: bytes, length: int) -> Callable[[], bytes]:
    return lambda: content[:length]


def _nest(levels: int, name: bytes) -> bytes:
    """Folders in folders, one block each."""
    draft = Draft(blocks=levels + 2)
    for level in range(levels):
        draft.folder(ROOT + level, 1 + level, {name: ROOT + level + 1})
    draft.inode(ROOT + levels, FILE, 0)
    return bytes(draft.content)


def _share_names_deep_down() -> bytes:
    """Few bytes that spell out thousands of long paths: far down lie folders that have one list of names in common."""
    depth, folders, names = 15, 75, 250
    draft = Draft(blocks=depth + 5)
    file = ROOT + depth + 1 + folders
    for level in range(depth):
        draft.folder(ROOT + level, 2 + level, {b"n" * 250: ROOT + level + 1})
    parent = ROOT + depth
    draft.folder(parent, 2 + depth, {b"%03d" % number: parent + 1 + number for number in range(folders)})
    shared = 3 + depth
    for number in range(folders):
        draft.folder(parent + 1 + number, shared, {b"%03d" % name: file for name in range(names)})
    draft.inode(file, FILE, 0)
    return bytes(draft.content)


MALFORMED: dict[str, Callable[[], bytes]] = {
    "empty": lambda: b"",
    "superblock_cut_off": _cut(bytes(sound().content), SUPERBLOCK_OFFSET + 100),
    "image_cut_off": _cut(bytes(sound().content), 7 * BLOCK_BYTES),
    "another_magic": _with(lambda draft: draft.write_superblock(magic=0xE0F5E1E3)),
    "blocks_too_small": _with(lambda draft: draft.write_superblock(block_bits=8)),
    "blocks_too_large": _with(lambda draft: draft.write_superblock(block_bits=255)),
    "no_blocks": _with(lambda draft: draft.write_superblock(blocks=0)),
    "more_blocks_than_the_image": _with(lambda draft: draft.write_superblock(blocks=0xFFFFFFFF)),
    "metadata_outside": _with(lambda draft: draft.write_superblock(metadata_block=0xFFFFFFFF)),
    "root_outside": _with(lambda draft: draft.write_superblock(root=0xFFFF)),
    "root_a_file": _with(lambda draft: draft.write_superblock(root=TOOL)),
    "root_of_no_kind": _with(lambda draft: draft.inode(ROOT, 0o755, BLOCK_BYTES, ROOT_BLOCK)),
    "root_outside_the_image": _with(lambda draft: draft.inode(ROOT, FOLDER, BLOCK_BYTES, 8)),
    "root_over_the_superblock": _with(lambda draft: draft.inode(ROOT, FOLDER, BLOCK_BYTES, 0)),
    "root_with_a_tail_behind_its_block": _with(lambda draft: draft.inode(ROOT, FOLDER, 3000, 0, INLINE)),
    "root_with_a_whole_block_as_tail": _with(lambda draft: draft.inode(ROOT, FOLDER, BLOCK_BYTES, 1, INLINE)),
    "root_shorter_than_an_entry": _with(lambda draft: draft.inode(ROOT, FOLDER, 11, ROOT_BLOCK)),
    "root_shorter_than_its_entries": _with(lambda draft: draft.inode(ROOT, FOLDER, 50, ROOT_BLOCK)),
    "layout_unknown": _with(lambda draft: draft.inode(TOOL, FILE, TOOL_BYTES, TOOL_BLOCK, layout=5)),
    "file_outside": _with(lambda draft: draft.inode(TOOL, FILE, TOOL_BYTES, 7)),
    "file_far_outside": _with(lambda draft: draft.inode(TOOL, FILE, TOOL_BYTES, 0xFFFFFFFF)),
    "file_over_the_superblock": _with(lambda draft: draft.inode(TOOL, FILE, TOOL_BYTES, 0)),
    "file_too_large": _with(lambda draft: draft.inode(TOOL, FILE, 0xFFFFFFFF, TOOL_BLOCK)),
    "file_of_all_sizes": _with(lambda draft: draft.extended_inode(LARGE, FILE, (1 << 64) - 1, LARGE_BLOCK)),
    "files_overlap": _with(lambda draft: draft.inode(DEEP, FILE, 1, TOOL_BLOCK + 1)),
    "files_at_one_place": _with(lambda draft: draft.inode(DEEP, FILE, TOOL_BYTES, TOOL_BLOCK)),
    "folder_in_itself": _root({b".": ROOT, b"..": ROOT, b"again": ROOT}),
    "folder_in_its_folder": _with(lambda draft: draft.inline_folder(SUB, {b".": SUB, b"..": ROOT, b"loop": ROOT})),
    "folder_in_two_places": _root({b".": ROOT, b"..": ROOT, b"sub": SUB, b"sub2": SUB}),
    "entry_outside": _root({b".": ROOT, b"..": ROOT, b"far": (1 << 64) - 1}),
    "entry_at_the_edge": _root({b".": ROOT, b"..": ROOT, b"edge": 8 * BLOCK_BYTES // 32}),
    "entry_at_nothing": _root({b".": ROOT, b"..": ROOT, b"nothing": DEEP + 10}),
    "extended_inode_over_the_edge": _with(_put_an_inode_over_the_edge),
    "name_empty": _named(b""),
    "name_with_a_slash": _named(b"../../etc/passwd"),
    "name_with_a_zero": _root({b".": ROOT, b"..": ROOT, b"a\0b": TOOL, b"b": TOOL}),
    "name_too_long": _named(b"n" * 256),
    "name_twice": _with(lambda draft: draft.write(ROOT_BLOCK * BLOCK_BYTES, _two_names(b"a", b"a"))),
    "names_out_of_order": _root({b".": ROOT, b"..": ROOT, b"b": TOOL, b"a": TOOL}),
    "no_names": _entry(0, 0),
    "names_within_the_entries": _entry(0, 13),
    "names_behind_the_block": _entry(0, 0xFFFC),
    "name_before_the_one_before": _entry(3, 12),
    "last_name_behind_the_block": _entry(7, 0xFFFF),
    "path_too_long": lambda: _nest(20, b"n" * 255),
}
UNSUPPORTED: dict[str, Callable[[], bytes]] = {
    "needs_an_unknown_feature": _with(lambda draft: draft.write_superblock(needed=0x80)),
    "folder_blocks_of_another_size": _with(lambda draft: draft.write_superblock(folder_bits=1)),
    "inode_of_a_later_form": _with(lambda draft: draft.inode(TOOL, FILE, 1, TOOL_BLOCK, flags=0x10)),
    "file_compressed": _with(lambda draft: draft.inode(TOOL, FILE, TOOL_BYTES, TOOL_BLOCK, COMPRESSED)),
    "file_in_chunks": _with(lambda draft: draft.inode(TOOL, FILE, TOOL_BYTES, TOOL_BLOCK, CHUNKED)),
    "folder_in_chunks": _with(lambda draft: draft.inode(ROOT, FOLDER, BLOCK_BYTES, ROOT_BLOCK, CHUNKED)),
    "folder_of_all_sizes": _with(lambda draft: draft.extended_inode(ROOT, FOLDER, (1 << 64) - 1, ROOT_BLOCK)),
    "thousands_of_long_paths": _share_names_deep_down,
}
