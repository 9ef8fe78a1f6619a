"""Which console a command talks to and as whom: options, then the environment, then what `cebox login` saved."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from cebox.errors import InvalidInput, NotAuthenticated
from cebox.kit.files import write_secret

CONSOLE_VARIABLE = "CEBOX_CONSOLE"
TOKEN_FILE_VARIABLE = "CEBOX_TOKEN_FILE"  # noqa: S105 - a variable's name
CONFIG_VARIABLE = "CEBOX_CONFIG"
_SIGN_IN = "Sign in with: cebox login URL"


class SavedLogin(msgspec.Struct, frozen=True, kw_only=True):
    """The file of `cebox login`: a secret, readable by its owner only."""

    console: str
    token: str
    token_id: str = ""


@dataclass(frozen=True, slots=True)
class Connection:
    console_url: str
    token: str = field(repr=False)


def config_path(environment: Mapping[str, str] = os.environ) -> Path:
    if named := environment.get(CONFIG_VARIABLE):
        return Path(named)
    base = environment.get("XDG_CONFIG_HOME") or "~/.config"
    return Path(base).expanduser() / "cebox" / "console.json"


def find_saved_login(environment: Mapping[str, str] = os.environ) -> SavedLogin | None:
    """Raises InvalidInput (`login_file_invalid`) when the file is there but damaged."""
    path = config_path(environment)
    try:
        return msgspec.json.decode(path.read_bytes(), type=SavedLogin)
    except FileNotFoundError:
        return None
    except (msgspec.DecodeError, OSError) as error:
        raise InvalidInput(
            "login_file_invalid", f"{path} cannot be read: {error}", hint=f"Remove the file. {_SIGN_IN}"
        ) from error


def save_login(login: SavedLogin, environment: Mapping[str, str] = os.environ) -> Path:
    path = config_path(environment)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_secret(path, msgspec.json.encode(login))
    return path


def choose_connection(
    console: str | None, token_file: Path | None, environment: Mapping[str, str] = os.environ
) -> Connection:
    """Raises NotAuthenticated (`not_signed_in`) when no console or no token for it is known.

    A saved token goes to the console it was made for and to no other, whatever address is named.
    """
    saved = find_saved_login(environment)
    url = console or environment.get(CONSOLE_VARIABLE) or (saved.console if saved else None)
    if url is None:
        raise NotAuthenticated("not_signed_in", "no console is known here", hint=_SIGN_IN)
    file = token_file or _find_token_file(environment)
    if file is not None:
        return Connection(url, read_secret(file))
    if saved is None or saved.console.rstrip("/") != url.rstrip("/"):
        raise NotAuthenticated(
            "not_signed_in", f"no token is known for {url}", hint=f"cebox login {url}, or name one with --token-file."
        )
    return Connection(url, saved.token)


def read_secret(path: Path) -> str:
    """The first line of a file. Raises InvalidInput (`secret_file_unreadable`, `secret_file_empty`)."""
    try:
        content = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput("secret_file_unreadable", f"{path} cannot be read: {error}") from error
    secret = content.partition("\n")[0].strip()
    if not secret:
        raise InvalidInput("secret_file_empty", f"{path} is empty", hint="Put the secret on its first line.")
    return secret


def _find_token_file(environment: Mapping[str, str]) -> Path | None:
    named = environment.get(TOKEN_FILE_VARIABLE)
    return Path(named) if named else None


def forget_login(environment: Mapping[str, str] = os.environ) -> None:
    config_path(environment).unlink(missing_ok=True)
