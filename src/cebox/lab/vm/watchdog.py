"""The watchdog of the emulated board: its chipset has one, its firmware does not tell; so a table of ours does. Pure.

Source: "Hardware Watchdog Timers Design Specification" (the ACPI table WDAT), the chipset's data sheet (ICH9, chapter
13.9). Whatever kernel knows such a table finds the watchdog by it, that of machines in the cloud among them.
"""

import struct

# Where the firmware puts the chipset's registers.
_TCO = 0x660
_RELOAD, _CONTROL, _TIMER = _TCO + 0x00, _TCO + 0x08, _TCO + 0x12
_GENERAL_CONTROL = 0xFED1F410
_HALT, _NO_REBOOT, _COUNT = 0x800, 0x20, 0x3FF
# It counts down twice before it acts, 0.6 s a count.
_PERIOD_MILLISECONDS, _MOST, _LEAST = 1200, 0x3FF, 4
_IS_ENABLED = 0x01
_HEADER = struct.Struct("<IHBBB3xIIIB3xI")
_ENTRY = struct.Struct("<BBxxBBBBQII")
_NO_DEVICE = (0xFF, 0xFF, 0xFF, 0xFF)
_MEMORY, _PORT = 0, 1
_READ_COUNT, _WRITE, _WRITE_COUNT, _KEEPING_THE_REST = 0x01, 0x02, 0x03, 0x80
_RESET, _GET_COUNT, _SET_COUNT, _RUN, _STOP, _MAY_REBOOT = 1, 5, 6, 9, 11, 17


def encode_table() -> bytes:
    """The table's body; what puts it among the others writes its head."""
    entries = (
        _encode(_RESET, _WRITE, _RELOAD, 1, 0x1FF),
        _encode(_GET_COUNT, _READ_COUNT, _TIMER, 0, _COUNT),
        _encode(_SET_COUNT, _WRITE_COUNT, _TIMER, 0, _COUNT),
        _encode(_RUN, _WRITE | _KEEPING_THE_REST, _CONTROL, 0, _HALT),
        _encode(_STOP, _WRITE | _KEEPING_THE_REST, _CONTROL, _HALT, _HALT),
        _encode(_MAY_REBOOT, _WRITE | _KEEPING_THE_REST, _GENERAL_CONTROL, 0, _NO_REBOOT),
    )
    limits = (_PERIOD_MILLISECONDS, _MOST, _LEAST, _IS_ENABLED)
    return _HEADER.pack(_HEADER.size, *_NO_DEVICE, *limits, len(entries)) + b"".join(entries)


def _encode(action: int, instruction: int, address: int, value: int, mask: int) -> bytes:
    space, bits, access = (_MEMORY, 32, 3) if address == _GENERAL_CONTROL else (_PORT, 16, 2)
    return _ENTRY.pack(action, instruction, space, bits, 0, access, address, value, mask)
