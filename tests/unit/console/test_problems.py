"""The table from error families to HTTP answers."""

import json

import pytest
from starlette.requests import Request

from cebox import errors
from cebox.console.problems import answer_problem
from cebox.errors import CeboxError
from cebox.protocol.problems import STATUSES

pytestmark = pytest.mark.anyio

FAMILIES = [one for one in vars(errors).values() if isinstance(one, type) and issubclass(one, CeboxError)]
RAISED = [family for family in FAMILIES if family is not CeboxError]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def test_the_table_covers_every_family() -> None:
    assert set(STATUSES) == set(RAISED)


@pytest.mark.parametrize("family", RAISED)
async def test_an_error_leaves_with_its_code_message_and_hint(family: type[CeboxError]) -> None:
    error = family("some_code", "what is wrong", hint="what to do")

    answer = await answer_problem(Request({"type": "http"}), error)

    assert answer.status_code == STATUSES[family]
    assert json.loads(bytes(answer.body)) == {"code": "some_code", "message": "what is wrong", "hint": "what to do"}
    assert answer.headers["cache-control"] == "no-store"
    assert ("retry-after" in answer.headers) is family.is_transient
