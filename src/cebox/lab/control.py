"""The lab's remote control: one JSON line asked, one answered, over a unix socket only its owner may open."""

import asyncio
import json
import os
import socket
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, Literal

from cebox.errors import CeboxError, InvalidInput, NotFound, Unavailable

SOCKET_NAME = "lab.sock"
_LONGEST_LINE_BYTES = 64 << 10
# A press of the power button may install a release before power goes (R10).
_ANSWER_SECONDS = 300.0

Verb = Callable[..., Awaitable[Any]]
_FAMILIES: dict[str, type[CeboxError]] = {family.__name__: family for family in (InvalidInput, NotFound, Unavailable)}


class LabControl:
    """The near end, synchronous: what `cebox device power` and `cebox device move` call."""

    def __init__(self, socket_path: Path) -> None:
        self._path = socket_path

    def power(self, name: str, what: Literal["on", "off", "cut"]) -> None:
        """Press the button on or off, or pull the plug. Raises NotFound (`machine_unknown`)."""
        self._ask("power", name=name, what=what)

    def move(self, name: str, place: Literal["site", "away"]) -> None:
        """Carry a box to its site or home. Raises NotFound (`machine_unknown`)."""
        self._ask("move", name=name, place=place)

    def list_machines(self) -> list[dict[str, Any]]:
        """Name, kind, whether it is on, its place and its folder."""
        machines: list[dict[str, Any]] = self._ask("list")
        return machines

    def _ask(self, verb: str, **facts: str) -> Any:
        """Raises Unavailable (`lab_not_running`) when nobody listens."""
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
                line.settimeout(_ANSWER_SECONDS)
                line.connect(str(self._path))
                line.sendall(json.dumps({"verb": verb, **facts}).encode() + b"\n")
                with line.makefile("rb") as answers:
                    answer = json.loads(answers.readline() or b"null")
        except (OSError, ValueError) as error:
            raise Unavailable(
                "lab_not_running",
                f"no lab answers at {self._path}",
                hint="Power and place are for virtual machines: start them with make demo.",
            ) from error
        return _read_answer(answer)


def _read_answer(answer: Any) -> Any:
    if not isinstance(answer, dict):
        raise Unavailable("lab_not_running", "the lab stopped before it answered", hint="Start it with make demo.")
    if problem := answer.get("problem"):
        family = _FAMILIES.get(problem["family"], CeboxError)
        raise family(problem["code"], problem["message"], hint=problem["hint"])
    return answer["result"]


async def serve_control(path: Path, verbs: Mapping[str, Verb]) -> asyncio.Server:
    """The far end. Each verb is a coroutine function of text arguments."""

    async def answer_one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            answer = {"result": await _call(verbs, await reader.readline())}
        except CeboxError as error:
            answer = {"problem": describe_problem(error)}
        writer.write(json.dumps(answer).encode() + b"\n")
        await writer.drain()
        writer.close()

    before = _take_place(path)
    try:
        return await asyncio.start_unix_server(answer_one, path, limit=_LONGEST_LINE_BYTES)
    finally:
        os.umask(before)


def _take_place(path: Path) -> int:
    """A socket left by a killed lab goes; what is made next is the owner's alone. Returns the umask to restore."""
    path.unlink(missing_ok=True)
    return os.umask(0o177)


async def _call(verbs: Mapping[str, Verb], line: bytes) -> Any:
    try:
        facts = json.loads(line)
        verb = verbs[facts.pop("verb")]
    except (ValueError, KeyError, AttributeError) as error:
        raise InvalidInput("lab_verb_unknown", "the lab knows no such verb") from error
    return await verb(**facts)


def describe_problem(error: CeboxError) -> dict[str, str]:
    family = next((name for name, kind in _FAMILIES.items() if isinstance(error, kind)), "")
    return {"family": family, "code": error.code, "message": error.message, "hint": error.hint}
