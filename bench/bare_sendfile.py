"""The yardstick of `make bench-serve`: a thread per connection, and in it nothing but `sendfile`.

It reads as much of a request as it must, checks nothing, and serves one file. No server can do the same work for less.
"""

import os
import re
import socket
import sys
import threading
from pathlib import Path

_RANGE = re.compile(rb"\r\nRange: bytes=(\d+)-(\d+)\r\n", re.IGNORECASE)
_HEAD = b"HTTP/1.1 206 Partial Content\r\nContent-Length: %d\r\nContent-Range: bytes %d-%d/%d\r\n\r\n"


def serve(path: Path) -> None:
    with path.open("rb") as stream, socket.create_server(("127.0.0.1", 0), backlog=512) as listener:
        sys.stdout.write(f"{listener.getsockname()[1]}\n")
        sys.stdout.flush()
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=_answer, args=(connection, stream.fileno()), daemon=True).start()


def _answer(connection: socket.socket, file: int) -> None:
    size = os.fstat(file).st_size
    with connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while request := connection.recv(4096):
            asked = _RANGE.search(request)
            assert asked, "the readers of this measurement always ask for a range"
            start, last = int(asked[1]), int(asked[2])
            connection.sendall(_HEAD % (last + 1 - start, start, last, size))
            while start <= last:
                start += os.sendfile(connection.fileno(), file, start, last + 1 - start)


if __name__ == "__main__":
    serve(Path(sys.argv[1]))
