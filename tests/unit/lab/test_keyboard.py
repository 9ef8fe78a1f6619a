"""What is typed at a machine with a French keyboard."""

import pytest

from cebox.lab.vm.seat import list_keys


def test_keys_are_named_by_their_places_on_an_american_keyboard() -> None:
    assert list_keys("azur wm\n") == ["q", "w", "u", "r", "spc", "z", "semicolon", "ret"]


@pytest.mark.parametrize("character", ["A", "é", "1", "%"])
def test_what_no_key_is_known_for_is_refused(character: str) -> None:
    with pytest.raises(ValueError, match="no key is known"):
        list_keys(f"mot{character}")
