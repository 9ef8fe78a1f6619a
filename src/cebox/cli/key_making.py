"""`cebox key make`: a bootable stick, from a key of the console and a release of the signed repository."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal
from urllib.parse import urlsplit

import typer

from cebox.cli.caller import Caller, works_on_account
from cebox.cli.choose import choose
from cebox.cli.measures import format_bytes
from cebox.cli.options import examples
from cebox.cli.output import print_json, remark, say
from cebox.cli.progress import show_progress
from cebox.cli.repository import open_transport, read_root
from cebox.domain.device import DeviceKind
from cebox.domain.version import Version
from cebox.errors import Conflict, InvalidInput
from cebox.kit.clock import utc_now
from cebox.protocol.admin import Account, NewKey, Site

if TYPE_CHECKING:
    from cebox.keys.release_source import SignedRelease

# Nobody waits for an image that was not asked for in so long.
_KEPT = timedelta(days=14)


def add(app: typer.Typer) -> None:
    app.command(
        epilog=examples(
            "cebox key make stick-lyon --site Lyon --uses 10 --root root.json --output stick-lyon.img.zst",
            "cebox key make wrs-lyon --site Lyon --kind wrs --server-url http://10.20.4.2:8420 --root root.json"
            " --output wrs-lyon.img",
            "zstd -dc stick-lyon.img.zst | sudo dd of=/dev/sdX bs=4M oflag=direct status=progress",
        )
    )(make)


@works_on_account
def make(
    caller: Caller,
    name: Annotated[str, typer.Argument(metavar="NAME", help="What the stick is called.")],
    output: Annotated[
        Path, typer.Option("--output", metavar="FILE", help="A new file: .img for dd, .img.zst packed.", dir_okay=False)
    ],
    root: Annotated[
        Path, typer.Option("--root", metavar="FILE", help="The vendor's trust anchor, root.json.", dir_okay=False)
    ],
    site: Annotated[str | None, typer.Option("--site", metavar="SITE", help="Where its machines stand.")] = None,
    kind: Annotated[Literal["cebox", "wrs"], typer.Option("--kind", help="What its machines become.")] = "cebox",
    uses: Annotated[int, typer.Option("--uses", min=1, help="How many machines it may enrol.")] = 1,
    days: Annotated[int, typer.Option("--days", min=1, help="How long it may enrol them.")] = 30,
    repository: Annotated[
        str | None,
        typer.Option("--repository", metavar="FOLDER|URL", help="The releases; without it: where the console says."),
    ] = None,
    enrol_at: Annotated[
        str | None,
        typer.Option("--enrol-at", metavar="URL", help="The console as its machines reach it, if not as you do."),
    ] = None,
    machine_name: Annotated[
        str | None,
        typer.Option("--machine-name", metavar="NAME", help="Without it: the kind and the network card's address."),
    ] = None,
    server_url: Annotated[
        str | None,
        typer.Option("--server-url", metavar="URL", help="Of a WRS: its address on its site, with port 8420."),
    ] = None,
    language: Annotated[Literal["en", "fr"], typer.Option("--language", help="Of the installer's screen.")] = "en",
    afterwards: Annotated[
        Literal["reboot", "poweroff"], typer.Option("--afterwards", help="What a machine does once it is installed.")
    ] = "reboot",
) -> None:
    """Make a bootable USB stick that installs the account's version and enrols the machine."""
    from cebox.keys.contents import Afterwards, InstallSettings, Language
    from cebox.keys.fat import TOOLS
    from cebox.keys.stick import open_stick
    from cebox.keys.writing import verify_writable, write_stick
    from cebox.kit.tools import verify_tools

    verify_tools(TOOLS)
    verify_writable(output)
    _verify_urls(kind, server_url, enrol_at)
    account = _get_account(caller)
    standing = choose(site, caller.client.list_sites(account.id), kind="site") if site else None
    source = caller.client.get_key_source()
    release, images = _fetch(repository or source.repository_url, read_root(root), Version.parse(account.version))
    with _new_key(caller, account, standing, name=name, kind=kind, uses=uses, days=days) as key:
        settings = InstallSettings(
            console_url=enrol_at or source.console_url or caller.console_url,
            token=key.token,
            key=name,
            account=account.name,
            site=standing.name if standing else None,
            kind=DeviceKind(kind),
            version=account.version,
            made_at=utc_now(),
            machine_name=machine_name,
            server_url=server_url,
            language=Language(language),
            afterwards=Afterwards(afterwards),
        )
        with (
            open_stick(release, *images, settings, output.absolute().parent) as stick,
            show_progress(f"writing {output.name}") as report,
        ):
            write_stick(stick, output, report)
    _warn(settings.console_url)
    _tell(caller, output, key, uses=uses, stick_bytes=stick.size_bytes)


