"""The table that tells a kernel of the emulated chipset's watchdog, read by its own definition."""

import struct

from cebox.lab.vm.watchdog import encode_table

HEADER, ENTRY = struct.Struct("<IHBBB3xIIIB3xI"), struct.Struct("<BBHBBBBQII")
TCO = 0x660


def test_the_head_says_how_many_instructions_follow() -> None:
    table = encode_table()
    size, *_, period, most, least, flags, count = HEADER.unpack_from(table)

    assert size == HEADER.size == 32
    assert len(table) == HEADER.size + count * ENTRY.size
    assert (period, most, least, flags) == (1200, 1023, 4, 1)


def test_every_instruction_stays_within_the_chipsets_registers() -> None:
    entries = list(ENTRY.iter_unpack(encode_table()[HEADER.size :]))
    ports = [one for one in entries if one[3] == 1]
    memory = [one for one in entries if one[3] == 0]

    assert {address - TCO for *_, address, _, _ in ports} == {0x00, 0x08, 0x12}
    assert all((bits, access) == (16, 2) for *_, bits, _, access, _, _, _ in ports)
    assert [(one[4], one[6], one[7]) for one in memory] == [(32, 3, 0xFED1F410)]


def test_running_and_stopping_leave_the_other_bits_alone() -> None:
    entries = {one[0]: one for one in ENTRY.iter_unpack(encode_table()[HEADER.size :])}
    run, stop = entries[9], entries[11]

    assert run[1] == stop[1] == 0x82
    assert (run[-2:], stop[-2:]) == ((0, 0x800), (0x800, 0x800))
