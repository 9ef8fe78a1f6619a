"""Where people at the machine ask the agent: a unix socket that every local user may open, for two short questions.

What is asked and answered is in `protocol.desk`. To ask is everybody's; to postpone is for who sits at the machine.
"""

import socket
import struct
import threading
import time
from contextlib import suppress
from pathlib import Path

import msgspec
import structlog

from cebox.agent.box import Box
from cebox.agent.countdown import describe, postpone
from cebox.agent.states import PHASES
from cebox.errors import CeboxError, InvalidInput, NotPermitted
from cebox.protocol.desk import POSTPONE, STATUS, Answer
from cebox.protocol.device import Problem

_log = structlog.get_logger()

_LONGEST_QUESTION = 64
_PATIENCE_SECONDS = 2.0
_MODE = 0o666
_CREDENTIALS = struct.Struct("3i")
_SUPERUSER = 0


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


def _serve(box: Box, listener: socket.socket) -> None:
    while True:
        connection, _ = listener.accept()
        with connection, suppress(OSError):
            question = _read_question(connection)
            connection.sendall(msgspec.json.encode(_answer(box, question, _find_asker(connection))))


def _answer(box: Box, question: bytes, asker: int) -> Answer:
    journal, slots = box.journal.now, box.machine.slots
    running = slots.find_content(slots.get_running())
    try:
        text = _find_text(box, question, asker)
    except CeboxError as error:
        problem = Problem(code=error.code, message=error.message, hint=error.hint)
        return Answer(phase=PHASES[journal.state], problem=problem)
    return Answer(text=text, phase=PHASES[journal.state], running=running.version if running else None)


def _find_text(box: Box, question: bytes, asker: int) -> str:
    if question == POSTPONE:
        _verify_present(box, asker)
        return postpone(box)
    if question != STATUS:
        raise InvalidInput("question_unknown", "the agent knows no such question", hint="Ask status or postpone.")
    power = box.journal.now.power
    return describe(box, power, box.monotonic()) if power is not None and power.due is not None else ""


def _verify_present(box: Box, asker: int) -> None:
    """Services, and people from afar, see no screen; the announcement is not for them. Raises NotPermitted."""
    if asker != _SUPERUSER and not box.machine.people.is_present(asker):
        raise NotPermitted(
            "not_at_the_machine",
            "only who is signed in at this machine's screen can postpone",
            hint="Ask the person who sits there, or your administrator.",
        )


def _find_asker(connection: socket.socket) -> int:
    """The user id at the other end, as the kernel knows it."""
    content = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    _process, user, _group = _CREDENTIALS.unpack(content)
    return int(user)


def _read_question(connection: socket.socket) -> bytes:
    """Up to the end of a line, of the connection, or what is too long to be one; soon, for others wait."""
    until = time.monotonic() + _PATIENCE_SECONDS
    content = b""
    while len(content) < _LONGEST_QUESTION and b"\n" not in content:
        # A timeout of nothing would mean not to wait at all, which is no timeout.
        connection.settimeout(max(until - time.monotonic(), 0.01))
        chunk = connection.recv(_LONGEST_QUESTION - len(content))
        if not chunk or time.monotonic() > until:
            break
        content += chunk
    return content.strip()
