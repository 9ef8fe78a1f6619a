"""A generated fleet, large and plausible: 100,000 devices of one account on 200 sites, with their past.

Written row by row into a migrated database, beside whom the office of the tests makes (accounts, people, releases).
Devices that are on were last heard of in the future: no job counts them out while pages are measured.
"""

import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Table, insert
from sqlalchemy.ext.asyncio import AsyncConnection

from cebox.console.actions.tables import actions, commands
from cebox.console.dashboard.tables import fleet_history
from cebox.console.devices.repository import ALWAYS
from cebox.console.devices.tables import device_events, devices
from cebox.console.journal.tables import audit_entries
from cebox.console.sites.tables import sites
from cebox.domain.version import Version

SITES = 200
JOURNAL = 100_000
_PIECE = 5_000
_AHEAD = timedelta(days=2)
_ROOMS = ("ACC", "ADM", "BUR", "COM", "DIR", "LAB", "SAL")
_CITIES = ("Annecy", "Brest", "Caen", "Dijon", "Évry", "Lille", "Lyon", "Metz", "Nantes", "Paris", "Reims", "Tours")


@dataclass(frozen=True)
class Fleet:
    """What pages are asked for. `busy_device` has a long past; `site` has a WRS that is behind."""

    account: str
    device: str
    busy_device: str
    wrs: str
    site: str
    command: str


