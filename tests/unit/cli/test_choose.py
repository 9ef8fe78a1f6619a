from dataclasses import dataclass

import pytest

from cebox.cli.choose import choose
from cebox.errors import InvalidInput, NotFound


@dataclass
class Device:
    id: str
    name: str


FLEET = [Device("dev_1", "accueil-01"), Device("dev_2", "accueil-02"), Device("dev_3", "WRS-Lyon")]


@pytest.mark.parametrize(("words", "id_"), [("dev_2", "dev_2"), ("accueil-01", "dev_1"), ("wrs-lyon", "dev_3")])
def test_a_thing_is_named_by_id_by_name_or_in_other_capitals(words: str, id_: str) -> None:
    assert choose(words, FLEET, kind="device").id == id_


def test_an_unknown_name_is_answered_with_those_that_come_near() -> None:
    with pytest.raises(NotFound) as caught:
        choose("accueil", FLEET, kind="device")
    assert caught.value.code == "device_unknown"
    assert "accueil-01, accueil-02" in caught.value.hint


def test_a_misspelt_name_is_recognised() -> None:
    with pytest.raises(NotFound, match="there is no device 'wrs-lion'") as caught:
        choose("wrs-lion", FLEET, kind="device")
    assert "WRS-Lyon" in caught.value.hint


def test_a_name_unlike_any_other_is_answered_with_the_way_to_the_list() -> None:
    with pytest.raises(NotFound) as caught:
        choose("zzz", FLEET, kind="device")
    assert caught.value.hint == "List them with: cebox device list"


def test_a_name_borne_twice_is_answered_with_the_ids() -> None:
    with pytest.raises(InvalidInput) as caught:
        choose("a", [Device("dev_1", "a"), Device("dev_2", "a")], kind="device")
    assert caught.value.code == "device_ambiguous"
    assert "dev_1, dev_2" in caught.value.hint


def test_an_exact_name_wins_over_other_capitals() -> None:
    assert choose("a", [Device("dev_1", "A"), Device("dev_2", "a")], kind="device").id == "dev_2"
