"""Where people at the machine ask the agent: a unix socket that every local user may open, for two short questions.

A question is one line, `status` or `postpone`; the answer is one JSON document, after which the connection ends.
"""

import socket
import threading
from contextlib import suppress
from pathlib import Path

import msgspec
import structlog

from cebox.agent.box import Box
from cebox.agent.countdown import describe, postpone
from cebox.agent.states import PHASES
from cebox.errors import CeboxError, InvalidInput, Unavailable
from cebox.protocol.device import Problem

_log = structlog.get_logger()

STATUS, POSTPONE = b"status", b"postpone"
_LONGEST_QUESTION = 64
_LONGEST_ANSWER = 4096
_PATIENCE_SECONDS = 2.0
_MODE = 0o666


class Answer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`text` is for the person who asked; with a `problem` nothing was done."""

    text: str = ""
    phase: str = ""
    running: str | None = None
    problem: Problem | None = None


def open_desk(box: Box, path: Path) -> None:
    """Answer from now on, in a thread. A desk that cannot be opened is logged: the box works without it."""
    try:
        path.unlink(missing_ok=True)
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listener.bind(str(path))
        path.chmod(_MODE)
        listener.listen(8)
    except OSError as error:
        _log.warning("desk_not_open", reason=str(error))
        return
    threading.Thread(target=_serve, args=(box, listener), name="desk", daemon=True).start()


def ask(path: Path, question: bytes) -> Answer:
    """Ask the agent of this machine. Raises Unavailable (`agent_not_reached`)."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(5 * _PATIENCE_SECONDS)
            connection.connect(str(path))
            connection.sendall(question + b"\n")
            return msgspec.json.decode(_read(connection, b"", _LONGEST_ANSWER), type=Answer)
    except (OSError, msgspec.DecodeError) as error:
        raise Unavailable(
            "agent_not_reached",
            f"the agent of this machine does not answer at {path}: {error}",
            hint="See whether cebox-agent.service runs, or name its socket with --socket.",
        ) from error


def _serve(box: Box, listener: socket.socket) -> None:
    while True:
        connection, _ = listener.accept()
        with connection, suppress(OSError):
            connection.settimeout(_PATIENCE_SECONDS)
            question = _read(connection, b"\n", _LONGEST_QUESTION).strip()
            connection.sendall(msgspec.json.encode(_answer(box, question)))


def _answer(box: Box, question: bytes) -> Answer:
    journal, slots = box.journal.now, box.machine.slots
    running = slots.find_content(slots.get_running())
    try:
        text = _find_text(box, question)
    except CeboxError as error:
        problem = Problem(code=error.code, message=error.message, hint=error.hint)
        return Answer(phase=PHASES[journal.state], problem=problem)
    return Answer(text=text, phase=PHASES[journal.state], running=running.version if running else None)


def _find_text(box: Box, question: bytes) -> str:
    if question == POSTPONE:
        return postpone(box)
    if question != STATUS:
        raise InvalidInput("question_unknown", "the agent knows no such question", hint="Ask status or postpone.")
    power = box.journal.now.power
    return describe(box, power, box.monotonic()) if power is not None and power.due is not None else ""


def _read(connection: socket.socket, end: bytes, most: int) -> bytes:
    """Up to `end`, to the end of the connection, or `most` bytes."""
    content = b""
    while len(content) < most and not (end and end in content) and (chunk := connection.recv(most - len(content))):
        content += chunk
    return content
