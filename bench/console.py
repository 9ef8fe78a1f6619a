"""`make bench-console`: what each page costs the console at 100,000 devices in one account, on SQLite and PostgreSQL.

A real console process serves a generated fleet; one reader with a session asks for every page again and again over
loopback, HTTP parsing included. A page's figure is the worst p95 of its addresses. `gzip_bytes` is the page with
every file it names, compressed as nginx does, for a reader who was never here. `cpu_ms` is the console's own work for
the page's dearest address, without PostgreSQL's; a busy machine blurs it least.
"""

import argparse
import asyncio
import gzip
import math
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import httpx

from bench.console_fleet import Fleet, Generator, now
from bench.measures import Measures
from bench.serve import read_cpu_seconds
from cebox.console.gate import FORM_SECRET_HEADER
from cebox.console.opening import open_console
from cebox.console.settings import ConsoleSettings
from cebox.domain.role import Role
from tests.integration.console import office
from tests.integration.console.test_serving import ConsoleProcess
from tests.servers.postgresql import PostgresqlServer

DEVICES = 100_000
GOALS_MS = {"sqlite": "<= 200", "postgresql": "<= 100"}
GOAL_BYTES = "<= 250000"
_EMAIL = "bench@example.org"
_WARM_UP = 3
_FRAGMENT = {"hx-request": "true", "hx-target": "dialog"}
_FILE = re.compile(r'(?:href|src)="(/static/[^"#]+)')
_FONT = "/static/vendor/inter-latin-wght-normal.woff2"


@dataclass(frozen=True)
class Visit:
    """One address of a page. `form` sends it as one; `is_dialog` asks for the dialog alone."""

    page: str
    name: str
    path: str
    form: Mapping[str, str] | None = None
    is_dialog: bool = False


@dataclass(frozen=True)
class Times:
    p95_ms: float
    cpu_ms: float


def main() -> int:
    parser = argparse.ArgumentParser(prog="make bench-console")
    parser.add_argument("--engine", choices=sorted(GOALS_MS), action="append")
    parser.add_argument("--devices", type=int, default=DEVICES)
    parser.add_argument("--rounds", type=int, default=30, help="times each address is asked for")
    parser.add_argument("--verbose", action="store_true", help="a line for each address")
    chosen = parser.parse_args()
    measures = Measures("bench-console")
    for engine in chosen.engine or sorted(GOALS_MS, reverse=True):
        folder = Path(tempfile.mkdtemp(prefix="cebox-console-"))
        try:
            with open_database(engine, folder) as address:
                measure(measures, engine, address, folder, chosen)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    measures.report()
    return 0


@contextmanager
def open_database(engine: str, folder: Path) -> Iterator[str]:
    if engine == "sqlite":
        yield f"sqlite:///{folder / 'console.db'}"
        return
    server = PostgresqlServer()
    try:
        server.start()
        yield server.url(server.create_database())
    finally:
        server.stop()


def measure(measures: Measures, engine: str, address: str, folder: Path, chosen: argparse.Namespace) -> None:
    settings = ConsoleSettings(state_folder=folder, database=address, port=0, has_secure_cookie=False)
    _say(f"{engine}: {chosen.devices} devices are being made")
    fleet = asyncio.run(_fill(settings, chosen.devices))
    process = ConsoleProcess(settings)
    try:
        with _sign_in(process.url) as client:
            took: dict[Visit, Times] = {}
            for visit in list_visits(client, fleet):
                took[visit] = _ask_often(client, visit, chosen.rounds, process.pid)
                if chosen.verbose:
                    _tell(engine, visit, took[visit])
            sizes = {visit.page: _weigh(client, visit) for visit in took if not visit.is_dialog and not visit.form}
    finally:
        process.stop()
    report(measures, engine, took)
    if engine == "sqlite" or len(chosen.engine or ()) == 1:
        for page, size in sizes.items():
            measures.add(f"{page}/gzip_bytes", size, "B", GOAL_BYTES)


def list_visits(client: httpx.Client, fleet: Fleet) -> list[Visit]:
    """Every page with the addresses that cost most."""
    listing = [
        ("all", ""),
        ("behind", "?version=behind"),
        ("of_site", f"?site={fleet.site}"),
        ("version", "?version=2026.12.1"),
        ("on", "?on=1"),
        ("off_for_long", "?on=long&kind=cebox"),
        ("attention", "?update=attention"),
        ("under_way", "?update=under_way"),
        ("held", "?late=held"),
        ("unasked", "?late=unasked"),
        ("wrs", "?kind=wrs"),
        ("staged", "?phase=staged"),
        ("by_site", "?order=site"),
        ("by_version", "?order=-version"),
        ("by_sign", "?order=seen"),
        ("behind_by_site", "?version=behind&order=-site"),
        ("second_piece", _find_second_piece(client)),
    ]
    visits = [Visit("dashboard", "account", "/")]
    visits += [Visit("devices", name, f"/devices{query}") for name, query in listing]
    visits += [Visit("device", name, f"/devices/{one}") for name, one in _list_devices(fleet)]
    words = (("one", "017-acc-0"), ("many", "bur"), ("serial", "cbx00099"), ("none", "nowhere"))
    visits += [Visit("search", name, f"/devices?search={quote(word)}") for name, word in words]
    visits += [
        Visit("preflight", "one", f"/devices/{fleet.device}/update", is_dialog=True),
        Visit("preflight", "wrs", f"/devices/{fleet.wrs}/update", is_dialog=True),
        Visit("preflight", "site", "/devices/command/forecast", {"kind": "update", "where": f"site={fleet.site}"}),
        Visit("releases", "list", "/releases"),
        Visit("releases", "one", "/releases/2026.12.1"),
        Visit("journal", "first", "/journal"),
    ]
    if client.get("/campaigns").status_code == httpx.codes.OK:
        visits.append(Visit("campaign", "list", "/campaigns"))
    return visits


