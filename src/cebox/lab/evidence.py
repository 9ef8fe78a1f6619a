"""What really happened, read from the machines' slots and the servers' counters, never from the console."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx

from cebox.agent.machine import SlotName
from cebox.agent.virtual.boot_table import load_table, slot_path
from cebox.agent.virtual.firmware import hash_head
from cebox.domain.version import Version
from cebox.errors import CeboxError
from cebox.lab.repository_server import COUNTERS_PATH, parse_counters
from cebox.lab.vendor import BuiltRelease
from cebox.lab.world import World
from cebox.protocol.site import MirrorState
from cebox.protocol.site_client import MirrorControl


@dataclass(frozen=True, slots=True)
class SlotEvidence:
    """A slot's bytes: their hash over the length of the image they should be, and which published image that is."""

    sha256: str
    version: Version | None


@dataclass(frozen=True, slots=True)
class MachineEvidence:
    """`other` is None while the second slot has no boot entry: nothing would start from it."""

    running: SlotEvidence
    other: SlotEvidence | None


@dataclass(frozen=True, slots=True)
class Traffic:
    """Bytes sent so far. `cloud_bytes` are blobs alone: what a release weighs, without the signatures."""

    cloud_bytes: int
    cloud_metadata_bytes: int
    lan_bytes: int

    def since(self, earlier: "Traffic") -> "Traffic":
        return Traffic(
            self.cloud_bytes - earlier.cloud_bytes,
            self.cloud_metadata_bytes - earlier.cloud_metadata_bytes,
            self.lan_bytes - earlier.lan_bytes,
        )


class Evidence:
    """Reads a world. `releases` are the ones a slot may hold."""

    def __init__(self, world: World, releases: list[BuiltRelease]) -> None:
        self._world = world
        self._known: Mapping[str, Version] = {one.manifest.root.sha256: one.manifest.version for one in releases}
        self._lan_before = 0
        self._lan_last = 0

    def read_machine(self, name: str) -> MachineEvidence:
        """Hashes both slots, byte for byte."""
        folder = self._world.get_machine(name).folder
        table = load_table(folder)
        running = table.booted or table.default
        return MachineEvidence(
            running=self._read_slot(folder, running, table.entries[running].size),
            other=self._read_slot(folder, running.other, table.entries[running.other].size)
            if running.other in table.entries
            else None,
        )

    def is_blessed(self, name: str) -> bool:
        """Whether the running system has proved itself."""
        table = load_table(self._world.get_machine(name).folder)
        return table.booted is not None and table.entries[table.booted].is_blessed

    def would_start(self, name: str, version: Version) -> bool:
        """Whether the next power-on would try that version."""
        table = load_table(self._world.get_machine(name).folder)
        entry = table.entries.get(table.default)
        return entry is not None and entry.version == str(version) and (entry.is_blessed or bool(entry.tries_left))

    def read_traffic(self) -> Traffic:
        """The repository server's counters and the mirror's; a mirror that was restarted counts on from zero."""
        address = self._world.repository_url.removesuffix("/repository") + COUNTERS_PATH
        cloud = parse_counters(httpx.get(address, trust_env=False).content)
        blobs = cloud.get("blobs", 0)
        return Traffic(blobs, sum(cloud.values()) - blobs, self._read_lan_bytes())

    def find_served(self, wrs_name: str) -> Version | None:
        """The version a WRS serves now; None when it does not answer."""
        state = self._find_mirror(wrs_name)
        return Version.parse(state.served) if state and state.served else None

    def _read_slot(self, folder: Path, slot: SlotName, size: int) -> SlotEvidence:
        sha256 = hash_head(slot_path(folder, slot), size)
        return SlotEvidence(sha256, self._known.get(sha256))

    def _read_lan_bytes(self) -> int:
        servers = [name for name, machine in self._world.machines.items() if machine.kind == "wrs"]
        states = [state for name in servers if (state := self._find_mirror(name))]
        sent = sum(state.lan_bytes for state in states)
        if sent < self._lan_last or not states:
            self._lan_before += self._lan_last
            self._lan_last = 0
        self._lan_last = max(sent, self._lan_last) if states else 0
        return self._lan_before + self._lan_last

    def _find_mirror(self, wrs_name: str) -> MirrorState | None:
        try:
            with MirrorControl(self._world.get_machine(wrs_name).folder / "wrs.sock") as control:
                return control.get_state()
        except CeboxError:
            return None
