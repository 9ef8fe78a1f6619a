import fnmatch

import pytest

from cebox.agent.systemd_boot.entry_name import EntryName, find_entry_name, format_pattern
from cebox.domain.version import Version

FINAL, PRE = Version.parse("2026.11.1"), Version.parse("2026.11.1-rc.2")


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("cebox_2026.11.1.efi", EntryName(FINAL)),
        ("cebox_2026.11.1+3.efi", EntryName(FINAL, 3)),
        ("cebox_2026.11.1+2-1.efi", EntryName(FINAL, 2, 1)),
        ("cebox_2026.11.1+0-3.efi", EntryName(FINAL, 0, 3)),
        ("cebox_2026.11.1-rc.2+3.efi", EntryName(PRE, 3)),
        ("cebox_2026.11.1-rc.2.efi", EntryName(PRE)),
    ],
)
def test_a_name_says_version_and_tries_and_is_written_the_same_way(text: str, name: EntryName) -> None:
    assert find_entry_name(text) == name
    assert str(name) == text
    assert name.is_blessed is ("+" not in text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "cebox_.efi",
        "cebox_2026.11.1",
        "cebox_2026.11.1.efi.part",
        "cebox.part",
        "debian_2026.11.1.efi",
        "cebox_2026.11.1+.efi",
        "cebox_2026.11.1+3-.efi",
        "cebox_2026.11.1+-1.efi",
        "cebox_2026.11.1+3+3.efi",
        "cebox_2026.11.1+99999999999.efi",
        "cebox_2026.11.1+٣.efi",
        "cebox_../../x.efi",
        "cebox_2026.11.1.efi\n",
    ],
)
def test_a_file_that_is_not_ours_is_left_alone(text: str) -> None:
    assert find_entry_name(text) is None


@pytest.mark.parametrize(
    ("name", "is_preferred"),
    [
        ("cebox_2026.11.1.efi", True),
        ("cebox_2026.11.1+3.efi", True),
        ("cebox_2026.11.1+1-2.efi", True),
        ("cebox_2026.11.1+0-3.efi", False),
        ("cebox_2026.11.1-rc.2.efi", False),
        ("cebox_2026.11.10.efi", False),
        ("cebox_2026.11.2+3.efi", False),
    ],
)
def test_the_boot_loader_prefers_a_release_until_its_tries_are_used_up(name: str, is_preferred: bool) -> None:
    assert fnmatch.fnmatchcase(name, format_pattern(FINAL)) is is_preferred
