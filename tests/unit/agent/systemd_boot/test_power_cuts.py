"""Power goes before each single write that staging, clearing and blessing make: the machine starts all the same, and
doing it again ends as if nothing had happened.

The cut is the death of the process that writes, at the moment Python announces the next change of a file.
"""

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from cebox.agent.machine import BootImage, Machine, SlotContent, SlotName
from tests.machines import boot_images
from tests.machines.esp_machine import EspMachine

NEW = b"new system" * 1000
FIRST, SECOND = "2026.11.1", "2026.11.2"
CONTENT = SlotContent(SECOND, hashlib.sha256(NEW).hexdigest(), len(NEW))
_MOST_STEPS = 40
_DOER = """
import os, sys
from pathlib import Path
from cebox.agent.machine import BootImage, SlotContent, SlotName
from cebox.agent.systemd_boot.machine import open_machine
from cebox.agent.systemd_boot.programs import Programs

root, state, act, sha256, size, boot, boot_sha256, steps = sys.argv[1:]
loader = open_machine(Path(state), Path(root), Programs(Path(root) / "bin")).boot_loader
left = int(steps)

def watch(event, arguments):
    global left
    is_write = event in ("os.rename", "os.remove") or event == "open" and arguments[2] & (os.O_WRONLY | os.O_RDWR)
    if is_write and str(arguments[0]).startswith(root + "/efi"):
        left -= 1
        if left < 0:
            os._exit(9)

sys.addaudithook(watch)
if act == "stage":
    content = SlotContent("2026.11.2", sha256, int(size))
    loader.stage(SlotName.B, content, boot_image=BootImage(Path(boot), boot_sha256))
else:
    loader.clear(SlotName.B)
"""


@pytest.fixture
def boot_image(tmp_path: Path) -> BootImage:
    path = tmp_path / "new.efi"
    made = boot_images.write(path, version=SECOND, sha256=CONTENT.sha256, size=CONTENT.size, kernel_bytes=1 << 16)
    return BootImage(path, hashlib.sha256(made).hexdigest())


def fill_slot(machine: EspMachine) -> None:
    with machine.slot_path(SlotName.B).open("r+b") as slot:
        slot.write(NEW)


def stage(machine: Machine, boot_image: BootImage) -> None:
    machine.boot_loader.stage(SlotName.B, CONTENT, boot_image=boot_image)


def die_in(act: str, machine: EspMachine, boot_image: BootImage, *, after_writes: int) -> bool:
    """Whether it died; False once there were fewer writes than that."""
    arguments = (machine.folder, machine.state, act, CONTENT.sha256, CONTENT.size, boot_image.path, boot_image.sha256)
    words = [sys.executable, "-c", _DOER, *(str(one) for one in arguments), str(after_writes)]
    code = subprocess.run(words, check=False).returncode
    assert code in (0, 9)
    return code == 9


def test_power_goes_while_a_release_is_staged(machine: EspMachine, boot_image: BootImage) -> None:
    fill_slot(machine)
    shutil.copytree(machine.folder / "efi", machine.folder / "efi-before")
    started = []
    for writes in range(_MOST_STEPS):
        shutil.rmtree(machine.folder / "efi")
        shutil.copytree(machine.folder / "efi-before", machine.folder / "efi")
        is_cut = die_in("stage", machine, boot_image, after_writes=writes)
        started.append(machine.power_on())
        if not is_cut:
            break
        if started[-1] == FIRST:
            stage(machine.open(), boot_image)
            assert machine.list_files() == [f"cebox_{FIRST}.efi", f"cebox_{SECOND}+3.efi"]
            assert machine.power_on() == SECOND
        assert machine.list_files() == [f"cebox_{FIRST}.efi", f"cebox_{SECOND}+2-1.efi"]
        reset_to_first(machine)

    # The new system starts exactly when its entry has its name, and that is the last thing that happens.
    assert started == [FIRST] * (len(started) - 1) + [SECOND]
    assert len(started) >= 5


def test_power_goes_while_a_staged_release_is_taken_away(machine: EspMachine, boot_image: BootImage) -> None:
    fill_slot(machine)
    stage(machine.open(), boot_image)
    shutil.copytree(machine.folder / "efi", machine.folder / "efi-before")
    for writes in range(_MOST_STEPS):
        shutil.rmtree(machine.folder / "efi")
        shutil.copytree(machine.folder / "efi-before", machine.folder / "efi")
        is_cut = die_in("clear", machine, boot_image, after_writes=writes)
        if machine.power_on() == FIRST:
            machine.open().boot_loader.clear(SlotName.B)
            assert machine.list_files() == [f"cebox_{FIRST}.efi"]
            assert machine.power_on() == FIRST
        reset_to_first(machine)
        if not is_cut:
            break

    assert 2 <= writes < _MOST_STEPS - 1


def test_half_written_files_are_swept_away_with_the_next_update(machine: EspMachine, boot_image: BootImage) -> None:
    (machine.boot_images / "cebox.part").write_bytes(b"half")
    (machine.folder / "efi/loader/.loader.conf.1a2b3c4d.part").write_bytes(b"half")
    (machine.boot_images / "foreign.efi").write_bytes(b"not ours")

    machine.open().boot_loader.clear(SlotName.B)

    assert machine.list_files() == [f"cebox_{FIRST}.efi", "foreign.efi"]
    assert [path.name for path in (machine.folder / "efi/loader").iterdir()] == ["loader.conf"]


def reset_to_first(machine: EspMachine) -> None:
    """The kernel still runs the first system, whatever starts next."""
    shutil.rmtree(machine.folder / "efi")
    shutil.copytree(machine.folder / "efi-before", machine.folder / "efi")
    for path in machine.boot_images.glob(f"cebox_{SECOND}*"):
        path.unlink()
    assert machine.power_on() == FIRST
