"""Both languages say everything, with the same facts in it; and nothing said commands the terminal."""

import string
from pathlib import Path

import pytest

from cebox.installer.disks import Content, Disk
from cebox.installer.words import TEXTS, Step, Words, clean, format_size
from cebox.keys.contents import Afterwards, Language
from tests.machines.key_maker import SETTINGS


def _facts(text: str) -> set[str | None]:
    return {name for _, name, _, _ in string.Formatter().parse(text)}


def test_every_text_is_there_in_every_language_with_the_same_facts() -> None:
    english = {name: _facts(text) for name, text in TEXTS[Language.ENGLISH].items()}

    for language in Language:
        assert {name: _facts(text) for name, text in TEXTS[language].items()} == english
    assert {*Step, *Content, *Afterwards} <= set(english)


def test_the_title_says_what_the_machine_becomes_and_whose() -> None:
    title = Words(Language.FRENCH).write_title(SETTINGS)

    assert all(word in title for word in ("2026.11.1", "ceBox", "Atelier Nord", "Lyon", "stick-lyon"))


def test_a_disk_is_shown_with_its_size_what_is_on_it_and_whether_it_will_do() -> None:
    disk = Disk(
        "sdb", Path("/dev/sdb"), 500_107_862_016, 512, "ACME 500", True, Content.USED, labels=("EFI", "Windows")
    )

    shown = Words().list_disks([disk], 10**12)

    assert shown == "  1. sdb (ACME 500 500 GB) · NOT EMPTY · external (EFI, Windows)  (too small: 1.0 TB are needed)"


def test_what_a_disk_says_of_itself_commands_no_terminal() -> None:
    disk = Disk("sdb", Path("/dev/sdb"), 10**9, 512, "\x1b[2Jevil", False, Content.EMPTY, labels=("\x07",))

    assert "\x1b" not in Words().list_disks([disk], 0)
    assert "\x07" not in Words().list_disks([disk], 0)
    assert clean("a\nb") == "a\N{REPLACEMENT CHARACTER}b"


@pytest.mark.parametrize(
    ("size", "text"), [(0, "0 B"), (999, "999 B"), (1500, "1.5 kB"), (31_998_345_216, "32 GB"), (999_999, "1.0 MB")]
)
def test_sizes_are_those_on_the_box(size: int, text: str) -> None:
    assert format_size(size) == text
