"""The download of a key's stick: the answer to making a key, for who still has its token on the screen."""

import re

from anyio import CapacityLimiter, to_thread
from starlette.responses import Response, StreamingResponse

from cebox.console.accounts.service import get_account
from cebox.console.keys.repository import NamedKey
from cebox.console.keys.service import KeyService
from cebox.console.keys.sticks import prepare_release
from cebox.console.sites.service import get_site
from cebox.console.web.security import PAGE_HEADERS
from cebox.console.web.visit import Visit, page
from cebox.domain.device import DeviceKind
from cebox.domain.ids import KeyId
from cebox.domain.role import Permission
from cebox.errors import InvalidInput
from cebox.keys.contents import InstallSettings, Language, is_url

# Fetching an image takes a thread for long; few at once, so that the console's other work has some.
_preparing = CapacityLimiter(2)


@page(Permission.ADMINISTER)
async def download_stick(visit: Visit) -> Response:
    """The first one of a release comes as slowly as the release comes here. Uses nothing up."""
    console = visit.console
    async with console.database.write() as unit:
        service = KeyService(unit, visit.caller, console.clock)
        named = await service.note_stick(KeyId(visit.request.path_params["key_id"]), visit.field("token"))
        account = await get_account(unit.connection, visit.caller.scope, named.key.account_id)
        site_id = named.key.site_id
        site = await get_site(unit.connection, visit.caller.scope, site_id) if site_id else None
    settings = _write_settings(visit, named, account=account.name, site=site.name if site else None)
    prepared = await to_thread.run_sync(
        prepare_release, console.settings, named.key.version, console.clock, limiter=_preparing
    )
    headers = {**PAGE_HEADERS, "Content-Disposition": f'attachment; filename="{_name_file(named.name)}"'}
    return StreamingResponse(prepared.stream_stick(settings), media_type="application/zstd", headers=headers)


def _write_settings(visit: Visit, named: NamedKey, *, account: str, site: str | None) -> InstallSettings:
    """Raises InvalidInput (`request_malformed`)."""
    return InstallSettings(
        console_url=visit.console.settings.public_url or str(visit.request.base_url).rstrip("/"),
        token=visit.field("token"),
        key=named.name,
        account=account,
        site=site,
        kind=named.key.kind,
        version=str(named.key.version),
        made_at=visit.console.clock(),
        server_url=_read_server_url(visit, named.key.kind),
        language=Language(visit.formats.language),
    )


def _read_server_url(visit: Visit, kind: DeviceKind) -> str | None:
    given = visit.field("server_url")
    if not given or kind is not DeviceKind.WRS:
        return None
    if not is_url(given):
        raise InvalidInput("request_malformed", "the address of the WRS is not one")
    return given


def _name_file(name: str) -> str:
    """As a key is called, in letters that every system takes."""
    plain = "-".join(re.findall(r"[A-Za-z0-9._]+", name)).strip(".")
    return f"{plain or 'cebox'}.img.zst"
