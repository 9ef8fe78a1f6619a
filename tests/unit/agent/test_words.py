import string

import pytest

from cebox.agent.words import Word, say

VALUES = {"version": "2026.11.2", "percent": 40, "minutes": 3, "left": 2}


@pytest.mark.parametrize("word", Word)
def test_every_word_is_said_in_both_languages(word: Word, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "fr_FR.UTF-8")
    french = say(word, **VALUES)
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    english = say(word, **VALUES)

    assert french != english
    assert not set("{}") & set(french + english)
    assert all(str(VALUES[name]) in english for name in VALUES if str(VALUES[name]) in french)
    assert set(english) <= set(string.printable)
