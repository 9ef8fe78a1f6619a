"""Writes docs/cli.md from the commands themselves: `python -m cebox.cli.reference docs/cli.md`."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cebox.cli.app import build_command
from cebox.cli.connection import CONFIG_VARIABLE, CONSOLE_VARIABLE, TOKEN_FILE_VARIABLE
from cebox.cli.exit_codes import MEANINGS
from cebox.cli.power import LAB_VARIABLE

_VARIABLES = {
    CONSOLE_VARIABLE: "the console's address, instead of the last sign-in's",
    TOKEN_FILE_VARIABLE: "a file with an API token, instead of the last sign-in's",
    CONFIG_VARIABLE: "where `cebox login` keeps its token; otherwise `~/.config/cebox/console.json`",
    LAB_VARIABLE: "the socket of the lab of virtual machines; otherwise `.demo/lab.sock`",
    "CEBOX_CONSOLE_<KEY>": "a setting of `cebox console`, over its file",
}
_BAR = "\\|"  # a bar in a cell of a table
_SHARED = ("--json", "--console", "--token-file", "--account")
_INTRODUCTION = """\
# The command line

Generated from the commands by `make docs`. `--json` prints JSON on stdout and nothing else there; progress, warnings
and errors go to stderr. Devices, sites, keys and accounts are named by their name or their id. An error is one line
with its code, `error: … [code]`, and often one `hint: …`; with `--json` it is a JSON object with `code`, `message` and
`hint`."""


def list_commands(command: Any = None, path: str = "cebox") -> Iterator[tuple[str, Any]]:
    """Every command and group below `command`, with the words that call it."""
    command = command or build_command()
    yield path, command
    for name, part in getattr(command, "commands", {}).items():
        yield from list_commands(part, f"{path} {name}")


def render_page() -> str:
    sections = [_INTRODUCTION, _render_exit_codes(), _render_variables(), _render_shared()]
    for path, part in list_commands():
        sections.append(_render_group(path, part) if hasattr(part, "commands") else _render_command(path, part))
    return "\n\n".join(sections) + "\n"


def _render_exit_codes() -> str:
    rows = (f"| {code} | {meaning} |" for code, meaning in MEANINGS.items())
    return "\n".join(("## Exit codes", "", "| code | meaning |", "|---|---|", *rows))


def _render_variables() -> str:
    rows = (f"| `{name}` | {meaning} |" for name, meaning in _VARIABLES.items())
    return "\n".join(("## Environment", "", "| variable | meaning |", "|---|---|", *rows))


def _render_shared() -> str:
    _, command = next(pair for pair in list_commands() if pair[0] == "cebox device list")
    rows = [_render_parameter(parameter) for parameter in command.params if parameter.opts[0] in _SHARED]
    return "\n".join(("## Options of many commands", "", "| word | meaning |", "|---|---|", *rows))


def _render_group(path: str, group: Any) -> str:
    return f"## {path}\n\n{group.help}"


def _render_command(path: str, command: Any) -> str:
    parts = [f"### {path}", command.help, _render_parameters(command)]
    if command.epilog:
        lines = [line.removeprefix("$ ") for line in command.epilog.splitlines()[1:]]
        parts.append("\n".join(("```sh", *lines, "```")))
    return "\n\n".join(part for part in parts if part)


def _render_parameters(command: Any) -> str:
    own = [_render_parameter(one) for one in command.params if one.opts[0] not in _SHARED]
    shared = [f"`{one.opts[0]}`" for one in command.params if one.opts[0] in _SHARED]
    table = "\n".join(("| word | meaning |", "|---|---|", *own)) if own else ""
    also = f"{'Also' if own else 'Takes'} {', '.join(shared)}." if shared else ""
    return "\n\n".join(part for part in (table, also) if part)


def _render_parameter(parameter: Any) -> str:
    words = ", ".join((*parameter.opts, *parameter.secondary_opts))
    if parameter.param_type_name == "argument":
        words = parameter.metavar or parameter.name.upper()
    elif not parameter.is_flag:
        words = f"{words} {parameter.metavar or _render_choices(parameter)}"
    is_needed = parameter.required and parameter.param_type_name == "option"
    meaning = f"{parameter.help or ''}{_render_default(parameter)}{' Needed.' if is_needed else ''}"
    return f"| `{words.replace('|', _BAR)}` | {meaning} |"


def _render_choices(parameter: Any) -> str:
    choices = parameter.type_descriptor.choices
    return "|".join(map(str, choices)) if choices else "N"


def _render_default(parameter: Any) -> str:
    is_told = parameter.param_type_name == "option" and not parameter.is_flag and parameter.default not in (None, "")
    return f" Otherwise `{parameter.default}`." if is_told else ""


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(render_page(), encoding="utf-8")
