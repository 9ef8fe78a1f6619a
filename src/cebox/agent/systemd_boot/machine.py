"""How the agent of a real machine opens it."""

from pathlib import Path

from cebox.agent.machine import Machine
from cebox.agent.states import BoxState
from cebox.agent.systemd_boot.boot_loader import SystemdBootLoader
from cebox.agent.systemd_boot.boot_partition import BootPartition
from cebox.agent.systemd_boot.firmware import Firmware
from cebox.agent.systemd_boot.health import SystemdHealth
from cebox.agent.systemd_boot.lan import SystemdLan
from cebox.agent.systemd_boot.location import AddressLocation
from cebox.agent.systemd_boot.people import SignedInPeople
from cebox.agent.systemd_boot.places import Places
from cebox.agent.systemd_boot.power import SystemdPower
from cebox.agent.systemd_boot.programs import Programs
from cebox.agent.systemd_boot.running import read_running
from cebox.agent.systemd_boot.slots import SystemdBootSlots

_SYSTEM = Programs()


class _NoWitness:
    def before(self, state: BoxState) -> None: ...

    def after(self, state: BoxState) -> None: ...


def open_machine(state_folder: Path, root: Path = Path("/"), programs: Programs = _SYSTEM) -> Machine:
    """The ports on the machine whose files lie below `root`. Raises InvalidInput (`machine_missing`)."""
    places = Places(root=root, state_folder=state_folder)
    running, partition = read_running(places), BootPartition(places)
    return Machine(
        slots=SystemdBootSlots(places, partition, running),
        boot_loader=SystemdBootLoader(partition, running, programs, Firmware(places)),
        power=SystemdPower(programs),
        location=AddressLocation(programs),
        lan=SystemdLan(places),
        health=SystemdHealth(places, partition, running, programs),
        people=SignedInPeople(places, programs),
        witness=_NoWitness(),
    )
