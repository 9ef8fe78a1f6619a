"""`cebox-agent`: the one command on a box. No library beyond the agent's own.

cebox-agent run --dir FOLDER        be the agent (systemd starts it so)
cebox-agent status                  what it is doing, and what is announced
cebox-agent postpone                put an announced restart or shutdown off
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from cebox.agent.main import run_agent
from cebox.errors import CeboxError
from cebox.protocol.desk import DESK_SOCKET, POSTPONE, STATUS, Answer, ask

_FAILED = 1


def main(arguments: Sequence[str]) -> int:
    """The exit code: the agent's own after `run`, else 0, or 1 with the reason on stderr."""
    wanted = _parse(arguments)
    try:
        if wanted.verb == "run":
            return run_agent(wanted.folder)
        answer = ask(wanted.socket, STATUS if wanted.verb == "status" else POSTPONE)
    except CeboxError as error:
        return _refuse(error.message, error.code, error.hint)
    if answer.problem is not None:
        return _refuse(answer.problem.message, answer.problem.code, answer.problem.hint)
    sys.stdout.write("".join(f"{line}\n" for line in _describe(answer, wanted.verb)))
    return 0


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="cebox-agent", description="The program that updates the box it runs on.")
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="COMMAND")
    run = verbs.add_parser("run", help="be the agent until the machine restarts or goes off")
    run.add_argument("--dir", dest="folder", type=Path, required=True, metavar="FOLDER", help="with its agent.toml")
    for verb, text in (("status", "what the agent is doing"), ("postpone", "put an announced restart or shutdown off")):
        asking = verbs.add_parser(verb, help=text)
        asking.add_argument("--socket", type=Path, default=DESK_SOCKET, help=f"the agent's (default: {DESK_SOCKET})")
    return parser.parse_args(arguments)


def _describe(answer: Answer, verb: str) -> list[str]:
    if verb == "postpone":
        return [answer.text]
    lines = [f"running   {answer.running or 'unknown'}", f"state     {answer.phase}"]
    return [*lines, f"announced {answer.text}"] if answer.text else lines


def _refuse(message: str, code: str, hint: str) -> int:
    sys.stderr.write(f"cebox-agent: {message} [{code}]\n" + (f"{hint}\n" if hint else ""))
    return _FAILED
