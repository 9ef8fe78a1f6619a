"""How a disk is divided: everything fits, slots have room to grow, and what is too small is said to be."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cebox.domain.device import DeviceKind
from cebox.errors import Exhausted
from cebox.installer.layout import DATA, ESP, ROOT_A, ROOT_B, UNFINISHED, count_needed_bytes, plan_layout
from cebox.keys.partition_table import ESP_TYPE, PartitionTable

MIB, GIB = 1 << 20, 1 << 30


def plan(
    disk_bytes: int,
    *,
    root_bytes: int = 400 * MIB,
    boot_bytes: int = 20 * MIB,
    kind: DeviceKind = DeviceKind.CEBOX,
    sector_bytes: int = 512,
) -> PartitionTable:
    return plan_layout(
        disk_bytes=disk_bytes, sector_bytes=sector_bytes, root_bytes=root_bytes, boot_bytes=boot_bytes, kind=kind
    )


def sizes(table: PartitionTable) -> dict[str, int]:
    return {one.label: one.size // MIB for one in table.partitions}


def test_a_usual_disk_has_large_slots_and_gives_the_rest_to_the_data() -> None:
    table = plan(256 * GIB)

    assert sizes(table) == {ESP: 512, ROOT_A: 8192, ROOT_B: 8192, DATA: 256 * 1024 - 2 - 512 - 2 * 8192}


def test_a_small_disk_has_small_parts() -> None:
    assert sizes(plan(4 * GIB)) == {ESP: 128, ROOT_A: 600, ROOT_B: 600, DATA: 4096 - 2 - 128 - 1200}


def test_a_large_release_has_half_as_much_room_again() -> None:
    assert sizes(plan(64 * GIB, root_bytes=6 * GIB))[ROOT_A] == 9 * 1024


def test_a_large_boot_image_has_room_four_times() -> None:
    assert sizes(plan(64 * GIB, boot_bytes=150 * MIB))[ESP] == 600


def test_large_sectors_make_a_large_boot_partition_for_fat_counts_clusters() -> None:
    assert sizes(plan(4 * GIB, sector_bytes=4096))[ESP] == 512


def test_the_table_is_marked_as_unfinished_and_its_first_partition_as_the_firmwares() -> None:
    table = plan(64 * GIB)

    assert table.id == UNFINISHED
    assert table.get(ESP).kind == ESP_TYPE


def test_a_disk_that_is_too_small_is_refused_with_what_it_takes() -> None:
    with pytest.raises(Exhausted) as refused:
        plan(GIB)

    assert refused.value.code == "disk_too_small"
    assert "1024 MiB" in refused.value.message


def test_a_wrs_needs_room_for_its_mirror() -> None:
    needed = {
        kind: count_needed_bytes(root_bytes=GIB, boot_bytes=20 * MIB, kind=kind)
        for kind in (DeviceKind.CEBOX, DeviceKind.WRS)
    }

    assert needed[DeviceKind.WRS] >= needed[DeviceKind.CEBOX] + 4 * GIB


@given(
    root_bytes=st.integers(min_value=MIB, max_value=8 * GIB),
    boot_bytes=st.integers(min_value=MIB, max_value=200 * MIB),
    kind=st.sampled_from(DeviceKind),
    sectors_more=st.integers(min_value=0, max_value=GIB // 512),
)
def test_a_disk_of_the_size_that_is_asked_for_is_enough(
    root_bytes: int, boot_bytes: int, kind: DeviceKind, sectors_more: int
) -> None:
    needed = count_needed_bytes(root_bytes=root_bytes, boot_bytes=boot_bytes, kind=kind)
    disk_bytes = -(-needed // 512) * 512 + sectors_more * 512

    table = plan(disk_bytes, root_bytes=root_bytes, boot_bytes=boot_bytes, kind=kind)

    assert table.partitions[-1].end <= disk_bytes - MIB
    assert all(
        before.end == behind.offset for before, behind in zip(table.partitions, table.partitions[1:], strict=False)
    )
    assert table.get(ROOT_A).size == table.get(ROOT_B).size >= root_bytes
