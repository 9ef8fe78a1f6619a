import httpx
import msgspec
import pytest

from cebox.errors import CeboxError, Conflict, InvalidInput, NotFound, Unavailable, Untrusted
from cebox.protocol.device import Problem, TokenResponse
from cebox.protocol.problems import FAMILIES, read_answer, read_problem

BODY = msgspec.json.encode(Problem(code="tag_unknown", message="no such tag", hint="Ask the vendor."))


@pytest.mark.parametrize(("status", "family"), FAMILIES.items())
def test_a_refusal_keeps_its_code_and_hint_and_gets_the_family_of_its_status(
    status: int, family: type[CeboxError]
) -> None:
    error = read_problem(status, BODY)
    assert type(error) is family
    assert (error.code, error.message, error.hint) == ("tag_unknown", "no such tag", "Ask the vendor.")


def test_every_family_can_arrive() -> None:
    assert set(FAMILIES.values()) == set(CeboxError.__subclasses__())


@pytest.mark.parametrize(
    ("status", "family"),
    [(502, Unavailable), (504, Unavailable), (500, Unavailable), (404, NotFound), (409, Conflict), (418, InvalidInput)],
)
def test_a_refusal_of_something_in_between_is_told_apart_by_its_status(status: int, family: type[CeboxError]) -> None:
    error = read_problem(status, b"<html>Bad Gateway</html>")
    assert type(error) is family
    assert error.code == "answer_unexpected"


@pytest.mark.parametrize("body", [b"", b"{}", b"<html>", b'{"token": 3}', b"\xff\xfe"])
def test_an_answer_of_another_kind_is_not_believed(body: bytes) -> None:
    response = httpx.Response(200, content=body, request=httpx.Request("POST", "http://console.test/device/v1/token"))
    with pytest.raises(Untrusted) as caught:
        read_answer(response, TokenResponse)
    assert caught.value.code == "answer_malformed"
