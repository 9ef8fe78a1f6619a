"""The packet that starts a machine, on a real socket; and where it is sent."""

import socket

import pytest

from cebox.agent.magic_packet import EVERYBODY_HERE, list_targets, make_packet, read_packet, send_packet
from cebox.errors import InvalidInput, Unavailable

ADDRESS = "02:00:5e:10:00:07"


def test_the_packet_names_its_machine_sixteen_times() -> None:
    packet = make_packet(ADDRESS)
    assert packet == b"\xff" * 6 + bytes.fromhex("02005e100007") * 16
    assert read_packet(packet) == ADDRESS


@pytest.mark.parametrize("content", [b"", b"\xff" * 102 + b"\xff", make_packet(ADDRESS)[:-1], b"\x00" * 102])
def test_any_other_packet_starts_nobody(content: bytes) -> None:
    assert read_packet(content) is None


def test_an_address_that_is_none_makes_no_packet() -> None:
    with pytest.raises(InvalidInput):
        make_packet("broadcast")


def test_it_goes_to_everybody_here_and_on_each_network_of_the_site() -> None:
    networks = ["10.20.4.0/24", "nonsense", "2001:db8::/64", "10.0.0.0/8", "192.168.7.9/32", "10.20.4.0/24"]
    assert list_targets(networks) == (EVERYBODY_HERE, "10.20.4.255")


def test_it_arrives_on_a_loopback_socket_more_than_once() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as card:
        card.bind(("127.0.0.1", 0))
        card.settimeout(5)
        send_packet(make_packet(ADDRESS), ["127.0.0.1"], port=card.getsockname()[1])
        assert {read_packet(card.recv(2000)) for _ in range(2)} == {ADDRESS}


def test_a_packet_that_leaves_to_nobody_is_told() -> None:
    with pytest.raises(Unavailable) as caught:
        send_packet(make_packet(ADDRESS), ["256.0.0.1"])
    assert caught.value.code == "lan_unreachable"
