"""A box with the adapters of a real machine under a test's hand: its agent as a real process, its files in a folder."""

import hashlib
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cebox.agent.machine import PowerKind, SlotName
from cebox.domain.version import Version
from cebox.kit.clock import utc_now
from cebox.release.image.tree import make_image
from cebox.release.making.build import build_release
from cebox.release.making.ways import Effort
from cebox.release.manifest import Manifest, Notes
from cebox.release.publishing.publish import publish_release
from tests.integration.agent.vendor import CREATED, FIRST, SIZE_BYTES, Vendor, write_tree
from tests.integration.agent.virtual_box import SLOT_BYTES, VirtualBox, write_settings
from tests.machines import boot_images
from tests.machines.esp_machine import EspMachine

_AGENT = """
import sys
from pathlib import Path
from cebox.agent.main import run_agent
sys.exit(run_agent(Path(sys.argv[1]), root=Path(sys.argv[2])))
"""
KERNEL_BYTES = 400_000


@dataclass
class RealBox(VirtualBox):
    """Powered as a virtual one is; `machine` is what stands for its disk, its firmware and its system."""

    machine: EspMachine = None  # type: ignore[assignment]
    while_up: Callable[[], None] = lambda: None
    """What happens between a start of the machine and that of its agent."""

    @property
    def running(self) -> str | None:
        try:
            return (self.machine.folder / "run/version").read_text()
        except FileNotFoundError:
            return None

    def press_button(self, kind: PowerKind = PowerKind.SHUTDOWN) -> None:
        target = {PowerKind.SHUTDOWN: "poweroff", PowerKind.REBOOT: "reboot"}[kind]
        (self.machine.folder / "run/jobs").write_text(f"412 {target}.target start waiting\n")
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)

    def hash_slot(self, slot: SlotName, size: int) -> str:
        with self.machine.slot_path(slot).open("rb") as stream:
            return hashlib.sha256(stream.read(size)).hexdigest()

    def _boot(self) -> None:
        self.machine.power_on()
        self.while_up()

    def _build_command(self) -> list[str]:
        return [sys.executable, "-c", _AGENT, str(self.folder), str(self.machine.folder)]

    def _build_environment(self) -> dict[str, str]:
        return {**os.environ, "PATH": f"{self.machine.programs}:{os.environ['PATH']}"}


def make_real_box(folder: Path, vendor: Vendor, console_url: str, **settings: object) -> RealBox:
    machine = EspMachine(folder, slot_bytes=SLOT_BYTES)
    machine.install(FIRST, vendor.images[FIRST], vendor.images[FIRST].with_name("boot.efi"))
    agent_folder = folder / "var/lib/cebox"
    write_settings(agent_folder, vendor, console_url, machine="systemd-boot", **settings)
    return RealBox(agent_folder, machine=machine)


def publish_bootable(
    vendor: Vendor, version: str, *, behaviour: str = "", previous: str | None = FIRST, boot_of: str = ""
) -> Manifest:
    """A release with a boot image; `boot_of` names the root image it wrongly claims to start."""
    tree, image, boot = (vendor.folder / kind / version for kind in ("trees", "made-root", "made-boot"))
    for path in (image, boot):
        path.parent.mkdir(exist_ok=True)
    write_tree(tree, seed=version, behaviour=behaviour, size_bytes=SIZE_BYTES)
    make_image(tree, image, tree_format="tar")
    sha256 = hashlib.sha256(boot_of.encode()).hexdigest() if boot_of else _hash(image)
    facts = {"version": version, "sha256": sha256, "size": image.stat().st_size}
    boot_images.write(boot, kernel_bytes=KERNEL_BYTES, **facts)  # type: ignore[arg-type]
    output = vendor.folder / "releases" / version
    manifest = build_release(
        source=image,
        boot=boot,
        version=Version.parse(version),
        floor=Version.parse("2026.10.1"),
        notes=Notes(fr="", en=""),
        output=output,
        previous=[(vendor.manifests[previous], vendor.images[previous])] if previous else (),
        created=CREATED,
        effort=Effort(level=1),
    )
    publish_release(output, vendor.repository, vendor.keyring, clock=utc_now)
    vendor.manifests[version] = manifest
    vendor.images[version] = output / "root.img"
    return manifest


def _hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
