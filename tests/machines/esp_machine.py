"""A real machine as the agent sees it, made of files: a boot partition that is a folder, slots that are files, and a
firmware, boot loader and initrd that do what the real ones do. `test_boot_loader.py` holds the loader and the real one
together.
"""

import fnmatch
import hashlib
import re
import shutil
import uuid
from pathlib import Path

from cebox.agent.machine import Machine, SlotName
from cebox.agent.systemd_boot.machine import open_machine
from cebox.agent.systemd_boot.programs import Programs
from cebox.agent.virtual.firmware import hash_head
from cebox.agent.virtual.trial import Behaviour, read_behaviour
from tests.machines import boot_images

_COUNTED = re.compile(r"(?P<stem>.*)\+(?P<left>\d+)(?:-(?P<done>\d+))?(?P<suffix>\.efi)")
_MOST_STARTS = 12
# Services of the system that a folder cannot have: what each call of them does to the machine's files.
_SYSTEMCTL = """#!/bin/sh
root='{root}'
case "$*" in
list-jobs*) cat "$root/run/jobs" 2>/dev/null ;;
"start boot-complete.target")
    if [ "$(cat "$root/run/behaviour")" = unhealthy ]; then echo "a job failed" >&2; exit 1; fi ;;
*reboot|*poweroff) echo "$*" >> "$root/run/asked" ;;
*) exit 1 ;;
esac
"""
_BLESS = """#!/bin/sh
root='{root}'
for entry in "$root/efi/EFI/Linux/cebox_$(cat "$root/run/version")+"*.efi; do
    if [ -e "$entry" ]; then mv "$entry" "${{entry%+*}}.efi"; fi
done
"""
_LOGINCTL = """#!/bin/sh
case "$1" in
list-sessions) cat '{root}/run/sessions' 2>/dev/null ;;
show-session) cat '{root}/run/session-facts' 2>/dev/null ;;
esac
"""
_IP = """#!/bin/sh
cat '{root}/run/addresses' 2>/dev/null
"""
_WALL = """#!/bin/sh
cat >> '{root}/run/wall'
"""


class NothingStarts(Exception):
    """The machine stays dark: what must never happen."""


