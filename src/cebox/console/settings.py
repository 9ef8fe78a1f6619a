"""The console's settings: a TOML file, over it the environment; read once and passed down.

Every key of the file has an environment variable: `CEBOX_CONSOLE_` and the key in capitals.
"""

import tomllib
from collections.abc import Mapping
from email.utils import parseaddr
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from cebox.errors import InvalidInput

ENVIRONMENT_PREFIX = "CEBOX_CONSOLE_"

_Text = Annotated[str, StringConstraints(min_length=1)]
_Seconds = Annotated[float, Field(gt=0)]


class ConsoleSettings(BaseModel):
    """Relative paths count from the folder the program was started in."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: _Text = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8080
    """0 takes a free one; the line `console_listening` on stderr names it."""
    state_folder: Path = Path("/var/lib/cebox/console")
    database: str = ""
    """`sqlite:///…` or `postgresql://…`; empty: `console.db` in the state folder."""
    secret_file: Path | None = None
    """What the console signs with; None: `secret` in the state folder. Made at the first start."""
    repository: str = ""
    """Where the console itself reads the published releases: an address or a folder. Empty: it reads none."""
    root_metadata: Path | None = None
    """The trust anchor of that repository, as `cebox keyring init` wrote it."""
    repository_url: str = ""
    """The repository's address as the boxes reach it; empty: the same as `repository`."""
    public_url: str = ""
    """The console's address as machines reach it, written onto keys; empty: as whoever makes the key reaches it."""
    poll_repository_seconds: _Seconds = 60.0
    session_lifetime_seconds: _Seconds = 12 * 3600.0
    has_secure_cookie: bool = True
    """The session cookie travels over HTTPS only. Turn it off for plain HTTP on this machine."""
    vendor_needs_second_factor: bool = False
    """Whether the vendor's own people need a second factor; for customers it is a choice of each account."""
    oidc_issuer: str = ""
    """Sign-in through an OpenID Connect provider: its address, `https://…`. Empty: none."""
    oidc_client_id: str = ""
    """What this console is called there."""
    oidc_client_secret_file: Path | None = None
    """The secret it was given there, in a file that only the console's user reads."""
    oidc_name: _Text = "SSO"
    """What the button of the sign-in page calls the provider."""
    vendor_name: _Text = "Wisper"
    """Who writes the communications, as customers know them."""
    smtp_host: str = ""
    """The mail server that communications leave by; empty: none are sent by e-mail."""
    smtp_port: Annotated[int, Field(ge=1, le=65535)] = 587
    smtp_security: Literal["starttls", "tls", "none"] = "starttls"
    """`tls` from the first byte, usually on port 465; `none` only towards this machine."""
    smtp_user: str = ""
    """Empty: the server asks nobody to sign in."""
    smtp_password_file: Path | None = None
    """Readable by its owner only."""
    smtp_sender: str = ""
    """From whom, such as `ceBox <console@example.org>`; needed with `smtp_host`."""
    smtp_authorities: Path | None = None
    """Certificates (PEM) that vouch for the mail server; None: those of the system."""
    has_private_webhooks: bool = False
    """Lets webhooks lead to private addresses. Customers name them: open this only where the customers are your own."""
    has_plain_webhooks: bool = False
    """Lets webhooks be `http`. What they say is then for everybody on the way."""

    @model_validator(mode="after")
    def _verify_sender(self) -> Self:
        if self.smtp_host and "@" not in parseaddr(self.smtp_sender)[1]:
            raise ValueError("smtp_sender: an e-mail address is needed with smtp_host")
        return self

    @property
    def database_url(self) -> str:
        return self.database or f"sqlite:///{self.state_folder.absolute() / 'console.db'}"

    @property
    def secret_path(self) -> Path:
        return self.secret_file or self.state_folder / "secret"

    @property
    def public_repository_url(self) -> str:
        return self.repository_url or self.repository


def load_settings(file: Path | None, environment: Mapping[str, str]) -> ConsoleSettings:
    """Raises InvalidInput (`settings_missing`, `settings_invalid`); a key nobody knows is refused, not ignored."""
    values = _read_file(file) if file is not None else {}
    for name, text in environment.items():
        if name.startswith(ENVIRONMENT_PREFIX):
            values[name.removeprefix(ENVIRONMENT_PREFIX).lower()] = text
    try:
        return ConsoleSettings.model_validate(values)
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors())
        raise InvalidInput(
            "settings_invalid", f"the console's settings are wrong: {faults}", hint="See docs/settings.md."
        ) from error


def _read_file(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise InvalidInput("settings_missing", f"there is no {file}") from error
    except ValueError as error:
        raise InvalidInput("settings_invalid", f"{file}: {error}", hint="The file is TOML.") from error
