"""The people and things most console tests start from: made through the services, as their owners would."""

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime

import httpx
from argon2 import PasswordHasher
from starlette.types import ASGIApp

from cebox.console.access import Caller, local_operator
from cebox.console.accounts.records import Account, Migrated, NotedTag
from cebox.console.accounts.service import AccountService
from cebox.console.identity.passwords import Passwords
from cebox.console.identity.records import NewUser, User
from cebox.console.identity.service import IdentityService
from cebox.console.keys.service import KeyService
from cebox.console.releases.offers import Offer
from cebox.console.releases.records import Imported
from cebox.console.releases.service import import_offers
from cebox.console.sites.repository import Site
from cebox.console.sites.service import SiteService
from cebox.console.state import Console
from cebox.domain.device import DeviceKind
from cebox.domain.ids import AccountId, SiteId
from cebox.domain.key import Key
from cebox.domain.role import VENDOR_ROLES, Role
from cebox.domain.version import Version
from cebox.release.manifest import Blob, Bounds, Component, Image, Manifest, Notes, Way, encode_manifest

PASSWORD = "correct horse battery"
OLD = Version.parse("2026.10.1")
NEW = Version.parse("2026.11.1")
NEXT = Version.parse("2026.12.1")


def cheap_passwords() -> Passwords:
    """The real thing with the least work argon2 allows."""
    return Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))


def make_offer(version: Version, *, content: str = "") -> Offer:
    """A release as it comes, verified, out of a repository. Other `content` is another release of the same name."""
    seed = f"{version} {content}"
    sha256 = hashlib.sha256(seed.encode()).hexdigest()
    bounds = Bounds(segment_bytes=4 << 20, dictionary_bytes=0, window_bytes=8 << 20, memory_bytes=1 << 25)
    way = Way(None, None, Blob(sha256, 40_000_000), 1000, sha256, bounds)
    manifest = Manifest(
        version=version,
        floor=version,
        created=datetime(2026, 10, 1, tzinfo=UTC),
        components=_make_components(version),
        notes=Notes(fr=f"# Notes {version}\n\nDes corrections.", en=f"# Notes {version}\n\nFixes."),
        images=(Image("root", 64_000_000, sha256, (way,)),),
    )
    return Offer(manifest, hashlib.sha256(encode_manifest(manifest)).hexdigest())


def _make_components(version: Version) -> tuple[Component, ...]:
    """Kernel and desktop move with each release; one package comes with NEW and one goes with NEXT."""
    place = (OLD, NEW, NEXT).index(version) if version in (OLD, NEW, NEXT) else 0
    told = {
        "bash": "5.2.15-2",
        "ca-certificates": "20230311",
        "cebox-workspace": f"8.{3 + place}.0",
        "linux-image-amd64": f"6.1.{147 + 6 * place}-1",
        "mesa-vulkan-drivers": f"25.2.{3 + place}",
        "openssl": f"3.0.{16 + place}-1",
        "systemd": f"252.{38 + place}-1",
        "tzdata": f"2026{'abc'[place]}-0",
    }
    if place > 0:
        told["pcscd"] = "1.9.9-2"
    if place < 2:
        told["telnet"] = "0.17-44"
    return tuple(Component(name, text) for name, text in told.items())


async def publish(console: Console, *versions: Version) -> Imported:
    async with console.database.write() as unit:
        return await import_offers(unit, [make_offer(version) for version in versions], at=console.clock())


async def open_account(console: Console, name: str, version: Version = OLD) -> Account:
    """Publishes the usual releases first, if they are not."""
    await publish(console, OLD, NEW, NEXT)
    async with console.database.write() as unit:
        return await AccountService(unit, local_operator(), console.clock).create_account(name, version)


async def hire(console: Console, role: Role, account: Account | None = None, *, email: str = "") -> User:
    """A user with `PASSWORD`; the address says who it is."""
    where = "vendor" if role in VENDOR_ROLES or account is None else account.tag_name
    new = NewUser(email or f"{role}@{where}.example", role, role, account.id if account else None)
    password_hash = await console.passwords.hash(PASSWORD)
    async with console.database.write() as unit:
        return await IdentityService(unit, local_operator(), console.clock).create_user(new, password_hash)


async def hand_out(console: Console, name: str, version: Version, account_ids: Sequence[AccountId]) -> NotedTag:
    async with console.database.write() as unit:
        service = AccountService(unit, local_operator(), console.clock)
        return await service.hand_out_tag(name, version, list(account_ids))


async def migrate(console: Console, account_id: AccountId, version: Version) -> Migrated:
    async with console.database.write() as unit:
        return await AccountService(unit, local_operator(), console.clock).migrate_account(account_id, version)


async def add_site(console: Console, account: Account, name: str = "Lyon") -> Site:
    async with console.database.write() as unit:
        service = SiteService(unit, local_operator(), console.clock)
        return await service.create_site(account.id, name, ["10.20.4.0/24"])


async def make_key(
    console: Console,
    account: Account,
    *,
    uses: int = 1,
    kind: DeviceKind = DeviceKind.CEBOX,
    site_id: SiteId | None = None,
    caller: Caller | None = None,
) -> tuple[Key, str]:
    async with console.database.write() as unit:
        service = KeyService(unit, caller or local_operator(), console.clock)
        return await service.create_key(account.id, "Key", kind, site_id=site_id, uses=uses)


def open_client(app: ASGIApp, token: str | None = None) -> httpx.AsyncClient:
    """A client of the whole app, without a network."""
    headers = {"authorization": f"Bearer {token}"} if token else {}
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://console.example", headers=headers)


async def sign_in(app: ASGIApp, user: User) -> httpx.AsyncClient:
    """A client with an API token of `user`."""
    async with open_client(app) as nobody:
        answer = await nobody.post("/api/v1/tokens", json={"email": user.email, "password": PASSWORD})
        assert answer.status_code == 201, answer.text
    return open_client(app, answer.json()["token"])
