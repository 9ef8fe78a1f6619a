"""Password hashes: argon2id, in a thread, a few at a time."""

import asyncio

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

from cebox.console.identity.records import PasswordHash
from cebox.errors import InvalidInput

SHORTEST_PASSWORD = 10
LONGEST_PASSWORD = 256
_MOST_AT_ONCE = 2  # each takes 64 MiB and a core


class Passwords:
    """The defaults are RFC 9106's second choice (64 MiB, three passes); tests inject a cheap hasher."""

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher(time_cost=3, memory_cost=64 * 1024, parallelism=4)
        self._turn = asyncio.Semaphore(_MOST_AT_ONCE)
        # What an unknown user's password is compared with: the answer takes as long as for a known one.
        self.decoy = PasswordHash(self._hasher.hash("nobody's password"))

    async def hash(self, password: str) -> PasswordHash:
        """Raises InvalidInput (`password_too_short`, `password_too_long`)."""
        if len(password) < SHORTEST_PASSWORD:
            raise InvalidInput(
                "password_too_short",
                f"a password has at least {SHORTEST_PASSWORD} characters",
                hint="Several words make a good one.",
            )
        if len(password) > LONGEST_PASSWORD:
            raise InvalidInput("password_too_long", f"a password has at most {LONGEST_PASSWORD} characters")
        async with self._turn:
            return PasswordHash(await asyncio.to_thread(self._hasher.hash, password))

    async def is_right(self, password: str, known: PasswordHash | None) -> bool:
        """Whether `password` belongs to the hash `known`; for none it takes as long and says no."""
        async with self._turn:
            matches = await asyncio.to_thread(self._matches, password[:LONGEST_PASSWORD], known or self.decoy)
        return matches and bool(known)

    def _matches(self, password: str, known: PasswordHash) -> bool:
        try:
            return self._hasher.verify(known, password)
        except (Argon2Error, InvalidHashError):
            return False
