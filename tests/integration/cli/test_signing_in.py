import socket
import stat
from pathlib import Path

import pytest

from tests.integration.cli.command import Person
from tests.integration.cli.conftest import PASSWORD, Fleet, Vendor, open_console


def _write(path: Path, content: str) -> Path:
    path.write_text(content)
    return path


@pytest.fixture
def stranger(tmp_path: Path) -> Person:
    return Person(tmp_path / "stranger.json")


@pytest.fixture
def password(tmp_path: Path) -> Path:
    return _write(tmp_path / "password", PASSWORD)


def test_a_sign_in_is_kept_privately_and_ended(fleet: Fleet, stranger: Person, password: Path) -> None:
    words = ("login", fleet.console.url + "/", "--email", "account-viewer@example.org", "--password-file", password)
    assert "Signed in as" in stranger.must(*words).out
    assert stat.S_IMODE(stranger.config.stat().st_mode) == 0o600
    assert "account-viewer" in stranger.must("whoami").out
    token = stranger.config.read_text()
    assert PASSWORD not in token
    stranger.must("logout")
    assert not stranger.config.exists()
    stranger.config.write_text(token)
    assert stranger.type("whoami").problem == "token_unknown"


def test_a_wrong_password_signs_nobody_in(fleet: Fleet, stranger: Person, tmp_path: Path) -> None:
    wrong = _write(tmp_path / "wrong", "wrong horse battery")
    words = ("login", fleet.console.url, "--email", "account-viewer@example.org", "--password-file", wrong)
    said = stranger.type(*words)
    assert said.code == 4
    assert "hint:" in said.err
    assert not stranger.config.exists()


def test_a_wrong_token_is_refused(fleet: Fleet, stranger: Person, tmp_path: Path) -> None:
    token = _write(tmp_path / "token", "nobody-ever-gave-this-out")
    said = stranger.type("device", "list", "--console", fleet.console.url, "--token-file", token)
    assert (said.code, said.problem) == (4, "token_unknown")
    assert "cebox login" in said.err


def test_the_environment_may_name_console_and_token(fleet: Fleet, stranger: Person, tmp_path: Path) -> None:
    saved = fleet.viewer.must("whoami", "--json").json
    token = _write(tmp_path / "token", _read_token(fleet.viewer.config))
    environment = {"CEBOX_CONSOLE": fleet.console.url, "CEBOX_TOKEN_FILE": str(token)}
    assert Person(stranger.config, environment).must("whoami", "--json").json == saved


def test_a_console_that_is_down_is_named(stranger: Person, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{taken.getsockname()[1]}"
        token = _write(tmp_path / "token", "any")
        said = stranger.type("device", "list", "--console", address, "--token-file", token)
    assert (said.code, said.problem) == (7, "console_unreachable")
    assert address in said.err


def test_an_address_without_a_console_behind_it_is_told_apart(fleet: Fleet, stranger: Person, tmp_path: Path) -> None:
    token = _write(tmp_path / "token", "any")
    said = stranger.type("device", "list", "--console", f"{fleet.console.url}/elsewhere", "--token-file", token)
    assert said.code == 3
    assert "Check the console's address" in said.err


def test_two_consoles_tokens_mixed_up_are_refused(
    fleet: Fleet, vendor: Vendor, stranger: Person, tmp_path: Path
) -> None:
    other, operator = open_console(tmp_path, vendor)
    try:
        token = _write(tmp_path / "token", _read_token(operator.config))
        said = stranger.type("device", "list", "--console", fleet.console.url, "--token-file", token)
        assert (said.code, said.problem) == (4, "token_unknown")
    finally:
        assert other.stop() == 0


def test_signing_out_works_while_the_console_is_away(stranger: Person) -> None:
    stranger.config.write_text('{"console": "http://127.0.0.1:9", "token": "any", "token_id": "tok_1"}')
    said = stranger.must("logout")
    assert "stays valid there until it expires" in said.err
    assert not stranger.config.exists()


def _read_token(config: Path) -> str:
    return config.read_text().partition('"token":"')[2].partition('"')[0]
