import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from cebox.cli.main import run
from cebox.cli.reference import list_commands, render_page

ROOT = Path(__file__).parents[3]
COMMANDS = list(list_commands())
PATHS = [path for path, _ in COMMANDS]
LONGEST_LINE = 80


@pytest.mark.parametrize("path", PATHS)
def test_the_help_of_every_command_works(path: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*path.split()[1:], "--help"]) == 0
    assert "Usage:" in capsys.readouterr().out


@pytest.mark.parametrize(("path", "command"), COMMANDS, ids=PATHS)
def test_every_command_says_in_one_short_sentence_what_it_does(path: str, command: Any) -> None:
    sentence = command.help
    assert sentence
    assert "\n" not in sentence
    assert sentence.endswith(".")
    assert not hasattr(command, "commands") or len(sentence) <= LONGEST_LINE


@pytest.mark.parametrize(("path", "command"), COMMANDS, ids=PATHS)
def test_every_word_of_every_command_is_explained(path: str, command: Any) -> None:
    for parameter in command.params:
        assert parameter.help or parameter.name.endswith("completion"), f"{path} {parameter.name}"


@pytest.mark.parametrize(("path", "command"), COMMANDS, ids=PATHS)
def test_every_command_answers_in_json_unless_it_runs_a_program(path: str, command: Any) -> None:
    runs_a_program = path in ("cebox demo", "cebox console serve", "cebox wrs serve", "cebox agent run")
    if not hasattr(command, "commands") and not runs_a_program:
        assert any("--json" in parameter.opts for parameter in command.params)


@pytest.mark.parametrize(("path", "command"), COMMANDS, ids=PATHS)
def test_the_examples_are_commands_that_exist(path: str, command: Any) -> None:
    for line in (command.epilog or "").splitlines():
        if line.startswith("$ cebox "):
            words = line.removeprefix("$ ").split()
            assert any(words[: len(known.split())] == known.split() for known in PATHS if known != "cebox"), line


def test_the_page_of_commands_is_current() -> None:
    assert (ROOT / "docs/cli.md").read_text() == render_page(), "run: make docs"


def test_without_words_the_help_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([]) == 2
    output = capsys.readouterr()
    assert "cebox login" in output.out
    assert output.err == ""


def test_the_version_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--version"]) == 0
    assert capsys.readouterr().out.startswith("cebox 0.")


def test_help_needs_none_of_the_programs_libraries() -> None:
    heavy = {"fastapi", "sqlalchemy", "starlette", "uvicorn", "tuf", "cebox.console", "cebox.release.making.build"}
    program = (
        "import sys; from cebox.cli.main import run; code = run(['--help']); "
        f"found = sorted({heavy!r} & set(sys.modules)); sys.exit(str(found) if found or code else 0)"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr


def test_a_box_starts_its_agent_without_the_libraries_of_the_commands(tmp_path: Path) -> None:
    heavy = {"typer", "rich", "pydantic", "fastapi", "sqlalchemy", "starlette"}
    program = (
        "import sys; from cebox.cli.main import run; code = run(['agent', 'run', '--dir', sys.argv[1]]); "
        f"found = [name for name in {heavy!r} if sys.modules.get(name)]; sys.exit(str(found) if found else code)"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "nowhere")]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 2, result.stderr
    assert "[settings_missing]" in result.stderr
