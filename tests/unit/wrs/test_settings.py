"""wrs.toml: what is read, and what is refused."""

from pathlib import Path

import pytest

from cebox.errors import InvalidInput
from cebox.wrs.settings import load_settings


def test_an_empty_file_gives_the_defaults_below_its_folder(tmp_path: Path) -> None:
    (tmp_path / "wrs.toml").touch()
    settings = load_settings(tmp_path)
    assert settings.state_folder == tmp_path / "mirror"
    assert settings.control_socket == tmp_path / "wrs.sock"


def test_an_absolute_path_stays_what_it_is(tmp_path: Path) -> None:
    (tmp_path / "wrs.toml").write_text('control_socket = "/run/cebox/wrs.sock"\nlisten_port = 0\n')
    assert load_settings(tmp_path).control_socket == Path("/run/cebox/wrs.sock")


@pytest.mark.parametrize(
    "text",
    [
        "unknown_key = 1",
        "listen_port = 70000",
        'listen_port = "8420"',
        "download_bytes_per_second = 0",
        "timeout_seconds = -1.0",
        'state_folder = ""',
        "root_file = 3",
        "listen_port = ",
    ],
)
def test_a_wrong_setting_is_refused_by_name(tmp_path: Path, text: str) -> None:
    (tmp_path / "wrs.toml").write_text(text)
    with pytest.raises(InvalidInput) as raised:
        load_settings(tmp_path)
    assert raised.value.code == "settings_invalid"


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput) as raised:
        load_settings(tmp_path)
    assert raised.value.code == "settings_missing"
    assert str(tmp_path) in raised.value.message
