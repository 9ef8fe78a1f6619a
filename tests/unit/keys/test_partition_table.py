"""Tables written are tables read, and nothing damaged is taken for one."""

import struct
import uuid
import zlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cebox.keys.partition_table import (
    ALIGNMENT_BYTES,
    ESP_TYPE,
    LINUX_TYPE,
    PartitionTable,
    Read,
    encode_head,
    encode_tail,
    find_table,
    lay_out,
    tail_offset,
)

MIB = 1 << 20
SIZES = {"one": 3 * MIB, "two": 5 * MIB + 1}


def make_table(sector_bytes: int = 512, disk_bytes: int = 16 * MIB) -> PartitionTable:
    return PartitionTable(uuid.UUID(int=7), disk_bytes, tuple(lay_out(SIZES, {"one": ESP_TYPE})), sector_bytes)


def reading(content: bytes) -> Read:
    return lambda offset, length: content[offset : offset + length]


@pytest.mark.parametrize("sector_bytes", [512, 4096])
def test_a_table_that_was_written_is_read_back_whole(sector_bytes: int) -> None:
    table = make_table(sector_bytes)

    assert find_table(reading(encode_head(table)), table.disk_bytes, sector_bytes) == table


def test_partitions_are_whole_mebibytes_one_behind_the_other() -> None:
    one, two = make_table().partitions

    assert (one.offset, one.size, one.kind) == (MIB, 3 * MIB, ESP_TYPE)
    assert (two.offset, two.size, two.kind) == (4 * MIB, 6 * MIB, LINUX_TYPE)
    assert one.id != two.id


@given(extra=st.integers(min_value=0, max_value=3 * MIB // 512), sector_bytes=st.sampled_from([512, 4096]))
def test_the_copy_at_the_end_fits_between_the_last_partition_and_the_disks_end(extra: int, sector_bytes: int) -> None:
    disk_bytes = 12 * MIB + extra * 512 // sector_bytes * sector_bytes
    table = make_table(sector_bytes, disk_bytes)

    tail = encode_tail(table)

    assert tail_offset(table) + len(tail) == disk_bytes
    assert tail_offset(table) >= table.partitions[-1].end
    assert tail[-sector_bytes:].startswith(b"EFI PART")
    assert ALIGNMENT_BYTES <= len(tail) < 2 * ALIGNMENT_BYTES


def _without_signature(head: bytearray) -> None:
    head[512] ^= 1


def _other_number_of_entries(head: bytearray) -> None:
    head[512 + 80] = 9


def _changed_entry(head: bytearray) -> None:
    head[1024 + 60] ^= 1


def _entries_without_end(head: bytearray) -> None:
    header = bytearray(head[512 : 512 + 92])
    struct.pack_into("<I", header, 80, 0xFFFFFFFF)
    _sign(header)
    head[512 : 512 + 92] = header


def _partition_beyond_the_disk(head: bytearray) -> None:
    struct.pack_into("<Q", head, 1024 + 40, 1 << 60)
    header = bytearray(head[512 : 512 + 92])
    struct.pack_into("<I", header, 88, zlib.crc32(bytes(head[1024 : 1024 + 128 * 128])))
    _sign(header)
    head[512 : 512 + 92] = header


def _sign(header: bytearray) -> None:
    struct.pack_into("<I", header, 16, 0)
    struct.pack_into("<I", header, 16, zlib.crc32(bytes(header)))


@pytest.mark.parametrize(
    "harm",
    [
        _without_signature,
        _other_number_of_entries,
        _changed_entry,
        _entries_without_end,
        _partition_beyond_the_disk,
    ],
)
def test_what_contradicts_itself_is_no_table(harm: Callable[[bytearray], None]) -> None:
    head = bytearray(encode_head(make_table()))
    harm(head)

    assert find_table(reading(bytes(head)), 16 * MIB) is None


@given(st.binary(max_size=2048))
def test_noise_is_no_table(noise: bytes) -> None:
    assert find_table(reading(bytes(512) + b"EFI PART" + noise), 16 * MIB) is None


def test_a_label_that_is_too_long_is_refused() -> None:
    table = PartitionTable(uuid.uuid4(), 16 * MIB, tuple(lay_out({"x" * 37: MIB}, {})))

    with pytest.raises(ValueError, match="too long"):
        encode_head(table)
