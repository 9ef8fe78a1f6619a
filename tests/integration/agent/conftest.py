from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.integration.agent.vendor import (
    FIRST,
    HANG,
    LARGE,
    PANIC,
    SECOND,
    SIZE_BYTES,
    THIRD,
    UNHEALTHY,
    Vendor,
    open_vendor,
)
from tests.integration.agent.virtual_box import VirtualBox, make_box
from tests.made_once import MakeOnce
from tests.servers.device_console import DeviceConsole
from tests.servers.range_server import RangeServer

MakeBox = Callable[..., VirtualBox]


@pytest.fixture(scope="session")
def vendor(make_once: MakeOnce) -> Vendor:
    """Read only: a test that publishes makes its own."""
    made: Vendor = make_once("agent-vendor", _make_vendor)
    return made


def _make_vendor(folder: Path) -> Vendor:
    vendor = open_vendor(folder)
    vendor.publish(FIRST, previous=None)
    vendor.publish(SECOND)
    vendor.publish(THIRD, previous=SECOND)
    vendor.publish(UNHEALTHY, behaviour="unhealthy")
    vendor.publish(PANIC, behaviour="panic")
    vendor.publish(HANG, behaviour="hang")
    vendor.publish(LARGE, size_bytes=10 * SIZE_BYTES)
    return vendor


@pytest.fixture
def repository(vendor: Vendor) -> Iterator[RangeServer]:
    with RangeServer(vendor.repository) as server:
        yield server


@pytest.fixture
def console(repository: RangeServer) -> Iterator[DeviceConsole]:
    with DeviceConsole(repository_url=repository.url) as console:
        yield console


@pytest.fixture
def new_box(tmp_path: Path, vendor: Vendor, console: DeviceConsole) -> Iterator[MakeBox]:
    """Makes a box of the test's console; every one is switched off afterwards."""
    boxes: list[VirtualBox] = []

    def make(name: str = "box", **settings: object) -> VirtualBox:
        box = make_box(tmp_path / name, vendor, console.url, **settings)  # type: ignore[arg-type]
        boxes.append(box)
        return box

    yield make
    for box in boxes:
        box.stop()


@pytest.fixture
def box(new_box: MakeBox, console: DeviceConsole) -> VirtualBox:
    """Away from any site, on, enrolled."""
    box = new_box()
    box.power_on()
    console.wait_for(lambda: bool(console.devices) and bool(console.device.observed))
    return box