class EspMachine:
    """`folder` is the root of its files, and holds its programs in `bin`."""

    def __init__(self, folder: Path, *, slot_bytes: int) -> None:
        self.folder = folder
        self.boot_images = folder / "efi/EFI/Linux"
        self.programs = folder / "bin"
        self.state = folder / "var/lib/cebox/state"
        for name in ("efi/loader", "dev/disk/by-partlabel", "run/cebox", "proc/sys/kernel/random", "proc/net"):
            (folder / name).mkdir(parents=True)
        for path in (self.boot_images, self.programs, self.state):
            path.mkdir(parents=True)
        for slot in SlotName:
            with self.slot_path(slot).open("wb") as stream:
                stream.truncate(slot_bytes)
        self._write_programs()
        self.plug_in()

    def slot_path(self, slot: SlotName) -> Path:
        return self.folder / f"dev/disk/by-partlabel/cebox-root-{slot}"

    def install(self, version: str, root_image: Path, boot_image: Path) -> None:
        """What an installation key leaves: slot A and its entry, to be blessed by the first start; here it is."""
        with root_image.open("rb") as source, self.slot_path(SlotName.A).open("r+b") as slot:
            shutil.copyfileobj(source, slot)
        shutil.copyfile(boot_image, self.boot_images / f"cebox_{version}.efi")

    def list_files(self) -> list[str]:
        return sorted(path.name for path in self.boot_images.iterdir())

    def power_on(self) -> str:
        """Start until something comes up; the version that runs. Raises NothingStarts."""
        for _ in range(_MOST_STARTS):
            entry = self._count_down(self._choose())
            slot = self._find_slot(entry)
            if slot is not None and read_behaviour(self.slot_path(slot)) is not Behaviour.PANIC:
                return self._come_up(entry, slot)
        raise NothingStarts(f"{self.list_files()}")

    def open(self) -> Machine:
        return open_machine(self.state, self.folder, Programs(self.programs))

    def plug_in(self, *, is_up: bool = True) -> None:
        interface = self.folder / "sys/class/net/eth0"
        interface.mkdir(parents=True, exist_ok=True)
        (interface / "operstate").write_text("up\n" if is_up else "down\n")
        rows = "Iface Destination Gateway\n" + ("eth0 00000000 0202000A\n" if is_up else "")
        (self.folder / "proc/net/route").write_text(rows)

    def _choose(self) -> Path:
        """systemd-boot 252: what says nothing of itself is no entry; those without tries left come last; `default`
        takes the first that it matches.
        """
        readable = [path for path in self.boot_images.glob("*.efi") if _read_facts(path) is not None]
        entries = sorted(readable, key=lambda path: _natural(path.name), reverse=True)
        entries.sort(key=lambda path: _read_tries(path.name) == 0)
        if not entries:
            raise NothingStarts("no entry")
        pattern = self._read_default()
        return next((one for one in entries if pattern and fnmatch.fnmatchcase(one.name.lower(), pattern)), entries[0])

    def _read_default(self) -> str:
        settings = self.folder / "efi/loader/loader.conf"
        lines = settings.read_text().splitlines() if settings.is_file() else []
        return next((line.split()[1].lower() for line in lines if line.startswith("default ")), "")

    def _count_down(self, entry: Path) -> Path:
        match = _COUNTED.fullmatch(entry.name)
        if match is None or int(match["left"]) == 0:
            return entry
        counters = f"+{int(match['left']) - 1}-{int(match['done'] or 0) + 1}"
        return entry.rename(entry.with_name(f"{match['stem']}{counters}{match['suffix']}"))

    def _find_slot(self, entry: Path) -> SlotName | None:
        facts = _read_facts(entry)
        if facts is None:
            return None
        _, sha256, size = facts
        return next((slot for slot in SlotName if hash_head(self.slot_path(slot), size) == sha256), None)

    def _come_up(self, entry: Path, slot: SlotName) -> str:
        facts = _read_facts(entry)
        assert facts is not None
        version = facts[0]
        shutil.rmtree(self.folder / "run")
        (self.folder / "run/cebox").mkdir(parents=True)
        (self.folder / "run/cebox/slot").write_text(f"{slot}\n")
        (self.folder / "run/version").write_text(version)
        (self.folder / "run/behaviour").write_text(read_behaviour(self.slot_path(slot)))
        (self.folder / "proc/cmdline").write_text(f"quiet cebox.version={version} cebox.blocks=1 panic=10\n")
        (self.folder / "proc/sys/kernel/random/boot_id").write_text(f"{uuid.uuid4()}\n")
        return version

    def _write_programs(self) -> None:
        programs = {
            "systemctl": _SYSTEMCTL,
            "systemd-bless-boot": _BLESS,
            "loginctl": _LOGINCTL,
            "ip": _IP,
            "wall": _WALL,
        }
        for name, text in programs.items():
            path = self.programs / name
            path.write_text(text.format(root=self.folder))
            path.chmod(0o755)


def write_pair(folder: Path, version: str, root: bytes, *, kernel_bytes: int = 0) -> tuple[Path, Path]:
    """A root image and the boot image that starts it."""
    root_image, boot_image = folder / f"{version}.img", folder / f"{version}.efi"
    root_image.write_bytes(root)
    sha256 = hashlib.sha256(root).hexdigest()
    boot_images.write(boot_image, version=version, sha256=sha256, size=len(root), kernel_bytes=kernel_bytes)
    return root_image, boot_image


def _read_facts(entry: Path) -> tuple[str, str, int] | None:
    content = entry.read_bytes()
    match = re.search(rb"IMAGE_VERSION=(\S+)\nCEBOX_ROOT_SHA256=([0-9a-f]{64})\nCEBOX_ROOT_BYTES=(\d+)\n", content)
    return (match[1].decode(), match[2].decode(), int(match[3])) if match else None


def _read_tries(name: str) -> int | None:
    match = _COUNTED.fullmatch(name)
    return int(match["left"]) if match else None


def _natural(name: str) -> list[tuple[int, str]]:
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", name)]
