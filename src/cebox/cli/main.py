"""The `cebox` command: what was typed, to the program that does it, to an exit code."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import cast

from cebox.cli.exit_codes import INTERRUPTED, OK, USAGE, exit_code
from cebox.cli.hints import choose_hint
from cebox.cli.output import remark
from cebox.errors import CeboxError, InvalidInput


def main() -> None:
    """Entry point."""
    sys.exit(run(sys.argv[1:]))


def run(words: Sequence[str]) -> int:
    """Do what `words` say; the exit code of `docs/cli.md`."""
    as_json = "--json" in words
    try:
        return _dispatch(words)
    except CeboxError as error:
        _report(error, as_json=as_json)
        return exit_code(error)
    except KeyboardInterrupt:
        return INTERRUPTED


def _dispatch(words: Sequence[str]) -> int:
    folder = _find_box_folder(words)
    if folder is None:
        return _run_typed(words)
    _do_without_colours()
    return _run_agent(folder) if words[0] == "agent" else _run_wrs(folder)


def _find_box_folder(words: Sequence[str]) -> Path | None:
    """`agent run --dir X` and `wrs serve --dir X` run for years on boxes that have no other command to offer.

    Said in exactly these words they start without the libraries of the interactive commands, which boxes do not have.
    """
    match list(words):
        case ["agent", "run", "--dir", folder] | ["wrs", "serve", "--dir", folder]:
            return Path(folder)
    return None


def _do_without_colours() -> None:
    """structlog loads rich wherever it is installed, to colour traces; JSON lines have none, and a box its memory."""
    sys.modules.setdefault("rich", cast(ModuleType, None))


def _run_agent(folder: Path) -> int:
    from cebox.agent.main import run_agent

    return run_agent(folder)


def _run_wrs(folder: Path) -> int:
    from cebox.cli.extras import needing

    with needing("wrs"):
        from cebox.wrs.main import run_wrs
    return run_wrs(folder)


def _run_typed(words: Sequence[str]) -> int:
    from cebox.cli.extras import needing

    with needing("cli"):
        import typer

        from cebox.cli.app import build_command
    try:
        return int(build_command().main(args=list(words), prog_name="cebox", standalone_mode=False) or OK)
    except typer.TyperException as error:
        return _report_usage(error, as_json="--json" in words)
    except typer.Abort:
        sys.stderr.write("\n")
        return INTERRUPTED


def _report_usage(error: Exception, *, as_json: bool) -> int:
    """Words that no command knows; without any, its help was already printed."""
    context = getattr(error, "ctx", None)
    message = error.format_message() if hasattr(error, "format_message") else str(error)
    if message:
        hint = f"{context.command_path} --help" if context else "cebox --help"
        _report(
            InvalidInput("usage", " ".join(message.replace("Value error, ", "").split()), hint=hint), as_json=as_json
        )
    return USAGE


def _report(error: CeboxError, *, as_json: bool) -> None:
    hint = choose_hint(error)
    if as_json:
        problem = {"code": error.code, "message": error.message, "hint": hint}
        sys.stderr.write(json.dumps(problem, ensure_ascii=False) + "\n")
        return
    remark(f"error: {error.message} [{error.code}]")
    if hint:
        remark(f"hint: {hint}")


if __name__ == "__main__":
    main()
