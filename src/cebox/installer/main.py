"""The installer as a process: from the stick to an installed disk, asking where it must, until the machine restarts."""

import shutil
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from cebox.agent.systemd_boot.firmware import insist_on_loader, read_table
from cebox.errors import CeboxError
from cebox.installer.choice import find_named, find_only_free
from cebox.installer.disks import Content, Disk, list_disks
from cebox.installer.first_data import name_machine
from cebox.installer.installation import Watch, install
from cebox.installer.layout import count_needed_bytes
from cebox.installer.opened_key import OpenedKey, find_stick, open_key
from cebox.installer.places import Places
from cebox.installer.screen import Screen
from cebox.installer.words import Words, name_disk
from cebox.keys.contents import Afterwards
from cebox.kit.tools import run_tool

_TERMINALS = (Path("/dev/tty1"), Path("/dev/ttyS0"))
_SECONDS_TO_READ = 10


def main() -> int:
    screen = Screen(_TERMINALS)
    try:
        afterwards = run_installer(Places(), screen)
    finally:
        screen.close()
    time.sleep(_SECONDS_TO_READ)
    run_tool("systemctl", "--no-block", afterwards)
    return 0


def run_installer(places: Places, screen: Screen) -> Afterwards:
    """Until it has succeeded; what fails is shown, and begun again when somebody says so.

    Raises Unavailable (`screen_missing`) when nobody can.
    """
    words = Words()
    while True:
        try:
            disks = list_disks(places)
            stick = find_stick(disks, places)
            room = _make_room(places)
            key = open_key(stick, room)
            words = Words(key.settings.language)
            screen.say(words.write_title(key.settings))
            return _install_on(_choose(places, stick, key, screen, words), key, places, screen, words)
        except (CeboxError, OSError) as error:
            screen.say(words.write("failed", error=str(error)))
            if hint := getattr(error, "hint", ""):
                screen.say(hint)
            screen.ask(words.write("again"))
        finally:
            shutil.rmtree(places.workshop, ignore_errors=True)


def _choose(places: Places, stick: Disk, key: OpenedKey, screen: Screen, words: Words) -> Disk:
    needed_bytes = _count_needed(key)
    while True:
        disks = [disk for disk in list_disks(places) if disk.name != stick.name]
        if not disks:
            screen.ask(words.write("no_disk"))
            continue
        found = find_only_free(disks, needed_bytes) or _ask(disks, needed_bytes, screen, words)
        if found is not None:
            return found


def _ask(disks: Sequence[Disk], needed_bytes: int, screen: Screen, words: Words) -> Disk | None:
    """None: look again."""
    screen.say(words.write("none_free"))
    screen.say(words.list_disks(disks, needed_bytes))
    typed = screen.ask(words.write("ask"))
    disk = find_named(typed, disks)
    if disk is None:
        if typed:
            screen.say(words.write("unknown"))
        return None
    if disk.content is not Content.USED:
        return disk
    if screen.ask(words.write("lost", disk=name_disk(disk), name=disk.name)) == disk.name:
        return disk
    screen.say(words.write("kept"))
    return None


def _install_on(disk: Disk, key: OpenedKey, places: Places, screen: Screen, words: Words) -> Afterwards:
    machine_name = name_machine(key.settings, places)
    screen.say(words.write("chosen", disk=name_disk(disk), machine=machine_name))
    install(
        key,
        disk,
        boot_loader=places.boot_loader,
        machine_name=machine_name,
        room=places.workshop,
        watch=Watch(lambda step: screen.say(words.write(step)), screen.show_progress),
    )
    # A firmware that refuses does no harm: the agent tells it again before each update.
    with suppress(OSError, KeyError):
        insist_on_loader(places.firmware_memory, read_table(disk.path, disk.sector_bytes))
    screen.say(words.write("done", version=key.settings.version, disk=name_disk(disk)))
    screen.say(words.write(key.settings.afterwards, seconds=_SECONDS_TO_READ))
    return key.settings.afterwards


def _count_needed(key: OpenedKey) -> int:
    assert key.manifest.boot is not None
    return count_needed_bytes(
        root_bytes=key.manifest.root.size, boot_bytes=key.manifest.boot.size, kind=key.settings.kind
    )


def _make_room(places: Places) -> Path:
    shutil.rmtree(places.workshop, ignore_errors=True)
    places.workshop.mkdir(parents=True, mode=0o700)
    return places.workshop
