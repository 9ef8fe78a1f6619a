import pytest

from cebox.cli.output import clean, print_facts, print_table, say


def test_a_name_cannot_command_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    hostile = "box\x1b[2J\x07\n\u202e[bold red]x"
    say(hostile)
    print_table(("name",), [(hostile,)], empty="")
    print_facts({"name": hostile})
    output = capsys.readouterr().out
    assert "\x1b" not in output
    assert "\u202e" not in output
    assert output.count("[bold red]x") == 3


def test_letters_of_every_language_stay() -> None:
    assert clean("Périphérique n° 3 — été") == "Périphérique n° 3 — été"


def test_a_long_cell_is_whole_when_nobody_looks(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("name", "note"), [("a", "x" * 300)], empty="")
    assert "x" * 300 in capsys.readouterr().out


def test_an_empty_table_is_a_sentence_beside_the_answer(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("name",), [], empty="No device.")
    output = capsys.readouterr()
    assert (output.out, output.err) == ("", "No device.\n")
