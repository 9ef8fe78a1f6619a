from pathlib import Path

import pytest

from tests.machines.esp_machine import EspMachine, write_pair

FIRST = "2026.11.1"
OLD = b"old system" * 1000


@pytest.fixture
def machine(tmp_path: Path) -> EspMachine:
    """On, with the first system in slot A, blessed."""
    machine = EspMachine(tmp_path / "box", slot_bytes=1 << 20)
    machine.install(FIRST, *write_pair(tmp_path, FIRST, OLD))
    machine.power_on()
    return machine
