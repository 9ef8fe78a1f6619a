"""Sticks made of keys of a running console, as `cebox key make` makes them."""

import tempfile
from dataclasses import dataclass
from pathlib import Path

from cebox.domain.device import DeviceKind
from cebox.domain.version import Version
from cebox.keys.contents import Afterwards, InstallSettings
from cebox.keys.release_source import ImageStore, fetch_signed
from cebox.keys.stick import open_stick
from cebox.keys.writing import write_stick
from cebox.kit.clock import utc_now
from cebox.protocol.admin import Account
from cebox.protocol.admin_client import AdminClient
from cebox.release.network.transport import FolderTransport
from cebox.release.trust.repository import TrustedRepository

_DAYS = 30


@dataclass(frozen=True, slots=True)
class Wanted:
    """One machine, and the stick for it alone. `server_url`: of a WRS, where its site reaches it."""

    name: str
    kind: DeviceKind = DeviceKind.CEBOX
    site: str | None = None
    server_url: str | None = None


class StickMaker:
    """`repository` is the vendor's folder, `anchor` its root metadata; images are fetched once into `folder`."""

    def __init__(self, folder: Path, repository: Path, anchor: bytes) -> None:
        self._folder = folder
        self._transport = FolderTransport(repository)
        self._anchor = anchor
        self._store = ImageStore(folder / "images")

    def make(self, console: AdminClient, account: Account, wanted: Wanted) -> Path:
        """Installs the account's version. Raises what the console refuses, and what making a stick raises."""
        self._folder.mkdir(parents=True, exist_ok=True)
        sites = {site.name: site.id for site in console.list_sites(account.id)}
        key = console.create_key(
            wanted.name,
            kind=wanted.kind,
            site_id=sites[wanted.site] if wanted.site else None,
            uses=1,
            days=_DAYS,
            account=account.id,
        )
        settings = InstallSettings(
            console_url=console.get_key_source().console_url,
            token=key.token,
            key=wanted.name,
            account=account.name,
            site=wanted.site,
            kind=wanted.kind,
            version=key.version,
            made_at=utc_now(),
            machine_name=wanted.name,
            server_url=wanted.server_url,
            # In this order nobody has to pull it out in time.
            afterwards=Afterwards.POWER_OFF,
        )
        output = self._folder / f"{wanted.name}.img"
        output.unlink(missing_ok=True)
        self._write(settings, output)
        return output

    def _write(self, settings: InstallSettings, output: Path) -> None:
        with tempfile.TemporaryDirectory(dir=self._folder) as state:
            trusted = TrustedRepository(self._transport, Path(state), self._anchor, now=utc_now)
            release = fetch_signed(trusted, Version.parse(settings.version))
        boot, root = self._store.fetch_images(release.images, self._transport, lambda _done, _total: None)
        with open_stick(release, boot, root, settings, self._folder) as stick:
            write_stick(stick, output, lambda _done, _total: None)
