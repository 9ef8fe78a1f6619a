from pathlib import Path

import pytest

from cebox.agent.settings import load_settings
from cebox.domain.device import DeviceKind
from cebox.errors import InvalidInput

MINIMUM = 'console_url = "https://console.test"\nname = "poste-12"\n'


def write(folder: Path, text: str) -> Path:
    (folder / "agent.toml").write_text(text)
    return folder


def test_an_address_and_a_name_are_enough_and_paths_are_the_boxs_own(tmp_path: Path) -> None:
    settings = load_settings(write(tmp_path, MINIMUM))

    assert settings.kind is DeviceKind.CEBOX
    assert settings.root_file == tmp_path / "root.json"
    assert settings.state_folder == tmp_path / "state"


def test_an_absolute_path_is_left_alone(tmp_path: Path) -> None:
    settings = load_settings(write(tmp_path, MINIMUM + 'control_socket = "/run/wrs.sock"\nkind = "wrs"\n'))
    assert settings.control_socket == Path("/run/wrs.sock")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "name = ",
        'console_url = "https://console.test"',
        MINIMUM + 'kind = "toaster"',
        MINIMUM + "consolle_url = 1",
        MINIMUM + 'root_file = ""',
        MINIMUM + "trial_seconds = 0",
        MINIMUM + "memory_bytes = -1",
        'console_url = "console.test"\nname = "x"',
    ],
    ids=["empty", "no toml", "nameless", "kind", "unknown key", "no path", "no time", "no memory", "no scheme"],
)
def test_settings_that_make_no_sense_are_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        load_settings(write(tmp_path, text))
    assert caught.value.code == "settings_invalid"


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput) as caught:
        load_settings(tmp_path)
    assert caught.value.code == "settings_missing"
