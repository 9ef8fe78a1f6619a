"""Who this box is to its console: made once with an installation key's token, kept in `identity.json`.

The mirror of a WRS reads `device_id` and `site` from the same file.
"""

from pathlib import Path

import msgspec
from msgspec.structs import replace

from cebox.agent.settings import AgentSettings
from cebox.errors import NotAuthenticated
from cebox.kit.files import replace_file
from cebox.protocol.device_client import DeviceClient


class Enrolment(msgspec.Struct, frozen=True, kw_only=True):
    device_id: str
    console_id: str
    account: str
    site: str | None = None


def enrol(settings: AgentSettings, client: DeviceClient, *, agent_version: str = "") -> Enrolment:
    """The enrolment on disk, or a new one; `client` speaks as this box from then on.

    Raises NotAuthenticated (`enrolment_token_missing`) without a token, and what the console answers.
    """
    enrolment = find_enrolment(settings.identity_file)
    if enrolment is None:
        answer = client.enrol(
            token=_read_token(settings.token_file),
            name=settings.name,
            kind=settings.kind,
            agent_version=agent_version,
        )
        enrolment = Enrolment(
            device_id=answer.device_id, console_id=answer.console_id, account=answer.account, site=answer.site
        )
        _save(settings.identity_file, enrolment)
    client.use_enrolment(device_id=enrolment.device_id, console_id=enrolment.console_id)
    return enrolment


def find_enrolment(path: Path) -> Enrolment | None:
    """None when the box has not enrolled, or the file is damaged: enrolling again gives the same device."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Enrolment)
    except (OSError, msgspec.DecodeError, ValueError):
        return None


def note_site(path: Path, site: str | None) -> None:
    """The console has moved the box to another site."""
    enrolment = find_enrolment(path)
    if enrolment is not None and enrolment.site != site:
        _save(path, replace(enrolment, site=site))


def _save(path: Path, enrolment: Enrolment) -> None:
    replace_file(path, msgspec.json.encode(enrolment))


def _read_token(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise NotAuthenticated(
            "enrolment_token_missing",
            f"this box has not enrolled and there is no token in {path}",
            hint="Make an installation key in the console and put its token there.",
        ) from error
