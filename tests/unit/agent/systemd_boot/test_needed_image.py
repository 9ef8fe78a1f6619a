"""Whether a release can be started here is known before anything of it is downloaded."""

from datetime import UTC, datetime

import pytest

from cebox.agent.boot_image import find_needed_image
from cebox.agent.box import Box
from cebox.agent.journal_file import JournalFile
from cebox.agent.settings import AgentSettings
from cebox.domain.version import Version
from cebox.errors import CeboxError
from cebox.protocol.identity import DeviceIdentity
from cebox.release.manifest import Image, Manifest
from tests.machines.esp_machine import EspMachine

VERSION = Version.parse("2026.11.2")
ROOT = Image(name="root", size=10, sha256="0" * 64, ways=())


@pytest.fixture
def box(machine: EspMachine) -> Box:
    return Box(
        settings=AgentSettings(console_url="https://console.test", name="box", state_folder=machine.state),
        machine=machine.open(),
        journal=JournalFile(machine.state / "journal.json"),
        identity=DeviceIdentity.load_or_generate(machine.state / "device.key"),
    )


def describe(*images: Image) -> Manifest:
    return Manifest(version=VERSION, floor=VERSION, created=datetime(2026, 11, 1, tzinfo=UTC), images=(ROOT, *images))


def find_code(box: Box, manifest: Manifest) -> str:
    with pytest.raises(CeboxError) as caught:
        find_needed_image(box, manifest)
    return caught.value.code


def test_a_boot_image_that_fits_is_needed(box: Box) -> None:
    boot = Image(name="boot", size=10_000, sha256="1" * 64, ways=())
    assert find_needed_image(box, describe(boot)) == boot


def test_a_boot_image_larger_than_the_boot_partition_is_refused(box: Box) -> None:
    boot = Image(name="boot", size=1 << 60, sha256="1" * 64, ways=())
    assert find_code(box, describe(boot)) == "esp_full"


def test_a_release_without_a_boot_image_is_refused(box: Box) -> None:
    assert find_code(box, describe()) == "boot_image_missing"
