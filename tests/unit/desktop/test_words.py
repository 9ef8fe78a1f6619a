import string

import pytest

from cebox.desktop.words import Word, Words

VALUES = {"time": "4 min", "left": 2, "hours": 1, "minutes": 5, "seconds": 7}
FRENCH, ENGLISH = Words(is_french=True), Words(is_french=False)


@pytest.mark.parametrize("word", [word for word in Word if word not in (Word.MINUTES, Word.SECONDS)])
def test_every_word_is_said_in_both_languages(word: Word) -> None:
    french, english = FRENCH.write(word, **VALUES), ENGLISH.write(word, **VALUES)

    assert french != english
    assert not set("{}") & set(french + english)
    assert all((str(value) in french) == (str(value) in english) for value in ("4 min", 2))
    assert set(english) <= set(string.printable)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (-3, "0 s"),
        (0.4, "0 s"),
        (59.4, "59 s"),
        (59.6, "1 min 00 s"),
        (300, "5 min 00 s"),
        (3599, "59 min 59 s"),
        (3600, "1 h 00"),
        (5430, "1 h 30"),
    ],
)
def test_a_time_is_counted_down_as_a_clock_shows_it(seconds: float, said: str) -> None:
    assert FRENCH.write_time(seconds) == said


@pytest.mark.parametrize(("seconds", "said"), [(300, "5 min"), (1800, "30 min"), (3600, "1 h 00"), (10, "1 min")])
def test_a_postponement_is_told_in_minutes(seconds: int, said: str) -> None:
    assert FRENCH.write_span(seconds) == said
