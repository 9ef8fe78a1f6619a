"""Opening the identity provider of the settings: all of it is checked before anything is served."""

import stat
from pathlib import Path
from urllib.parse import urlsplit

from cebox.console.identity.oidc import OWN_MACHINE, OidcClient, OidcProvider
from cebox.console.settings import ConsoleSettings
from cebox.errors import InvalidInput

_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def open_provider(settings: ConsoleSettings) -> OidcProvider | None:
    """None when the settings name none. Raises what `load_client` raises."""
    if not settings.oidc_issuer:
        return None
    return OidcProvider(load_client(settings.oidc_issuer, settings.oidc_client_id, settings.oidc_client_secret_file))


def load_client(issuer: str, client_id: str, secret_file: Path | None) -> OidcClient:
    """Raises InvalidInput (`oidc_settings_incomplete`, `oidc_issuer_insecure`, `secret_file_open_to_others`)."""
    if not client_id or secret_file is None:
        raise InvalidInput(
            "oidc_settings_incomplete",
            "an OpenID Connect provider is set without oidc_client_id or oidc_client_secret_file",
            hint="Set all three, or none.",
        )
    parts = urlsplit(issuer)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in OWN_MACHINE):
        raise InvalidInput("oidc_issuer_insecure", f"{issuer!r} is not an https address")
    try:
        mode, content = secret_file.stat().st_mode, secret_file.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise InvalidInput("oidc_settings_incomplete", f"{secret_file} cannot be read: {error.strerror}") from error
    if mode & _OTHERS:
        raise InvalidInput(
            "secret_file_open_to_others", f"{secret_file} can be read by others", hint=f"chmod 600 {secret_file}"
        )
    return OidcClient(issuer, client_id, content)
