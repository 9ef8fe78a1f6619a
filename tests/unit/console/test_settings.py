"""The console's settings: file, environment, refusals."""

from pathlib import Path

import pytest

from cebox.console.opening import load_or_make_secret
from cebox.console.settings import ConsoleSettings, load_settings
from cebox.errors import CeboxError, InvalidInput


def test_the_environment_goes_over_the_file(tmp_path: Path) -> None:
    file = tmp_path / "console.toml"
    file.write_text('port = 9000\nhost = "0.0.0.0"\nhas_secure_cookie = false\n')

    settings = load_settings(file, {"CEBOX_CONSOLE_PORT": "9001", "PATH": "/bin"})

    assert (settings.port, settings.host, settings.has_secure_cookie) == (9001, "0.0.0.0", False)


def test_without_words_the_state_folder_holds_everything(tmp_path: Path) -> None:
    settings = load_settings(None, {"CEBOX_CONSOLE_STATE_FOLDER": str(tmp_path)})

    assert settings.database_url == f"sqlite:///{tmp_path}/console.db"
    assert settings.secret_path == tmp_path / "secret"
    assert settings.has_secure_cookie


@pytest.mark.parametrize(
    ("file", "environment", "word"),
    [
        ("prot = 1", {}, "prot"),
        ("", {"CEBOX_CONSOLE_PROT": "1"}, "prot"),
        ("port = 70000", {}, "port"),
        ("port = ", {}, "TOML"),
        ("", {"CEBOX_CONSOLE_SESSION_LIFETIME_SECONDS": "0"}, "session_lifetime_seconds"),
        ('host = ""', {}, "host"),
    ],
)
def test_what_is_wrong_is_named_and_refused(tmp_path: Path, file: str, environment: dict[str, str], word: str) -> None:
    path = tmp_path / "console.toml"
    path.write_text(file)

    with pytest.raises(InvalidInput) as caught:
        load_settings(path, environment)

    assert caught.value.code == "settings_invalid"
    assert word in f"{caught.value.message} {caught.value.hint}"


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput) as caught:
        load_settings(tmp_path / "none.toml", {})

    assert caught.value.code == "settings_missing"


def test_the_secret_is_made_once_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    settings = ConsoleSettings(state_folder=tmp_path / "state")

    first, second = load_or_make_secret(settings), load_or_make_secret(settings)

    assert first == second
    assert len(first) >= 32
    assert settings.secret_path.stat().st_mode & 0o777 == 0o600


def test_no_two_consoles_share_a_secret(tmp_path: Path) -> None:
    consoles = [ConsoleSettings(state_folder=tmp_path / name) for name in ("one", "two")]

    assert load_or_make_secret(consoles[0]) != load_or_make_secret(consoles[1])


def test_a_secret_that_is_too_short_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("short\n")

    with pytest.raises(CeboxError) as caught:
        load_or_make_secret(ConsoleSettings(state_folder=tmp_path, secret_file=file))

    assert caught.value.code == "secret_too_short"
