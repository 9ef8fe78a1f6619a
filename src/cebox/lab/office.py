"""The people of the lab at their consoles: signing in, and asking the admin API as one of them."""

import secrets
from collections.abc import Mapping
from pathlib import Path

import msgspec

from cebox.kit.files import write_secret
from cebox.lab.plan import USERS, PlannedUser
from cebox.protocol.admin_client import AdminClient

_PASSWORD_WORDS = 4
_SYLLABLES = ("ba", "di", "fo", "gu", "ka", "lu", "mi", "no", "pe", "ri", "so", "ta", "vu", "zo")


def make_password() -> str:
    """Random, and short enough to type from a terminal."""
    return "-".join("".join(secrets.choice(_SYLLABLES) for _ in range(3)) for _ in range(_PASSWORD_WORDS))


class Office:
    """Who may sign in, with what, and the API tokens they were given. Kept in one private file."""

    def __init__(self, folder: Path, console_url: str) -> None:
        self._file = folder / "sign-in.json"
        self._console_url = console_url
        self._tokens: dict[str, str] = {}

    def make_passwords(self) -> None:
        write_secret(self._file, msgspec.json.encode({user.email: make_password() for user in USERS}))

    @property
    def passwords(self) -> Mapping[str, str]:
        return msgspec.json.decode(self._file.read_bytes(), type=dict[str, str])

    def open_console(self, user: PlannedUser) -> AdminClient:
        """The admin API as `user`; close it, or use it as a context. Raises what the console refuses."""
        if user.email not in self._tokens:
            with AdminClient(self._console_url) as nobody:
                answer = nobody.create_token(user.email, self.passwords[user.email], name="lab")
            self._tokens[user.email] = answer.token
        return AdminClient(self._console_url, self._tokens[user.email])
