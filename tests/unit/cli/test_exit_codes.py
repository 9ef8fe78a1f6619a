from collections.abc import Iterator

import pytest

from cebox import errors
from cebox.cli.exit_codes import EXIT_CODES, MEANINGS, exit_code
from cebox.errors import CeboxError


def _families(root: type[CeboxError] = CeboxError) -> Iterator[type[CeboxError]]:
    for family in root.__subclasses__():
        if family.__module__ == errors.__name__:
            yield family
            yield from _families(family)


def test_every_family_of_error_has_an_exit_code_and_no_other_does() -> None:
    assert set(EXIT_CODES) == set(_families())


def test_every_exit_code_is_explained() -> None:
    assert set(EXIT_CODES.values()) <= set(MEANINGS)


@pytest.mark.parametrize("family", list(_families()))
def test_no_error_looks_like_success_or_a_fault(family: type[CeboxError]) -> None:
    assert exit_code(family("some_code", "something")) not in (0, 1)


def test_a_subclass_of_a_family_leaves_with_its_family() -> None:
    class Special(errors.Conflict):
        pass

    assert exit_code(Special("some_code", "something")) == EXIT_CODES[errors.Conflict]
