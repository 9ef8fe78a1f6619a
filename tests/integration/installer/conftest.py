"""One vendor with one release, one stick of it, and a machine to start from it."""

from pathlib import Path

import pytest

from tests.machines.blank_machine import BlankMachine
from tests.machines.key_maker import KeyMaker


@pytest.fixture(scope="session")
def maker(tmp_path_factory: pytest.TempPathFactory) -> KeyMaker:
    maker = KeyMaker(tmp_path_factory.mktemp("vendor"))
    maker.publish()
    return maker


@pytest.fixture(scope="session")
def stick(maker: KeyMaker, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return maker.write_stick(tmp_path_factory.mktemp("stick") / "stick.img")


@pytest.fixture
def machine(tmp_path: Path, stick: Path) -> BlankMachine:
    """Started from the stick; without a disk."""
    machine = BlankMachine(tmp_path / "machine")
    machine.start_from(stick)
    return machine
