"""Boot options as the firmware keeps them, and what has to be written so that four of ours follow one another."""

import struct
from uuid import UUID

import pytest

from cebox.agent.systemd_boot.boot_option import Plan, encode_option, find_title, plan_options
from cebox.keys.partition_table import Partition, PartitionTable

ESP = Partition("cebox-esp", UUID(int=1), UUID("11223344-5566-7788-99aa-bbccddeeff00"), 1 << 20, 128 << 20)
TABLE = PartitionTable(UUID(int=2), 1 << 30, (ESP,))
OURS = tuple(encode_option(f"ours {number}", TABLE, "cebox-esp", "EFI/a.efi") for number in range(3))
FOREIGN = encode_option("another system", TABLE, "cebox-esp", "EFI/other.efi")


def test_an_option_names_the_partition_by_its_id_and_the_program_by_its_path() -> None:
    option = encode_option("ceBox OS", TABLE, "cebox-esp", "EFI/systemd/x.efi")
    attributes, length = struct.unpack_from("<IH", option)
    title, path = "ceBox OS\0".encode("utf-16-le"), "\\EFI\\systemd\\x.efi\0".encode("utf-16-le")
    drive = struct.pack("<BBHIQQ", 4, 1, 42, 1, 2048, 262144) + ESP.id.bytes_le + b"\2\2"
    nodes = drive + struct.pack("<BBH", 4, 4, 4 + len(path)) + path + b"\x7f\xff\4\0"

    assert attributes == 1
    assert length == len(nodes)
    assert option[6:] == title + nodes


def test_a_disk_with_large_sectors_counts_in_those() -> None:
    table = PartitionTable(UUID(int=2), 1 << 30, (ESP,), 4096)
    option = encode_option("", table, "cebox-esp", "a.efi")

    assert struct.unpack_from("<QQ", option, 6 + 2 + 8) == (256, 32768)


def test_the_second_partition_is_number_two() -> None:
    table = PartitionTable(UUID(int=2), 1 << 30, (Partition("x", UUID(int=1), UUID(int=3), 0, 1 << 20), ESP))

    assert struct.unpack_from("<I", encode_option("", table, "cebox-esp", "a.efi"), 6 + 2 + 4) == (2,)


@pytest.mark.parametrize("content", [b"", b"\1\0\0\0", b"\1\0\0\0\0\0a", b"\1\0\0\0\0\0a\0b\0"])
def test_what_is_no_option_has_no_title(content: bytes) -> None:
    assert find_title(content) is None


def test_the_title_is_what_people_read() -> None:
    assert find_title(FOREIGN) == "another system"


def test_a_firmware_that_knows_nothing_is_told_everything() -> None:
    assert plan_options((), {}, OURS) == Plan(dict(enumerate(OURS)), (0, 1, 2))


def test_options_of_others_stay_and_come_afterwards() -> None:
    plan = plan_options((0, 2), {0: FOREIGN, 2: FOREIGN}, OURS)

    assert plan == Plan({1: OURS[0], 3: OURS[1], 4: OURS[2]}, (1, 3, 4, 0, 2))


def test_a_number_that_only_the_order_names_is_left_alone() -> None:
    assert plan_options((0,), {}, OURS).order == (1, 2, 3, 0)


def test_what_stands_right_is_not_written_again() -> None:
    found = {5: OURS[0], 6: OURS[1], 7: OURS[2], 1: FOREIGN}

    assert plan_options((5, 6, 7, 1), found, OURS).is_empty


def test_whoever_was_put_before_them_by_hand_stays_there() -> None:
    found = {5: OURS[0], 6: OURS[1], 7: OURS[2], 1: FOREIGN}

    assert plan_options((1, 5, 6, 7), found, OURS).is_empty


def test_options_that_were_torn_apart_are_put_together_again() -> None:
    found = {5: OURS[0], 6: OURS[1], 7: OURS[2], 1: FOREIGN, 2: FOREIGN}

    assert plan_options((2, 5, 1, 7), found, OURS) == Plan({}, (2, 5, 6, 7, 1))


def test_options_of_a_disk_that_was_here_before_are_used_again() -> None:
    other_disk = PartitionTable(UUID(int=2), 1 << 30, (Partition("cebox-esp", UUID(int=1), UUID(int=9), 0, 1 << 20),))
    stale = encode_option("ours 1", other_disk, "cebox-esp", "EFI/a.efi")

    assert plan_options((3, 4), {3: OURS[0], 4: stale, 5: OURS[2]}, OURS) == Plan({4: OURS[1]}, (3, 4, 5))


def test_one_that_was_switched_off_is_switched_on() -> None:
    off = b"\0" + OURS[1][1:]

    assert plan_options((0, 1, 2), {0: OURS[0], 1: off, 2: OURS[2]}, OURS) == Plan({1: OURS[1]}, None)
