"""One folder, a whole world: the vendor's keys and releases, a console, a repository server, customers and machines.

`create` makes what is missing, once; `start` brings everything to life as it was left; `stop` leaves it to be found.
"""

import asyncio
import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from cebox.agent.virtual.machine import create_machine, install_image
from cebox.agent.virtual.ports import find_lan_address
from cebox.console.access import local_operator
from cebox.console.database.engine import Database, parse_database_url
from cebox.console.database.migrate import apply_migrations
from cebox.console.identity.passwords import Passwords
from cebox.console.identity.records import NewUser
from cebox.console.identity.service import IdentityService
from cebox.domain.device import DeviceKind, Place
from cebox.errors import InvalidInput, NotFound
from cebox.kit.clock import utc_now
from cebox.kit.files import replace_file, write_secret
from cebox.lab import plan
from cebox.lab.lan import Lan
from cebox.lab.machine import VirtualMachine
from cebox.lab.office import Office
from cebox.lab.repository_server import REPOSITORY_PATH
from cebox.lab.service import Service, find_free_port, verify_port_free
from cebox.lab.vendor import BuiltRelease, Vendor
from cebox.protocol.admin_client import AdminClient

Say = Callable[[str], None]


class Ports(msgspec.Struct, frozen=True):
    """Chosen once: the boxes' settings name them."""

    console: int
    repository: int
    wrs: int


