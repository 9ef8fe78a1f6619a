import pytest

from cebox.domain.text import is_printable


@pytest.mark.parametrize("text", ["Reporter\u202f: deux fois", "10\u00a0000", "Éléonore", ""])
def test_french_spaces_are_printable(text: str) -> None:
    assert is_printable(text)


@pytest.mark.parametrize("text", ["a\nb", "\x1b[31m", "\u202e", "\x00", "\u2028"])
def test_what_steers_a_screen_is_not(text: str) -> None:
    assert not is_printable(text)
