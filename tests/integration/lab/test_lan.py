"""The switch of a site's network, by lines that speak as a machine's network card does."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from cebox.lab.hands import wait_for
from cebox.lab.vm.lan import Lan

EVERYBODY = b"\xff" * 6


class Card:
    def __init__(self, lan: Lan, number: int) -> None:
        host, _, port = lan.netdev.partition("connect=")[2].partition(":")
        self.address = bytes([0x52, 0x54, 0, 0, 0, number])
        self._line = socket.create_connection((host, int(port)), timeout=20)

    def send(self, target: bytes, words: bytes) -> None:
        frame = target + self.address + b"\x88\xb5" + words
        self._line.sendall(len(frame).to_bytes(4, "big") + frame)

    def receive(self) -> bytes:
        """The next words of ours; what the router says to everybody is passed over."""
        while True:
            frame = self._read(int.from_bytes(self._read(4), "big"))
            if frame[12:14] == b"\x88\xb5":
                return frame[14:]

    def close(self) -> None:
        self._line.close()

    def _read(self, size: int) -> bytes:
        content = b""
        while len(content) < size:
            chunk = self._line.recv(size - len(content))
            assert chunk, "the switch hung up"
            content += chunk
        return content


@pytest.fixture
def cards(tmp_path: Path) -> Iterator[list[Card]]:
    with Lan(tmp_path / "lan.log") as lan, ExitStack() as stack:
        cards = [Card(lan, number) for number in range(3)]
        for card in cards:
            stack.callback(card.close)
        wait_for("every line to be served", lambda: lan.count_lines() == 1 + len(cards), seconds=20)
        _introduce(cards)
        yield cards


def _introduce(cards: list[Card]) -> None:
    """Each is heard by each, and its place known."""
    for card in cards:
        card.send(EVERYBODY, b"hello")
    for card in cards:
        assert [card.receive() for _ in cards[1:]] == [b"hello", b"hello"]


def test_what_is_meant_for_one_reaches_that_one_alone(cards: list[Card]) -> None:
    first, second, third = cards

    first.send(second.address, b"for you")
    first.send(EVERYBODY, b"for all")

    assert [second.receive(), second.receive()] == [b"for you", b"for all"]
    assert third.receive() == b"for all"
