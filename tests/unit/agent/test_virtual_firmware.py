import io
import tarfile
from pathlib import Path

import pytest

from cebox.agent.machine import PowerKind, SlotContent, SlotName, Verdict
from cebox.agent.virtual import firmware
from cebox.agent.virtual.boot_table import load_table, save_table, slot_path
from cebox.agent.virtual.machine import create_machine, install_image, move_machine, open_machine, read_place
from cebox.agent.virtual.ports import POWER_FILE
from cebox.agent.virtual.trial import TRIAL_MEMBER, Behaviour, read_behaviour
from cebox.domain.device import Place
from cebox.errors import Conflict, Exhausted, InvalidInput, Untrusted


def make_image(word: str | None, *, prefix: str = "") -> bytes:
    """A tar such as a release is built as."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as archive:
        for name, text in (("usr/lib/other", "x"), (TRIAL_MEMBER, word)):
            if text is not None:
                member = tarfile.TarInfo(prefix + name)
                member.size = len(text)
                archive.addfile(member, io.BytesIO(text.encode()))
    return content.getvalue()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    image = tmp_path / "image"
    image.write_bytes(make_image(None))
    folder = tmp_path / "box"
    create_machine(folder, slot_bytes=1 << 20)
    install_image(folder, version="2026.11.1", sha256=firmware.hash_head(image, 1 << 20), image=image)
    return folder


def stage(folder: Path, word: str | None) -> None:
    image = make_image(word)
    path = slot_path(folder, SlotName.B)
    with path.open("r+b") as slot:
        slot.write(image)
    content = SlotContent("2026.11.2", firmware.hash_head(path, len(image)), len(image))
    open_machine(folder).boot_loader.stage(SlotName.B, content)


def test_a_release_that_panics_uses_its_tries_up_within_one_power_on(folder: Path) -> None:
    firmware.boot(folder)
    stage(folder, "panic")

    booted = firmware.boot(folder)

    assert (booted.slot, booted.tries_left, booted.attempts) == (SlotName.A, None, 4)


@pytest.mark.parametrize(
    ("word", "verdict"),
    [
        ("healthy", Verdict.HEALTHY),
        ("unhealthy", Verdict.UNHEALTHY),
        ("hang", Verdict.PENDING),
        ("nonsense", Verdict.HEALTHY),
        (None, Verdict.HEALTHY),
    ],
)
def test_the_word_in_the_image_decides_how_its_trial_goes(folder: Path, word: str | None, verdict: Verdict) -> None:
    firmware.boot(folder)
    stage(folder, word)
    firmware.boot(folder)

    assert open_machine(folder).health.examine(frozenset()).verdict is verdict


@pytest.mark.parametrize("prefix", ["", "./"])
def test_the_word_is_found_however_the_archive_spells_its_names(tmp_path: Path, prefix: str) -> None:
    (tmp_path / "slot").write_bytes(make_image("panic", prefix=prefix) + bytes(4096))
    assert read_behaviour(tmp_path / "slot") is Behaviour.PANIC


@pytest.mark.parametrize("content", [b"", bytes(4096), b"\xe2\xe1\xf5\xe0" * 1024])
def test_an_image_of_another_kind_is_healthy(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "slot").write_bytes(content)
    assert read_behaviour(tmp_path / "slot") is Behaviour.HEALTHY


def test_a_machine_without_a_sound_slot_stays_dark(folder: Path) -> None:
    with slot_path(folder, SlotName.A).open("r+b") as slot:
        slot.write(b"damage")
    with pytest.raises(Untrusted) as caught:
        firmware.boot(folder)
    assert caught.value.code == "nothing_boots"
    with pytest.raises(Conflict):
        open_machine(folder).slots.get_running()


def test_a_damaged_boot_table_is_named(folder: Path) -> None:
    (folder / "boot.json").write_text("{")
    with pytest.raises(Untrusted) as caught:
        firmware.boot(folder)
    assert caught.value.code == "boot_table_damaged"


def test_the_button_is_heard_once(folder: Path) -> None:
    firmware.boot(folder)
    (folder / POWER_FILE).write_text("shutdown")
    power = open_machine(folder).power
    assert power.take_request() is PowerKind.SHUTDOWN
    assert power.take_request() is None


def test_a_word_the_button_does_not_know_is_dropped(folder: Path) -> None:
    (folder / POWER_FILE).write_bytes(b"\xff\xfe explode")
    assert open_machine(folder).power.take_request() is None


def test_the_cable_can_be_moved(folder: Path) -> None:
    move_machine(folder, Place.AWAY)
    assert read_place(folder) is Place.AWAY


def test_a_machine_is_made_once(folder: Path) -> None:
    with pytest.raises(Conflict) as caught:
        create_machine(folder, slot_bytes=1)
    assert caught.value.code == "machine_exists"


def test_an_image_larger_than_a_slot_is_not_installed(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(bytes((1 << 20) + 1))
    before = load_table(folder)
    with pytest.raises(Exhausted):
        install_image(folder, version="2026.11.9", sha256="0" * 64, image=tmp_path / "large")
    assert load_table(folder) == before
    save_table(folder, before)


def test_a_folder_without_a_machine_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput) as caught:
        open_machine(tmp_path)
    assert caught.value.code == "machine_missing"
