"""Between the agent of a machine and the person at it.

What is coming stands in a file that everybody may read and only the agent writes (`Coming`; no file: nothing is).
Whoever wants something of the agent asks through its unix socket: one line, `status` or `postpone`, for one JSON
document, after which the connection ends. To postpone is the only right that a person has.
"""

import socket
from pathlib import Path

import msgspec

from cebox.errors import Unavailable
from cebox.protocol.device import Message, Problem

DESK_SOCKET = Path("/run/cebox/agent.sock")
ANNOUNCEMENT = Path("/run/cebox/announcement")
STATUS, POSTPONE = b"status", b"postpone"
_LONGEST_ANSWER = 4096
_PATIENCE_SECONDS = 10.0


class Coming(Message, frozen=True, kw_only=True):
    """A restart, or else a shutdown, `due` at that second of this machine's monotonic clock."""

    is_restart: bool
    due: float
    postpone_seconds: int
    postponements_left: int


class Answer(Message, frozen=True, kw_only=True):
    """`text` is for the person who asked, in the machine's language; with a `problem` nothing was done."""

    text: str = ""
    phase: str = ""
    running: str | None = None
    problem: Problem | None = None


def find_coming(path: Path) -> Coming | None:
    """None when nothing is announced, or nothing that can be read."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Coming)
    except (OSError, msgspec.DecodeError):
        return None


def ask(path: Path, question: bytes) -> Answer:
    """Ask the agent of this machine. Raises Unavailable (`agent_not_reached`)."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(_PATIENCE_SECONDS)
            connection.connect(str(path))
            connection.sendall(question + b"\n")
            return msgspec.json.decode(_read(connection), type=Answer)
    except (OSError, msgspec.DecodeError) as error:
        raise Unavailable(
            "agent_not_reached",
            f"the agent of this machine does not answer at {path}: {error}",
            hint="See whether cebox-agent.service runs, or name its socket with --socket.",
        ) from error


def _read(connection: socket.socket) -> bytes:
    content = b""
    while len(content) < _LONGEST_ANSWER and (chunk := connection.recv(_LONGEST_ANSWER - len(content))):
        content += chunk
    return content