def _verify_urls(kind: str, server_url: str | None, enrol_at: str | None) -> None:
    from cebox.keys.contents import is_url

    if server_url is not None and kind != "wrs":
        raise InvalidInput(
            "server_url_needs_wrs", "only a WRS has an address of its own", hint="Add --kind wrs, or leave it out."
        )
    for url in (server_url, enrol_at):
        if url is not None and not is_url(url):
            raise InvalidInput(
                "url_malformed", f"{url!r} is no address", hint="Write it as https://console.example.org."
            )


def _get_account(caller: Caller) -> Account:
    account_id = caller.account_id or caller.client.get_me().account_id
    if account_id is None:
        raise InvalidInput("account_missing", "no account is named", hint="Name it with --account.")
    return choose(account_id, caller.client.list_accounts(), kind="account")


def _fetch(address: str, root: bytes, version: Version) -> "tuple[SignedRelease, tuple[Path, Path]]":
    """The images stay for the next stick, in the user's cache."""
    import tempfile

    from cebox.keys.release_source import ImageStore, fetch_signed
    from cebox.release.trust.repository import TrustedRepository

    store = ImageStore(Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "cebox/keys")
    with open_transport(address) as transport, tempfile.TemporaryDirectory(prefix="cebox-") as state:
        release = fetch_signed(TrustedRepository(transport, Path(state), root, now=utc_now), version)
        with show_progress(f"fetching {version}") as report:
            boot, image = store.fetch_images(release.images, transport, report)
    store.discard_unused(utc_now() - _KEPT)
    return release, (boot, image)


@contextmanager
def _new_key(
    caller: Caller, account: Account, site: Site | None, *, name: str, kind: str, uses: int, days: int
) -> Iterator[NewKey]:
    """A key that is revoked again when its stick is not made: nobody would know its token."""
    key = caller.client.create_key(
        name, kind=kind, site_id=site.id if site else None, uses=uses, days=days, account=account.id
    )
    try:
        if key.version != account.version:
            raise Conflict(
                "account_moved",
                f"the account has moved from {account.version} to {key.version} meanwhile",
                hint="Run the same command again.",
            )
        yield key
    except BaseException:
        caller.client.revoke_key(key.id)
        raise


def _warn(console_url: str) -> None:
    host = urlsplit(console_url).hostname or ""
    if host == "localhost" or host.startswith("127.") or host == "::1":
        remark(f"Its machines will look for the console at {console_url}: only this machine finds it there.")
        remark("Name the address they reach with --enrol-at, or set public_url in the console's settings.")


def _tell(caller: Caller, output: Path, key: NewKey, *, uses: int, stick_bytes: int) -> None:
    if caller.as_json:
        facts = {"id": key.id, "version": key.version, "expires_at": key.expires_at}
        print_json({**facts, "output": output, "image_bytes": stick_bytes, "file_bytes": output.stat().st_size})
        return
    say(f"{output}: installs {key.version}, enrols {uses} until {key.expires_at:%Y-%m-%d}.")
    say(
        f"A stick of {format_bytes(stick_bytes)} or more is needed. Whoever holds it can enrol a machine: keep it safe."
    )
    unpack = f"zstd -dc {output} | sudo dd" if output.suffix == ".zst" else f"sudo dd if={output}"
    remark(f"Write it with: {unpack} of=/dev/sdX bs=4M oflag=direct status=progress")
