"""Password hashes, and how little a wrong answer tells."""

from typing import Any

import pytest
from argon2 import PasswordHasher, extract_parameters

from cebox.console.identity.passwords import LONGEST_PASSWORD, Passwords
from cebox.errors import InvalidInput

pytestmark = pytest.mark.anyio

PASSWORD = "correct horse battery"


class CountingHasher(PasswordHasher):
    """Notes what each verification was made against."""

    def __init__(self) -> None:
        super().__init__(time_cost=1, memory_cost=8, parallelism=1)
        self.verified: list[str] = []

    def verify(self, hash: Any, password: Any) -> Any:  # noqa: A002 - the parent's name for it
        self.verified.append(hash)
        return super().verify(hash, password)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def test_only_the_right_password_is_right() -> None:
    passwords = Passwords(CountingHasher())
    known = await passwords.hash(PASSWORD)

    assert PASSWORD not in known
    assert await passwords.is_right(PASSWORD, known)
    assert not await passwords.is_right(PASSWORD + " ", known)


async def test_an_unknown_user_costs_as_much_work_as_a_known_one() -> None:
    hasher = CountingHasher()
    passwords = Passwords(hasher)
    known = await passwords.hash(PASSWORD)

    assert not await passwords.is_right("not the password", known)
    assert not await passwords.is_right("nobody's password", None)

    with_user, without = hasher.verified
    assert extract_parameters(with_user) == extract_parameters(without)


async def test_a_hash_that_is_none_matches_nothing() -> None:
    passwords = Passwords(CountingHasher())
    damaged = await passwords.hash(PASSWORD)

    assert not await passwords.is_right(PASSWORD, type(damaged)("not a hash"))


@pytest.mark.parametrize(
    ("password", "code"), [("nine char", "password_too_short"), ("a" * (LONGEST_PASSWORD + 1), "password_too_long")]
)
async def test_a_password_has_its_bounds(password: str, code: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        await Passwords(CountingHasher()).hash(password)

    assert caught.value.code == code


def test_the_usual_work_is_what_the_standard_asks_for() -> None:
    """RFC 9106, second recommended option: argon2id, three passes, 64 MiB."""
    parameters = extract_parameters(Passwords().decoy)

    assert (parameters.time_cost, parameters.memory_cost, parameters.type.name) == (3, 65536, "ID")