class World:
    """`releases` are published in order, the first is installed everywhere; `machines` are those of `plan` or some of
    them. `slot_bytes` must hold the largest image. `cloud_bytes_per_second` makes the line to the cloud a slow one.
    `host` is this machine's address as the machines see it.
    """

    def __init__(
        self,
        folder: Path,
        *,
        say: Say,
        console_port: int | None = None,
        machines: Sequence[plan.PlannedMachine] = plan.MACHINES,
        slot_bytes: int = plan.SLOT_BYTES,
        cloud_bytes_per_second: int | None = None,
        host: str = "127.0.0.1",
    ) -> None:
        self.folder = folder.absolute()
        self.vendor = Vendor(self.folder)
        self._say = say
        self._planned = machines
        self._slot_bytes = slot_bytes
        self._cloud_bytes_per_second = cloud_bytes_per_second
        self._host = host
        self._ports_file = self.folder / "ports.json"
        self._console_port = console_port
        self.machines: dict[str, VirtualMachine] = {}
        self._services: tuple[Service, ...] = ()
        self._lan = Lan(self._wake)
        self._waking: set[asyncio.Task[None]] = set()

    @property
    def is_complete(self) -> bool:
        return (self.folder / "complete").exists()

    def _load_ports(self) -> Ports:
        if not self._ports_file.exists():
            ports = Ports(self._console_port or find_free_port(), find_free_port(), find_free_port())
            replace_file(self._ports_file, msgspec.json.encode(ports))
        ports = msgspec.json.decode(self._ports_file.read_bytes(), type=Ports)
        if self._console_port not in (None, ports.console):
            raise InvalidInput(
                "demo_port_differs",
                f"this demo's boxes know the console at port {ports.console}",
                hint="Start over on another port with --reset.",
            )
        return ports

    async def start(self, build: Callable[[], Sequence[BuiltRelease]]) -> None:
        """Create what is not there yet (`build` makes the releases to publish), then switch everything on.

        Raises Unavailable (`service_did_not_start`, `port_taken`).
        """
        if not self.is_complete:
            self.remove()
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.ports = self._load_ports()
        for port in msgspec.structs.astuple(self.ports):
            verify_port_free(port)
        self.console_url = f"http://127.0.0.1:{self.ports.console}"
        self.repository_url = f"http://127.0.0.1:{self.ports.repository}{REPOSITORY_PATH}"
        self.office = Office(self.folder, self.console_url)
        self._services = self.console, self.repository = self._make_services()
        self.machines = {one.name: VirtualMachine(one.name, one.kind, self._home(one)) for one in self._planned}
        if not self.is_complete:
            self._say("Making keys and releases from files of this machine …")
            built = await asyncio.to_thread(self._make_releases, build)
            self._say("Opening the console, its accounts and its boxes …")
            await self._prepare_console()
        await self.repository.start()
        await self.console.start()
        if not self.is_complete:
            await asyncio.to_thread(self._furnish, built[0])
            (self.folder / "complete").touch()
        await self._lan.start(machine.folder for machine in self.machines.values())
        for machine in self.machines.values():
            if machine.was_on:
                await machine.power_on()

    async def stop(self) -> None:
        """Machines stay on in their own memory: the next start finds them so."""
        self._lan.stop()
        await asyncio.gather(*(machine.suspend() for machine in self.machines.values()))
        await asyncio.gather(*(service.stop() for service in self._services))

    def remove(self) -> None:
        """Start over: everything in the folder goes, and nothing that is not the lab's."""
        if not self.folder.exists():
            return
        if any(self.folder.iterdir()) and not self._ports_file.exists():
            raise InvalidInput(
                "folder_not_a_demo", f"{self.folder} holds something else", hint="Name a new folder with --state."
            )
        shutil.rmtree(self.folder)

    def get_machine(self, name: str) -> VirtualMachine:
        """Raises NotFound (`machine_unknown`)."""
        try:
            return self.machines[name]
        except KeyError:
            raise NotFound(
                "machine_unknown", f"the lab has no machine {name!r}", hint=f"It has {', '.join(self.machines)}."
            ) from None

    def _wake(self, address: str) -> None:
        """A machine away from its site is on another network."""
        for machine in self.machines.values():
            if find_lan_address(machine.folder) == address and machine.place is Place.SITE:
                task = asyncio.create_task(machine.power_on())
                self._waking.add(task)
                task.add_done_callback(self._waking.discard)

    def _home(self, planned: plan.PlannedMachine) -> Path:
        return self.folder / "machines" / planned.name

    def _make_services(self) -> tuple[Service, Service]:
        python = sys.executable
        logs = self.folder / "logs"
        logs.mkdir(exist_ok=True)
        console = Service(
            "console",
            (python, "-m", "cebox.cli.main", "console", "serve", "--config", str(self.folder / "console.toml")),
            ready_url=f"{self.console_url}/readyz",
            log=logs / "console.log",
        )
        slow_line = ("--bytes-per-second", str(self._cloud_bytes_per_second)) if self._cloud_bytes_per_second else ()
        address = (str(self.vendor.repository), str(self.ports.repository))
        repository = Service(
            "repository server",
            (python, "-m", "cebox.lab.repository_server", *address, *slow_line),
            ready_url=f"http://127.0.0.1:{self.ports.repository}/counters",
            log=logs / "repository.log",
        )
        return console, repository

    def _make_releases(self, build: Callable[[], Sequence[BuiltRelease]]) -> Sequence[BuiltRelease]:
        self.vendor.make_keys()
        built = build()
        for release in built:
            self.vendor.publish(release)
        return built

    async def _prepare_console(self) -> None:
        """Its settings, its database, and the first person who may sign in."""
        state = self.folder / "console"
        state.mkdir(mode=0o700, exist_ok=True)
        settings = {
            "port": self.ports.console,
            "state_folder": str(state),
            "repository": self.repository_url,
            "repository_url": f"http://{self._host}:{self.ports.repository}{REPOSITORY_PATH}",
            "public_url": f"http://{self._host}:{self.ports.console}",
            "root_metadata": str(self.vendor.root_file),
            "has_secure_cookie": False,
            "poll_repository_seconds": 5.0,
        }
        replace_file(self.folder / "console.toml", write_toml(settings))
        self.office.make_passwords()
        database = Database(parse_database_url(f"sqlite:///{state / 'console.db'}"))
        try:
            await apply_migrations(database)
            password_hash = await Passwords().hash(self.office.passwords[plan.OPERATOR.email])
            async with database.write() as unit:
                new = NewUser(plan.OPERATOR.email, plan.OPERATOR.name, plan.OPERATOR.role)
                await IdentityService(unit, local_operator(), utc_now).create_user(new, password_hash)
        finally:
            await database.close()

    def _furnish(self, first: BuiltRelease) -> None:
        """Accounts, people, sites, tags, keys, machines: through the API, as the vendor's operator would."""
        with self.office.open_console(plan.OPERATOR) as console:
            console.refresh_releases()
            first_version = str(first.manifest.version)
            console.create_account(plan.VENDOR, first_version, is_vendor=True)
            accounts = {name: console.create_account(name, first_version).id for name in (plan.NORD, plan.SUD)}
            for user in plan.USERS[1:]:
                self._add_user(console, user, accounts.get(user.account or ""))
            site = console.create_site(plan.LYON, ["10.20.0.0/16"], accounts[plan.NORD])
            console.hand_out_tag(plan.TEST_TAG, str(plan.NEW.version), [accounts[plan.NORD]], "")
            for planned in self._planned:
                key = console.create_key(
                    planned.name,
                    kind=planned.kind,
                    site_id=site.id if planned.site else None,
                    uses=1,
                    days=30,
                    account=accounts[planned.account],
                )
                self._build_machine(planned, key.token, first)

    def _add_user(self, console: AdminClient, user: plan.PlannedUser, account_id: str | None) -> None:
        password = self.office.passwords[user.email]
        console.create_user(user.email, user.name, user.role, password, account_id)

    def _build_machine(self, planned: plan.PlannedMachine, token: str, first: BuiltRelease) -> None:
        """What an installation key does to a new computer."""
        home = self._home(planned)
        create_machine(home, slot_bytes=self._slot_bytes, place=Place(planned.place))
        image = first.manifest.root
        install_image(home, version=str(first.manifest.version), sha256=image.sha256, image=first.image)
        settings: dict[str, str | int | float] = {
            "console_url": self.console_url,
            "name": planned.name,
            "kind": planned.kind,
            "most_retry_seconds": 5.0,
        }
        if planned.kind is DeviceKind.WRS:
            settings["server_url"] = f"http://127.0.0.1:{self.ports.wrs}"
        replace_file(home / "agent.toml", write_toml(settings))
        replace_file(home / "root.json", self.vendor.root_file.read_bytes())
        write_secret(home / "enrolment-token", token.encode())
        if planned.kind is DeviceKind.WRS:
            wrs: dict[str, str | int | float] = {"listen_host": "127.0.0.1", "listen_port": self.ports.wrs}
            replace_file(home / "wrs.toml", write_toml(wrs))


def write_toml(values: dict[str, Any]) -> bytes:
    """Flat TOML of texts, numbers and truths."""
    return "".join(f"{name} = {msgspec.json.encode(value).decode()}\n" for name, value in values.items()).encode()
