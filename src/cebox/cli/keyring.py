"""`cebox keyring`: the vendor's signing keys and the trust anchor that boxes are given."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from cebox.cli.connection import read_secret
from cebox.cli.options import AsJson, KeyringFolder, RepositoryFolder, examples, new_group
from cebox.cli.output import print_json, say
from cebox.kit.clock import utc_now

app = new_group("The vendor's signing keys.")

PassphraseFile = Annotated[
    Path | None,
    typer.Option("--passphrase-file", metavar="FILE", help="A file with the passphrase of the offline keys."),
]


@app.command(epilog=examples("cebox keyring init keyring --repository repository"))
def init(
    keyring: Annotated[Path, typer.Argument(metavar="KEYRING", help="A new folder for the keys.")],
    repository: RepositoryFolder,
    passphrase_file: PassphraseFile = None,
    as_json: AsJson = False,
) -> None:
    """Create the signing keys and an empty, signed repository."""
    from cebox.release.publishing.sign import Keyring

    made = Keyring.init(keyring, repository, clock=utc_now, passphrase=_read_passphrase(passphrase_file))
    if as_json:
        print_json({"keyring": keyring, "repository": repository, "root": made.anchor_path})
        return
    say(f"Keys: {keyring}")
    say(f"Repository: {repository}")
    say(f"Trust anchor, for boxes and the console: {made.anchor_path}")
    say(f"Now take {keyring / 'offline'} away from this machine: publishing does not need it.")


@app.command(epilog=examples("cebox keyring rotate releases --keyring keyring --repository repository"))
def rotate(
    key: Annotated[
        Literal["releases", "root"], typer.Argument(metavar="releases|root", help="The publisher's key, or the root's.")
    ],
    keyring: KeyringFolder,
    repository: RepositoryFolder,
    passphrase_file: PassphraseFile = None,
    as_json: AsJson = False,
) -> None:
    """Replace a key; boxes follow by themselves. Needs the offline keys."""
    from cebox.release.publishing.sign import Keyring

    passphrase = _read_passphrase(passphrase_file)
    loaded = Keyring.load(keyring, passphrase=passphrase)
    if key == "root":
        loaded.rotate_root(repository, clock=utc_now, passphrase=passphrase)
    else:
        loaded.rotate_releases(repository, clock=utc_now)
    if as_json:
        print_json({"rotated": key, "root": loaded.anchor_path})
    else:
        say(f"The {key} key is replaced; {repository} says so to every box.")


def _read_passphrase(path: Path | None) -> str | None:
    return read_secret(path) if path else None
