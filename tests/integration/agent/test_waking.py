"""A WRS starts a machine of its site: the order, the packet on a real socket, and what the console hears."""

import socket
from collections.abc import Iterator

import msgspec
import pytest

from cebox.agent.magic_packet import read_packet
from cebox.agent.virtual.ports import LAN_FILE, LanFile, find_lan_address
from cebox.protocol.device import Order, ReportedEvent
from tests.integration.agent.vendor import SECOND
from tests.integration.agent.virtual_box import VirtualBox
from tests.servers.device_console import DeviceConsole
from tests.servers.range_server import RangeServer

ADDRESSES = ("02:00:5e:10:00:07", "02:00:5e:10:00:08")
START = Order(id="act_start", kind="start", lan_addresses=ADDRESSES)


@pytest.fixture
def card() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as card:
        card.bind(("127.0.0.1", 0))
        card.settimeout(20)
        yield card


def plug_in(box: VirtualBox, card: socket.socket) -> None:
    (box.folder / LAN_FILE).write_bytes(msgspec.json.encode(LanFile(card.getsockname()[1])))


def test_an_order_to_start_is_sent_to_every_card_and_told(
    box: VirtualBox, console: DeviceConsole, card: socket.socket
) -> None:
    plug_in(box, card)
    console.give_order(START)

    called = {read_packet(card.recv(2000)) for _ in range(6)}

    assert called == set(ADDRESSES)
    console.wait_for_result(START.id, ReportedEvent.REBOOT)
    assert console.device.last_observed.lan_addresses == (find_lan_address(box.folder),)


def test_a_wrs_that_downloads_starts_its_boxes_all_the_same(
    box: VirtualBox, console: DeviceConsole, repository: RangeServer, card: socket.socket
) -> None:
    plug_in(box, card)
    repository.faults.only_path = "blobs/"
    repository.faults.hold_after_bytes = 300_000
    console.give_order(Order(id="u1", kind="update", version=SECOND))
    assert repository.held.wait(20)

    console.give_order(START)
    console.wait_for_result(START.id, ReportedEvent.REBOOT)
    repository.let_go()

    console.wait_for_result("u1", ReportedEvent.STAGE)


def test_what_cannot_be_sent_is_told_with_the_reason(box: VirtualBox, console: DeviceConsole) -> None:
    console.give_order(START)
    assert console.wait_for_result(START.id, ReportedEvent.FAIL).code == "lan_unreachable"


def test_an_order_that_names_nobody_is_refused(box: VirtualBox, console: DeviceConsole) -> None:
    console.give_order(Order(id="act_nobody", kind="start"))
    assert console.wait_for_result("act_nobody", ReportedEvent.REFUSE).code == "no_lan_address"
