"""How a virtual machine is made, moved and switched off by hand, and how its agent opens it."""

import os
import shutil
import signal
from pathlib import Path

import msgspec
from msgspec.structs import replace

from cebox.agent.machine import Machine, PowerKind, SlotName
from cebox.agent.virtual.boot_table import BootTable, Entry, load_table, save_table, slot_path
from cebox.agent.virtual.ports import (
    NETWORK_FILE,
    POWER_FILE,
    NetworkFile,
    VirtualBootLoader,
    VirtualHealth,
    VirtualLan,
    VirtualLocation,
    VirtualPeople,
    VirtualPower,
    VirtualSlots,
    VirtualWitness,
)
from cebox.domain.device import Place
from cebox.errors import Conflict, Exhausted, InvalidInput
from cebox.kit.files import replace_file

MACHINE_FILE = "machine.json"
# Set for one run of the agent to `<state>:before` or `<state>:after`: it kills itself there, as a power cut would.
DIE_AT = "CEBOX_DIE_AT"


class _MachineFile(msgspec.Struct, frozen=True):
    slot_bytes: int


def create_machine(folder: Path, *, slot_bytes: int, place: Place = Place.SITE) -> None:
    """An empty machine with two slots (sparse files). Raises Conflict (`machine_exists`)."""
    if (folder / MACHINE_FILE).exists():
        raise Conflict("machine_exists", f"{folder} holds a machine already", hint="Name another folder.")
    folder.mkdir(parents=True, exist_ok=True)
    for slot in SlotName:
        with slot_path(folder, slot).open("wb") as stream:
            stream.truncate(slot_bytes)
    save_table(folder, BootTable(default=SlotName.A))
    move_machine(folder, place)
    replace_file(folder / MACHINE_FILE, msgspec.json.encode(_MachineFile(slot_bytes)))


def move_machine(folder: Path, place: Place) -> None:
    """Plug the cable in at the site, or away from it."""
    replace_file(folder / NETWORK_FILE, msgspec.json.encode(NetworkFile(place)))


def read_place(folder: Path) -> Place:
    """Where the cable is plugged in. Raises OSError and ValueError when the folder does not say."""
    return msgspec.json.decode((folder / NETWORK_FILE).read_bytes(), type=NetworkFile).place


def install_image(folder: Path, *, version: str, sha256: str, image: Path) -> None:
    """What an installation key does: put a first release in slot A and bless it.

    Raises Exhausted (`slot_too_small`).
    """
    size, room = image.stat().st_size, _load_machine(folder).slot_bytes
    if size > room:
        raise Exhausted("slot_too_small", f"{image} has {size} bytes, a slot {room}", hint="Make larger slots.")
    with image.open("rb") as source, slot_path(folder, SlotName.A).open("r+b") as slot:
        shutil.copyfileobj(source, slot, 1 << 20)
        slot.flush()
        os.fsync(slot.fileno())
    entry = Entry(version=version, sha256=sha256, size=size)
    save_table(folder, replace(load_table(folder), default=SlotName.A, entries={SlotName.A: entry}))


def press_power_button(folder: Path, agent_pid: int, kind: PowerKind = PowerKind.SHUTDOWN) -> None:
    """What a person does at the box; the agent then ends with the exit code of `kind` in its own time."""
    replace_file(folder / POWER_FILE, kind.encode())
    os.kill(agent_pid, signal.SIGTERM)


def open_machine(folder: Path) -> Machine:
    """The ports on `folder`. Raises InvalidInput (`machine_missing`)."""
    _load_machine(folder)
    return Machine(
        slots=VirtualSlots(folder),
        boot_loader=VirtualBootLoader(folder),
        power=VirtualPower(folder),
        location=VirtualLocation(folder),
        lan=VirtualLan(folder),
        health=VirtualHealth(folder),
        people=VirtualPeople(folder),
        witness=VirtualWitness(os.environ.get(DIE_AT, "")),
    )


def _load_machine(folder: Path) -> _MachineFile:
    try:
        return msgspec.json.decode((folder / MACHINE_FILE).read_bytes(), type=_MachineFile)
    except (OSError, msgspec.DecodeError, ValueError) as error:
        raise InvalidInput(
            "machine_missing", f"{folder} holds no virtual machine", hint="Make one first, or name another folder."
        ) from error
