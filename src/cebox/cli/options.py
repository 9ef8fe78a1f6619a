"""Options that several commands share, and how a group of commands and its examples are declared."""

from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal

import typer

_CONNECTION = "Console"

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON on stdout, and errors as JSON on stderr.")]
ConsoleUrl = Annotated[
    str | None,
    typer.Option(
        "--console",
        metavar="URL",
        help="The console to talk to. Without it: $CEBOX_CONSOLE, then the last sign-in.",
        rich_help_panel=_CONNECTION,
    ),
]
TokenFile = Annotated[
    Path | None,
    typer.Option(
        "--token-file",
        metavar="FILE",
        help="A file with the API token. Without it: $CEBOX_TOKEN_FILE, then the last sign-in.",
        rich_help_panel=_CONNECTION,
    ),
]
OfAccount = Annotated[
    str | None,
    typer.Option(
        "--account",
        metavar="NAME",
        help="For the vendor: the customer account to work on.",
        rich_help_panel=_CONNECTION,
    ),
]
RepositoryFolder = Annotated[
    Path, typer.Option("--repository", metavar="FOLDER", help="The repository's folder.", file_okay=False)
]
KeyringFolder = Annotated[
    Path, typer.Option("--keyring", metavar="FOLDER", help="The keyring's folder.", file_okay=False)
]
DeviceArgument = Annotated[str, typer.Argument(metavar="DEVICE", help="Its name or id.")]
EncodingProfile = Annotated[
    Literal["smallest", "light"],
    typer.Option("--profile", help="smallest: the fewest bytes; light: quickly unpacked by a slow processor."),
]
Floor = Annotated[
    str | None,
    typer.Option(
        "--floor",
        metavar="VERSION",
        help="The lowest version a box may go back to afterwards. Without it: that of the newest earlier release.",
    ),
]
EarlierReleases = Annotated[
    list[Path] | None,
    typer.Option(
        "--from",
        metavar="FOLDER",
        help="An earlier release's folder, or one that holds several, to make patches from; repeatable.",
    ),
]
MostPatches = Annotated[
    int,
    typer.Option("--patches", min=0, metavar="N", help="Make patches from the newest N of the earlier releases."),
]
NotesFr = Annotated[Path | None, typer.Option("--notes-fr", metavar="FILE", help="Release notes in French, Markdown.")]
NotesEn = Annotated[Path | None, typer.Option("--notes-en", metavar="FILE", help="Release notes in English, Markdown.")]
Created = Annotated[
    datetime | None,
    typer.Option("--created", metavar="TIME", help="UTC; the same time and inputs give the same bytes."),
]
IsYes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before sending.")]


def new_group(sentence: str) -> typer.Typer:
    return typer.Typer(help=sentence, no_args_is_help=True, pretty_exceptions_enable=False)


def examples(*lines: str) -> str:
    """The end of a command's help: what one may type, one line each."""
    return "\n".join(["Example:" if len(lines) == 1 else "Examples:", *(f"$ {line}" for line in lines)])
