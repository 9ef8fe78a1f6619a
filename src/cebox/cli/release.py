"""`cebox release`: what is published, in a repository or in the console's catalogue. Making one: `release_making`."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from cebox.cli import release_making
from cebox.cli.caller import Caller, talks_to_console
from cebox.cli.measures import format_bytes
from cebox.cli.options import AsJson, examples, new_group
from cebox.cli.output import print_json, print_table, remark, say
from cebox.cli.repository import open_repository, open_transport, read_root
from cebox.domain.version import Version
from cebox.errors import CeboxError, InvalidInput, Untrusted
from cebox.kit.clock import utc_now
from cebox.protocol.admin import Release, ReleaseSummary

app = new_group("Releases: build, publish, list, show, verify, withdraw.")


class Language(StrEnum):
    FRENCH = "fr"
    ENGLISH = "en"


VersionArgument = Annotated[str, typer.Argument(metavar="VERSION", help="Such as 2026.11.1.")]
RepositoryAddress = Annotated[
    str | None,
    typer.Option("--repository", metavar="FOLDER|URL", help="Read this repository instead of asking the console."),
]
RootFile = Annotated[
    Path | None,
    typer.Option("--root", metavar="FILE", help="With --repository: its trust anchor, the root.json of the keyring."),
]


@app.command(
    "list", epilog=examples("cebox release list", "cebox release list --repository repository --root root.json")
)
@talks_to_console
def list_releases(caller: Caller, repository: RepositoryAddress = None, root: RootFile = None) -> None:
    """List what is published."""
    found = _read_all(repository, _need_root(root)) if repository else caller.client.list_releases()
    if caller.as_json:
        print_json(found)
        return
    from cebox.cli.release_words import COLUMNS, row

    print_table(COLUMNS, map(row, found), empty="Nothing is published yet.")


@app.command(epilog=examples("cebox release show 2026.11.2 --language fr"))
@talks_to_console
def show(
    caller: Caller,
    version: VersionArgument,
    repository: RepositoryAddress = None,
    root: RootFile = None,
    language: Annotated[Language, typer.Option("--language", help="Of the notes.")] = Language.ENGLISH,
) -> None:
    """Show one release: sizes, patches, notes."""
    wanted = Version.parse(version)
    release = _read_one(repository, _need_root(root), wanted) if repository else caller.client.get_release(str(wanted))
    if caller.as_json:
        print_json(release)
        return
    from cebox.cli.release_words import print_release

    print_release(release, language=language.value)


@app.command(epilog=examples("cebox release withdraw 2026.11.2"))
@talks_to_console
def withdraw(caller: Caller, version: VersionArgument) -> None:
    """Withdraw a release: no device is sent it any more."""
    release = caller.client.withdraw_release(str(Version.parse(version)))
    if caller.as_json:
        print_json(release)
    else:
        say(f"{release.version} is withdrawn; devices that run it keep it.")


@app.command(epilog=examples("cebox release refresh"))
@talks_to_console
def refresh(caller: Caller) -> None:
    """Have the console read its repository now, instead of within the next minute."""
    imported = caller.client.refresh_releases()
    if caller.as_json:
        print_json(imported)
    else:
        say(f"New in the catalogue: {', '.join(imported.added)}." if imported.added else "Nothing new.")


@app.command(epilog=examples("cebox release verify --repository https://releases.example.org --root root.json"))
def verify(
    repository: Annotated[str, typer.Option("--repository", metavar="FOLDER|URL", help="The repository to walk.")],
    root: Annotated[Path, typer.Option("--root", metavar="FILE", help="Its trust anchor, the root.json.")],
    as_json: AsJson = False,
) -> None:
    """Check a whole repository: signatures, manifests, and every file against its hash."""
    from cebox.release.trust.verify import verify_repository

    anchor = read_root(root)
    with open_transport(repository) as transport:
        report = verify_repository(transport, anchor, now=utc_now)
    if as_json:
        print_json(
            {
                "is_sound": report.is_sound,
                "versions": [str(version) for version in report.versions],
                "checked_bytes": report.checked_bytes,
                "problems": [{"path": one.path, **_problem_facts(one.error)} for one in report.problems],
            }
        )
    else:
        say(f"{len(report.versions)} releases, {format_bytes(report.checked_bytes)} read.")
        for one in report.problems:
            remark(f"{one.version or 'metadata'}: {one.error}")
    if not report.is_sound:
        raise Untrusted(
            "repository_unsound",
            f"{len(report.problems)} of its files are not what was signed",
            hint="Publish the releases concerned again from their folders, or restore the repository.",
        )
    if not as_json:
        say("Everything is as it was signed.")


release_making.add(app)


def _problem_facts(error: CeboxError) -> dict[str, str]:
    return {"code": error.code, "message": error.message, "hint": error.hint}


def _need_root(root: Path | None) -> Path:
    if root is None:
        raise InvalidInput(
            "root_file_missing",
            "--repository needs --root: without a trust anchor nothing in a repository can be believed",
            hint="Name the root.json that cebox keyring init made.",
        )
    return root


def _read_all(address: str, root: Path) -> list[ReleaseSummary]:
    from cebox.cli.release_words import read_manifest

    with open_repository(address, root) as repository:
        return [read_manifest(repository.get_manifest(version)) for version in repository.list_versions()]


def _read_one(address: str, root: Path, version: Version) -> Release:
    from cebox.cli.release_words import read_manifest

    with open_repository(address, root) as repository:
        return read_manifest(repository.get_manifest(version))
