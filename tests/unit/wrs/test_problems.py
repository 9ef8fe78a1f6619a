"""Every family of errors has its status here, and is read back as the same family."""

import asyncio

import msgspec
import pytest
from starlette.requests import Request

from cebox.errors import CeboxError
from cebox.protocol.device import Problem
from cebox.protocol.problems import FAMILIES, STATUSES
from cebox.wrs.problems import answer_problem


def test_every_family_has_a_status() -> None:
    assert set(STATUSES) == set(CeboxError.__subclasses__())


@pytest.mark.parametrize("family", list(STATUSES))
def test_a_status_is_read_back_as_the_family_it_stands_for(family: type[CeboxError]) -> None:
    assert FAMILIES[STATUSES[family]] is family


def test_an_error_leaves_as_a_problem_with_its_code_and_hint() -> None:
    family = next(iter(STATUSES))
    response = asyncio.run(
        answer_problem(Request({"type": "http"}), family("some_code", "Some message", hint="Do this."))
    )
    problem = msgspec.json.decode(bytes(response.body), type=Problem)
    assert (response.status_code, problem.code, problem.hint) == (STATUSES[family], "some_code", "Do this.")
