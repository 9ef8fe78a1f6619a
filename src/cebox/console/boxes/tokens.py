"""Bearer tokens of devices: short, signed by this console, for this console."""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OctKey
from joserfc.jws import extract_compact
from msgspec import DecodeError, Struct
from msgspec.json import decode

from cebox.console.boxes.repository import AssertionRepository
from cebox.console.database.scope import Scope
from cebox.console.devices.repository import DeviceRepository
from cebox.console.state import Console
from cebox.domain.ids import AccountId, DeviceId, SiteId
from cebox.errors import NotAuthenticated
from cebox.protocol.device import TokenRequest, TokenResponse
from cebox.protocol.identity import verify_assertion

LIFETIME = timedelta(minutes=15)
ASSERTIONS_KEPT = timedelta(days=2)
_ALGORITHM = "HS256"
_AUDIENCE = "device"


@dataclass(frozen=True, slots=True)
class Bearer:
    """The device behind a request, and where it belongs, which does not change while a token lives."""

    device_id: DeviceId
    account_id: AccountId
    site_id: SiteId | None


class _Claims(Struct, frozen=True):
    iss: str
    aud: str
    sub: str
    account: str
    exp: int
    site: str | None = None


async def issue_token(console: Console, request: TokenRequest) -> TokenResponse:
    """A token for a signed assertion, which counts once.

    Raises NotAuthenticated (`device_not_enrolled`, `assertion_invalid`, `assertion_for_another_console`,
    `assertion_used`).
    """
    now = console.clock()
    async with console.database.read() as connection:
        record = await DeviceRepository(connection, Scope.everything()).find(DeviceId(request.device_id))
    if record is None:
        raise device_not_enrolled()
    jti = verify_assertion(
        request.assertion, public_key=record.public_key, device_id=record.id, console_id=console.console_id
    )
    async with console.database.write() as unit:
        if not await AssertionRepository(unit.connection).use(_name_assertion(record.id, jti), now):
            raise NotAuthenticated(
                "assertion_used", "this assertion was used before", hint="The device signs a new one each time."
            )
    bearer = Bearer(record.id, record.account_id, record.site_id)
    return TokenResponse(token=make_token(console, bearer, now), expires_in_seconds=int(LIFETIME.total_seconds()))


def make_token(console: Console, bearer: Bearer, now: datetime) -> str:
    claims = {
        "iss": console.console_id,
        "aud": _AUDIENCE,
        "sub": bearer.device_id,
        "account": bearer.account_id,
        "site": bearer.site_id,
        "exp": int((now + LIFETIME).timestamp()),
    }
    return jwt.encode({"alg": _ALGORITHM}, claims, OctKey.import_key(console.secret), algorithms=[_ALGORITHM])


def read_token(console: Console, authorization: str) -> Bearer:
    """The bearer of an `Authorization` header.

    Raises NotAuthenticated (`token_missing`, `token_invalid`, `token_expired`, `token_of_another_console`).
    """
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise NotAuthenticated("token_missing", "no bearer token", hint="Ask for one with a signed assertion.")
    claims = _read_claims(token)
    if claims is None:
        raise _invalid()
    # Only to tell the operator of two mixed-up consoles; the signature is what counts.
    if claims.iss != console.console_id:
        raise NotAuthenticated(
            "token_of_another_console",
            "this token was issued by another console",
            hint="Check the console address in the box's settings; each console has its own devices.",
        )
    try:
        jwt.decode(token, OctKey.import_key(console.secret), algorithms=[_ALGORITHM])
    except (JoseError, ValueError) as error:
        raise _invalid() from error
    if claims.aud != _AUDIENCE:
        raise _invalid()
    if claims.exp <= console.clock().timestamp():
        raise NotAuthenticated("token_expired", "this token has expired", hint="Ask for a new one.")
    return Bearer(DeviceId(claims.sub), AccountId(claims.account), SiteId(claims.site) if claims.site else None)


def device_not_enrolled() -> NotAuthenticated:
    return NotAuthenticated(
        "device_not_enrolled", "this device is not enrolled here", hint="Enrol it again with a new installation key."
    )


def _read_claims(token: str) -> _Claims | None:
    try:
        return decode(extract_compact(token.encode()).payload, type=_Claims)
    except (JoseError, ValueError, DecodeError):
        return None


def _invalid() -> NotAuthenticated:
    return NotAuthenticated("token_invalid", "this is not a device's token", hint="Ask for a new one.")


def _name_assertion(device_id: DeviceId, jti: str) -> str:
    """Of fixed length, whatever the device calls it, and apart from other devices' names."""
    return hashlib.sha256(f"{device_id} {jti}".encode("utf-8", "surrogatepass")).hexdigest()
