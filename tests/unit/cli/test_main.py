import json
import subprocess
import sys
from pathlib import Path

import pytest

from cebox.cli.main import run


@pytest.fixture(autouse=True)
def nobody_signed_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CEBOX_CONFIG", str(tmp_path / "console.json"))
    for name in ("CEBOX_CONSOLE", "CEBOX_TOKEN_FILE"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["devise"], "Did you mean 'device'?"),
        (["device", "lst"], "Did you mean 'list'?"),
        (["device", "list", "--foo"], "No such option: --foo"),
        (["device", "update"], "Missing argument"),
        (["device", "power", "accueil-01", "sideways"], "sideways"),
        (["demo", "--port", "99999"], "'--port'"),
    ],
)
def test_words_that_no_command_knows_are_named(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(words) == 2
    output = capsys.readouterr()
    assert output.out == ""
    assert said in output.err
    assert "[usage]\nhint: cebox" in output.err


def test_an_error_is_said_with_its_code_and_hint(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["device", "list"]) == 4
    assert capsys.readouterr().err == (
        "error: no console is known here [not_signed_in]\nhint: Sign in with: cebox login URL\n"
    )


def test_an_error_is_json_when_json_is_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["device", "list", "--json"]) == 4
    output = capsys.readouterr()
    assert output.out == ""
    assert json.loads(output.err)["code"] == "not_signed_in"


def test_a_wrong_option_is_json_too(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["device", "list", "--json", "--foo"]) == 2
    assert json.loads(capsys.readouterr().err)["code"] == "usage"


@pytest.mark.parametrize("address", ["console.example.org", "ftp://127.0.0.1", "http://", "http://[::", "\x1b[2J"])
def test_an_address_that_is_none_is_refused(address: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    password = tmp_path / "password"
    password.write_text("correct horse battery")
    assert run(["login", address, "--email", "a@example.org", "--password-file", str(password)]) == 2
    output = capsys.readouterr().err
    assert "[console_address_invalid]" in output
    assert "\x1b" not in output


def test_signing_in_without_anybody_to_ask_names_the_options(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["login", "http://127.0.0.1:1"]) == 2
    assert "--email" in capsys.readouterr().err


def test_signing_out_when_nobody_is_signed_in_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["logout"]) == 4
    assert "[not_signed_in]" in capsys.readouterr().err


def test_the_power_of_a_machine_needs_a_lab(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CEBOX_LAB", str(tmp_path / "lab.sock"))
    assert run(["device", "power", "accueil-01", "on"]) == 7
    assert "[lab_not_running]" in capsys.readouterr().err


def test_a_group_is_named_in_one_way(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["group", "update"]) == 2
    assert run(["group", "update", "accueil-01", "--all"]) == 2
    assert "[group_words_missing]" in capsys.readouterr().err


def test_an_unattended_demo_starts_fresh_by_itself(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["demo", "--once", "--reset"]) == 2
    assert "[options_conflict]" in capsys.readouterr().err


@pytest.mark.parametrize(("module", "words"), [("fastapi", "console serve"), ("starlette", "wrs serve --dir /x")])
def test_a_missing_extra_is_named_with_the_command_that_adds_it(module: str, words: str) -> None:
    program = "import sys; sys.modules[sys.argv[1]] = None; from cebox.cli.main import run; sys.exit(run(sys.argv[2:]))"
    command = [sys.executable, "-c", program, module, *words.split()]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 2, result.stderr
    assert f"pip install 'cebox[{words.split()[0]}]'" in result.stderr
    assert "Traceback" not in result.stderr