class Generator:
    """Every run makes the very same fleet. `versions`: three, from the oldest to the account's."""

    def __init__(self, account: str, versions: tuple[Version, ...], now: datetime, count: int) -> None:
        self._account = account
        self._versions = versions
        self._now = now
        self._count = count
        self._random = random.Random(7)  # noqa: S311 - a fleet, no secret

    async def write(self, connection: AsyncConnection) -> Fleet:
        command = "cmd_bench"
        await _write(connection, sites, self._sites())
        await _write(connection, devices, self._devices())
        await _write(connection, commands, [self._command(command)])
        await _write(connection, actions, self._actions(command))
        await _write(connection, device_events, self._events())
        await _write(connection, audit_entries, self._journal())
        await _write(connection, fleet_history, self._history())
        return Fleet(self._account, _device_id(SITES + 17), _device_id(SITES + 1), _device_id(3), "sit_003", command)

    def _sites(self) -> Iterator[dict[str, Any]]:
        for number in range(SITES):
            yield {
                "id": f"sit_{number:03}",
                "account_id": self._account,
                "name": f"{_CITIES[number % len(_CITIES)]} {number:03}",
                "networks": [f"10.{number}.0.0/16"],
                "line_limits": None,
                "created_at": self._now,
            }

    def _devices(self) -> Iterator[dict[str, Any]]:
        """The first of each site is its WRS; one site in ten has a WRS that is behind, one in fifty is silent."""
        for number in range(self._count):
            yield self._wrs(number) if number < SITES else self._box(number)

    def _wrs(self, number: int) -> dict[str, Any]:
        version = self._versions[1 if number % 10 == 3 else 2]
        is_on = number % 50 != 7
        row = self._row(number, f"{number:03}-WRS", number, version, is_on=is_on, place="site", phase="idle")
        return row | {"kind": "wrs", "served": str(version), "server_url": f"http://10.{number}.4.2:8480"}

    def _box(self, number: int) -> dict[str, Any]:
        site = self._random.randrange(SITES)
        is_away = self._random.random() < 0.1
        version = self._random.choices(self._versions, (4, 16, 80))[0]
        phase = "staged" if version < self._versions[2] and self._random.random() < 0.05 else "idle"
        name = f"{site:03}-{self._random.choice(_ROOMS)}-{number:06}"
        is_on = self._random.random() < 0.7
        row = self._row(number, name, site, version, is_on=is_on, place="away" if is_away else "site", phase=phase)
        return row | {"staged": str(self._versions[2]) if phase == "staged" else None}

    def _row(
        self, number: int, name: str, site: int, version: Version, *, is_on: bool, place: str, phase: str
    ) -> dict[str, Any]:
        silent = timedelta(hours=self._random.randrange(1, 24 * 30))
        seen = self._now + _AHEAD if is_on else self._now - silent
        return {
            "id": _device_id(number),
            "account_id": self._account,
            "site_id": f"sit_{site:03}",
            "key_id": None,
            "kind": "cebox",
            "name": name,
            "sort_name": name.lower(),
            "site_sort": f"{_CITIES[site % len(_CITIES)]} {site:03}".lower(),
            "serial": f"CBX{number:08}",
            "public_key": f"key-{number}",
            "enrolled_at": self._now - timedelta(days=400),
            "place": place,
            "phase": phase,
            "running": str(version),
            "running_rank": version.rank,
            "staged": None,
            "previous": str(self._versions[0]),
            "failed_versions": [],
            "slot_bytes": 8_000_000_000,
            "agent_version": "0.1.0",
            "boot": 40,
            "sequence": number,
            "last_seen_at": seen,
            "quiet_since": ALWAYS if is_on else seen,
            "noted_on": is_on,
            "is_leaving": False,
            "wrs_reachable": True,
            "served": None,
            "server_url": None,
            "progress": None,
        }

    def _command(self, command: str) -> dict[str, Any]:
        return {
            "id": command,
            "account_id": self._account,
            "kind": "update",
            "created_by": "usr_bench",
            "created_at": self._now - timedelta(hours=1),
            "refusals": [],
        }

    def _actions(self, command: str) -> Iterator[dict[str, Any]]:
        """Every ceBox has one that ended well, weeks ago; some a newer one that is under way, failed or fell back."""
        for number in range(SITES, self._count):
            yield self._action(number, 0, "done", self._now - timedelta(days=30))
            if number % 40 == 1:
                state = ("failed", "rolled_back")[number // 40 % 2]
                yield self._action(number, 1, state, self._now - timedelta(days=2))
            elif number % 100 == 5:
                yield self._action(number, 1, "downloading", self._now - timedelta(hours=1)) | {"command_id": command}

    def _action(self, number: int, place: int, state: str, at: datetime) -> dict[str, Any]:
        version = str(self._versions[2])
        return {
            "id": f"act_{number:06}_{place}",
            "account_id": self._account,
            "device_id": _device_id(number),
            "command_id": None,
            "kind": "update",
            "state": state,
            "is_open": state == "downloading",
            "is_acknowledged": True,
            "asked_version": version,
            "expected_version": version,
            "expected_source": "wrs",
            "code": "disk_full" if state == "failed" else "",
            "created_by": "usr_bench",
            "created_at": at,
            "changed_at": at,
            "deadline_at": self._now + _AHEAD if state == "downloading" else None,
        }

    def _events(self) -> Iterator[dict[str, Any]]:
        for number in [*range(self._count), *([SITES + 1] * 2_000)]:
            yield {
                "account_id": self._account,
                "device_id": _device_id(number),
                "at": self._now - timedelta(minutes=number % 40_000),
                "kind": "came_on",
                "facts": {"boot": 40},
                "result_id": None,
            }

    def _journal(self) -> Iterator[dict[str, Any]]:
        for number in range(JOURNAL):
            yield {
                "at": self._now - timedelta(minutes=JOURNAL - number),
                "account_id": self._account,
                "user_id": "usr_bench",
                "verb": ("action_sent", "site_changed", "command_sent")[number % 3],
                "subject": _device_id(number),
                "facts": {"kind": "update", "version": str(self._versions[2])},
            }

    def _history(self) -> Iterator[dict[str, Any]]:
        today = self._now.date()
        for back in range(1, 400):
            for place, version in enumerate(self._versions):
                boxes = self._count // 4 + back * place
                yield {"account_id": self._account, "day": today - timedelta(days=back), "version": str(version)} | {
                    "boxes": boxes
                }


def _device_id(number: int) -> str:
    return f"dev_{number:016x}"


async def _write(connection: AsyncConnection, table: Table, rows: Iterable[dict[str, Any]]) -> None:
    piece: list[dict[str, Any]] = []
    for row in rows:
        piece.append(row)
        if len(piece) == _PIECE:
            await connection.execute(insert(table), piece)
            piece = []
    if piece:
        await connection.execute(insert(table), piece)


def now() -> datetime:
    return datetime.now(UTC)
