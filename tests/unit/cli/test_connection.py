import stat
from pathlib import Path

import pytest

from cebox.cli.connection import SavedLogin, choose_connection, config_path, find_saved_login, save_login
from cebox.errors import InvalidInput, NotAuthenticated

SAVED = SavedLogin(console="https://console.example.org", token="saved-token")


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    return {"CEBOX_CONFIG": str(tmp_path / "deep" / "console.json")}


def _write(path: Path, content: str) -> Path:
    path.write_text(content)
    return path


def test_a_saved_sign_in_is_readable_by_its_owner_only(environment: dict[str, str]) -> None:
    path = save_login(SAVED, environment)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert find_saved_login(environment) == SAVED


def test_the_file_lies_in_the_home_unless_it_is_said_otherwise(tmp_path: Path) -> None:
    assert config_path({}) == Path.home() / ".config/cebox/console.json"
    assert config_path({"XDG_CONFIG_HOME": str(tmp_path)}) == tmp_path / "cebox/console.json"
    assert config_path({"CEBOX_CONFIG": "/x/y.json"}) == Path("/x/y.json")


def test_a_saved_sign_in_is_used_when_nothing_is_said(environment: dict[str, str]) -> None:
    save_login(SAVED, environment)
    connection = choose_connection(None, None, environment)
    assert (connection.console_url, connection.token) == (SAVED.console, SAVED.token)


def test_options_win_over_the_environment_and_that_over_the_saved(environment: dict[str, str], tmp_path: Path) -> None:
    save_login(SAVED, environment)
    environment["CEBOX_CONSOLE"] = "http://127.0.0.1:1"
    environment["CEBOX_TOKEN_FILE"] = str(_write(tmp_path / "token", "from-environment\n"))
    assert choose_connection(None, None, environment).token == "from-environment"
    option = _write(tmp_path / "option", "from-option\nsecond line is a note")
    connection = choose_connection("http://127.0.0.1:2", option, environment)
    assert (connection.console_url, connection.token) == ("http://127.0.0.1:2", "from-option")


def test_a_saved_token_is_never_sent_to_another_console(environment: dict[str, str]) -> None:
    save_login(SAVED, environment)
    with pytest.raises(NotAuthenticated) as caught:
        choose_connection("https://elsewhere.example.org", None, environment)
    assert caught.value.code == "not_signed_in"


def test_the_saved_console_may_be_named_with_a_slash_at_its_end(environment: dict[str, str]) -> None:
    save_login(SAVED, environment)
    assert choose_connection(SAVED.console + "/", None, environment).token == SAVED.token


def test_without_any_sign_in_the_hint_says_how(environment: dict[str, str]) -> None:
    with pytest.raises(NotAuthenticated) as caught:
        choose_connection(None, None, environment)
    assert "cebox login" in caught.value.hint


@pytest.mark.parametrize("content", ["", "{", "[]", '{"console": "x"}', "\x00\xff"])
def test_a_damaged_sign_in_file_is_named(environment: dict[str, str], content: str) -> None:
    path = save_login(SAVED, environment)
    path.write_text(content)
    with pytest.raises(InvalidInput) as caught:
        choose_connection(None, None, environment)
    assert caught.value.code == "login_file_invalid"
    assert str(path) in caught.value.message


@pytest.mark.parametrize(("content", "code"), [("\n", "secret_file_empty"), (None, "secret_file_unreadable")])
def test_a_token_file_without_a_token_is_named(
    environment: dict[str, str], tmp_path: Path, content: str | None, code: str
) -> None:
    path = tmp_path / "token"
    if content is not None:
        path.write_text(content)
    with pytest.raises(InvalidInput) as caught:
        choose_connection("http://127.0.0.1:1", path, environment)
    assert caught.value.code == code


def test_a_token_is_not_shown_when_a_connection_is_printed(environment: dict[str, str]) -> None:
    save_login(SAVED, environment)
    assert SAVED.token not in repr(choose_connection(None, None, environment))
