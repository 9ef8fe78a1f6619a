"""Hints that read otherwise at a terminal than in the console's own words: they name the option to use."""

from collections.abc import Mapping
from types import MappingProxyType

from cebox.errors import CeboxError

HINTS: Mapping[str, str] = MappingProxyType(
    {
        "account_missing": "Name one with --account; cebox account list shows them.",
        "account_unknown": "List them with: cebox account list",
        "device_off": "Switch it on, or send an update for its next start with --at-next-start.",
        "device_busy": "Wait until what is under way has ended, or withdraw it with: cebox device cancel DEVICE",
        "already_there": "There is nothing to do. A site with a WRS goes first: update and reboot its WRS.",
        "already_staged": "Only a reboot finalises: cebox device reboot DEVICE",
        "forecast_changed": "Something changed in between: type the command again and read what it says first.",
        "route_unknown": "Check the console's address, and that it is of about this command's version.",
        "release_unknown": "List what is published with: cebox release list",
        "tag_unknown": "List the tags you may use with: cebox tag list",
        "token_unknown": "The token is revoked, or another console's. Sign in again with: cebox login URL",
        "token_expired": "Sign in again with: cebox login URL",
    }
)


def choose_hint(error: CeboxError) -> str:
    """A hint of this program's own, such as one that names what comes near, stays as it is."""
    is_generic = not error.hint or "cebox " not in error.hint
    return HINTS.get(error.code, error.hint) if is_generic and not error.hint.startswith("Did you mean") else error.hint
