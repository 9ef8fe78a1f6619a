"""What commands print: tables and sentences for people, or JSON alone on stdout with `--json`."""

import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from cebox.domain.text import is_printable

# Wide enough that nothing is cut when a program or a file reads the table.
_UNLIMITED_WIDTH = 1000


def clean(text: object) -> str:
    """One line that a terminal cannot be commanded by: names and messages come from elsewhere."""
    return "".join(character if is_printable(character) else "\N{REPLACEMENT CHARACTER}" for character in str(text))


def print_json(value: Any) -> None:
    content = msgspec.json.encode(value, enc_hook=str)
    sys.stdout.write(msgspec.json.format(content, indent=2).decode() + "\n")


def say(sentence: str) -> None:
    """A line for people on stdout."""
    sys.stdout.write(clean(sentence) + "\n")


def remark(sentence: str) -> None:
    """A line for people on stderr: what goes on, warnings; never part of the answer."""
    sys.stderr.write(clean(sentence) + "\n")
    sys.stderr.flush()


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, empty: str) -> None:
    """`None` prints as `-`; without a row, the sentence `empty` stands on stderr."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(*columns, box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for row in rows:
        table.add_row(*(Text("-" if cell is None else clean(cell)) for cell in row))
    if not table.row_count:
        remark(empty)
        return
    is_terminal = sys.stdout.isatty()
    Console(width=None if is_terminal else _UNLIMITED_WIDTH).print(table, soft_wrap=not is_terminal)


def print_facts(facts: Mapping[str, object]) -> None:
    """Name and value, one per line, aligned."""
    width = max(len(name) for name in facts)
    for name, value in facts.items():
        say(f"{name:<{width}}  {'-' if value is None or value == '' else value}")


def is_interactive() -> bool:
    """Somebody is there to answer a question."""
    return sys.stdin.isatty() and sys.stderr.isatty()