def report(measures: Measures, engine: str, took: Mapping[Visit, Times]) -> None:
    pages: dict[str, list[tuple[float, float, str]]] = {}
    for visit, times in took.items():
        pages.setdefault(visit.page, []).append((times.p95_ms, times.cpu_ms, visit.name))
    for page, found in pages.items():
        worst, _, name = max(found)
        dearest = max(cpu for _, cpu, _ in found)
        measures.add(f"{engine}/{page}/p95_ms", worst, "ms", GOALS_MS[engine], note=f"worst: {name}")
        measures.add(f"{engine}/{page}/cpu_ms", dearest, "ms")


def _tell(engine: str, visit: Visit, times: Times) -> None:
    _say(f"{engine}/{visit.page}/{visit.name}: p95 {times.p95_ms:.0f} ms, cpu {times.cpu_ms:.0f} ms")


def find_p95(values: Sequence[float], share: float = 0.95) -> float:
    """The value that `share` of them do not exceed."""
    return sorted(values)[math.ceil(len(values) * share) - 1]


def _list_devices(fleet: Fleet) -> list[tuple[str, str]]:
    return [("plain", fleet.device), ("long_history", fleet.busy_device), ("wrs", fleet.wrs)]


async def _fill(settings: ConsoleSettings, count: int) -> Fleet:
    async with open_console(settings, passwords=office.cheap_passwords()) as console:
        account = await office.open_account(console, "Atelier Nord", office.NEXT)
        other = await office.open_account(console, "Clinique Sud", office.OLD)
        await office.add_site(console, other)
        await office.hire(console, Role.ACCOUNT_ADMIN, account, email=_EMAIL)
        generator = Generator(account.id, (office.OLD, office.NEW, office.NEXT), now(), count)
        async with console.database.write() as unit:
            fleet = await generator.write(unit.connection)
        # What comes by itself, in time: the planner's statistics, and PostgreSQL's knowledge of what all may see.
        await console.database.analyse()
        if not settings.database.startswith("sqlite"):
            async with console.database.engine.connect() as connection:
                plain = await connection.execution_options(isolation_level="AUTOCOMMIT")
                await plain.exec_driver_sql("VACUUM ANALYZE")
        return fleet


@contextmanager
def _sign_in(url: str) -> Iterator[httpx.Client]:
    """A browser's session, which sends its form secret as the pages do."""
    with httpx.Client(base_url=url, timeout=60) as client:
        form = {"email": _EMAIL, "password": office.PASSWORD, "next": "/releases"}
        page = client.post("/sign-in", data=form, follow_redirects=True)
        found = re.search(r'"X-CSRF-Token": "(\w+)"', page.text)
        assert found, page.text
        client.headers[FORM_SECRET_HEADER] = found[1]
        yield client


def _ask_often(client: httpx.Client, visit: Visit, rounds: int, pid: int) -> Times:
    for _ in range(_WARM_UP):
        answer = _ask(client, visit)
        assert answer.status_code == httpx.codes.OK, f"{visit.path}: {answer.status_code} {answer.text[:300]}"
    took, cpu_before = [], read_cpu_seconds(pid)
    for _ in range(rounds):
        began = time.perf_counter()
        _ask(client, visit)
        took.append(time.perf_counter() - began)
    return Times(find_p95(took) * 1000, (read_cpu_seconds(pid) - cpu_before) / rounds * 1000)


def _ask(client: httpx.Client, visit: Visit) -> httpx.Response:
    headers = _FRAGMENT if visit.is_dialog or visit.form else {}
    if visit.form is not None:
        return client.post(visit.path, data=dict(visit.form), headers=headers)
    return client.get(visit.path, headers=headers)


def _find_second_piece(client: httpx.Client) -> str:
    found = re.search(r'href="/devices(\?after=[^"]+)"', client.get("/devices").text)
    assert found
    return found[1].replace("&amp;", "&")


def _weigh(client: httpx.Client, visit: Visit) -> int:
    page = client.get(visit.path)
    files = {*_FILE.findall(page.text), _FONT}
    return sum(len(gzip.compress(one)) for one in [page.content, *(client.get(file).content for file in files)])


def _say(words: str) -> None:
    sys.stderr.write(f"{words}\n")


if __name__ == "__main__":
    sys.exit(main())
