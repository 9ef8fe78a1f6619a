"""Many boxes reading one blob, in one process that does as little as it can: it is not what is measured.

Each keeps its connection and asks for one range after the other, as a box does, beginning at a place of its own.
"""

import argparse
import re
import selectors
import socket

_HEAD_END = b"\r\n\r\n"
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)\r\n", re.IGNORECASE)
_SILENCE_SECONDS = 30.0


class Reader:
    """`share_bytes` of the file in ranges of `range_bytes`, wrapping at its end; both fit into it without a rest."""

    def __init__(self, number: int, arguments: argparse.Namespace) -> None:
        self.socket = socket.create_connection(("127.0.0.1", arguments.port))
        self.socket.setblocking(False)
        self.left_bytes = arguments.share_bytes
        self._path = arguments.path
        self._size = arguments.size
        self._range_bytes = arguments.range_bytes
        self._offset = number * arguments.range_bytes % arguments.size
        self._head = b""
        self._is_in_head = True
        self._body_bytes = 0

    def ask(self) -> None:
        last = self._offset + self._range_bytes - 1
        self.socket.send(
            f"GET {self._path} HTTP/1.1\r\nHost: bench\r\nRange: bytes={self._offset}-{last}\r\n\r\n".encode()
        )
        self._offset = (last + 1) % self._size
        self._body_bytes, self._is_in_head = self._range_bytes, True

    def take(self, buffer: memoryview) -> None:
        """What has come, until nothing more is there; asks for the next range at the end of one."""
        while self.left_bytes:
            try:
                count = self.socket.recv_into(buffer)
            except BlockingIOError:
                return
            if not count:
                raise ConnectionError("the server closed the connection")
            if self._is_in_head:
                count = self._skip_head(buffer[:count])
            self._body_bytes -= count
            self.left_bytes -= count
            if self._body_bytes == 0 and self.left_bytes:
                self.ask()

    def _skip_head(self, chunk: memoryview) -> int:
        """How many of the bytes are the body's."""
        self._head += bytes(chunk[:4096])
        head, end, rest = self._head.partition(_HEAD_END)
        if not end:
            return 0
        length = _LENGTH.search(head + b"\r\n")
        if not head.startswith(b"HTTP/1.1 206 ") or length is None or int(length[1]) != self._range_bytes:
            raise ConnectionError(f"not the range that was asked for: {head[:200]!r}")
        self._head, self._is_in_head = b"", False
        return len(rest) + max(0, len(chunk) - 4096)


def read_all(arguments: argparse.Namespace) -> None:
    buffer = memoryview(bytearray(1 << 20))
    with selectors.DefaultSelector() as selector:
        readers = [Reader(number, arguments) for number in range(arguments.first, arguments.first + arguments.boxes)]
        for reader in readers:
            selector.register(reader.socket, selectors.EVENT_READ, reader)
            reader.ask()
        while readers:
            ready = selector.select(_SILENCE_SECONDS)
            if not ready:
                raise TimeoutError("the server went silent")
            for key, _ in ready:
                key.data.take(buffer)
                if not key.data.left_bytes:
                    selector.unregister(key.fileobj)
                    readers.remove(key.data)
                    key.data.socket.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("path")
    for name in ("port", "size", "range-bytes", "share-bytes", "first", "boxes"):
        parser.add_argument(f"--{name}", type=int, required=True)
    read_all(parser.parse_args())


if __name__ == "__main__":
    main()
