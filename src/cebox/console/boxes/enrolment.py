"""Enrolment: an installation key's token and a public key become a device."""

import secrets
from datetime import datetime
from typing import Any

from sqlalchemy.exc import IntegrityError

from cebox.console.actions.reports import clean_text
from cebox.console.database.columns import Word
from cebox.console.database.engine import Unit
from cebox.console.database.scope import Scope
from cebox.console.devices.records import DeviceRecord, EventKind
from cebox.console.devices.repository import DeviceRepository
from cebox.console.devices.service import notify_change, record_event
from cebox.console.journal import service as journal
from cebox.console.keys.service import find_key_by_token, use_key
from cebox.console.live.hub import site_topic
from cebox.console.sites.repository import SiteRepository
from cebox.console.state import Console
from cebox.domain.device import DeviceKind, Place
from cebox.domain.ids import DeviceId
from cebox.domain.key import Key
from cebox.errors import Conflict, InvalidInput, NotAuthenticated
from cebox.protocol.device import EnrolRequest, EnrolResponse
from cebox.protocol.identity import decode_base64url, encode_base64url

LONGEST_NAME = 64
_KEY_BYTES = 32
# Rivals for the same name, key pair or site lose to a unique index and look again.
_TRIES = 3
# A machine that asks twice at the same moment may lose to itself; the next look finds it enrolled.
_LOST_TO_ITSELF = frozenset({"key_used_up", "site_has_wrs"})


async def enrol(console: Console, request: EnrolRequest) -> EnrolResponse:
    """Make a device; the same key pair and token again give the same device and use nothing up.

    Raises NotAuthenticated (`key_token_unknown`, `key_revoked`, `key_expired`, `key_used_up`), Conflict
    (`site_has_wrs`, `device_already_enrolled`), InvalidInput (`public_key_malformed`, `device_name_empty`,
    `kind_not_of_key`).
    """
    _verify_public_key(request.public_key)
    name = clean_name(request.name)
    for left in reversed(range(_TRIES)):
        try:
            return await _enrol_once(console, request, name)
        except IntegrityError:
            if not left:
                raise
        except (NotAuthenticated, Conflict) as error:
            if not left or error.code not in _LOST_TO_ITSELF:
                raise
    raise AssertionError


async def _enrol_once(console: Console, request: EnrolRequest, name: str) -> EnrolResponse:
    now = console.clock()
    async with console.database.write() as unit:
        key = await find_key_by_token(unit.connection, clean_text(request.token, None))
        if key is None:
            raise NotAuthenticated(
                "key_token_unknown",
                "no installation key has this token",
                hint="Make a key in this console; a key of another console is unknown here.",
            )
        devices = DeviceRepository(unit.connection, Scope.everything())
        record = await devices.find_by_public_key(request.public_key)
        if record is None:
            device_id = await _add_device(unit, key, request, name, now)
        elif record.key_id == key.id:
            device_id = record.id
        else:
            raise Conflict(
                "device_already_enrolled",
                "a device with this key pair is enrolled already",
                hint="Let the machine make a new key pair, or use the installation key it was enrolled with.",
            )
        site = None
        if key.site_id is not None:
            site = (await SiteRepository(unit.connection, Scope.account(key.account_id)).get(key.site_id)).name
        accounts = await devices.find_account_facts([key.account_id])
        return EnrolResponse(
            device_id=device_id,
            console_id=console.console_id,
            account=accounts[key.account_id].name,
            site=site,
        )


async def _add_device(unit: Unit, key: Key, request: EnrolRequest, name: str, now: datetime) -> DeviceId:
    if request.kind != key.kind:
        raise InvalidInput(
            "kind_not_of_key",
            f"this installation key is for a {key.kind}",
            hint="Make a key for the other kind of machine.",
        )
    devices = DeviceRepository(unit.connection, Scope.account(key.account_id))
    await use_key(unit, key, now=now)
    if key.kind is DeviceKind.WRS:
        await _verify_site_free(devices, key)
    device_id = DeviceId(f"dev_{secrets.token_hex(8)}")
    name = choose_name(name, await devices.list_taken_names(key.account_id, name))
    await devices.add(_make_values(device_id, key, request, name, now))
    facts = {"key_id": key.id, "kind": key.kind.value, "name": name}
    await record_event(unit, device_id, key.account_id, EventKind.ENROLLED, facts, at=now)
    await journal.record(unit, device_id, "device_enrolled", device_id, facts, key.account_id, at=now)
    notify_change(unit, device_id, key.account_id)
    if key.site_id is not None:
        unit.notify(site_topic(key.site_id))
    return device_id


async def _verify_site_free(devices: DeviceRepository, key: Key) -> None:
    if key.site_id is None:
        raise InvalidInput("wrs_needs_site", "a WRS belongs to a site", hint="Make a key for a site.")
    servers: dict[Any, DeviceRecord] = dict(await devices.find_site_servers([key.site_id]))
    if servers:
        raise Conflict(
            "site_has_wrs",
            f"the site has a WRS already: {servers[key.site_id].name}",
            hint="A site has at most one WRS. Enrol this machine as a ceBox, or for another site.",
        )


def clean_name(text: str) -> str:
    """One line, bounded. Raises InvalidInput (`device_name_empty`)."""
    name = " ".join("".join(one if one.isprintable() else " " for one in text).split())[:LONGEST_NAME].strip()
    if not name:
        raise InvalidInput("device_name_empty", "a device has a name", hint="Set `name` in the box's settings.")
    return name


def choose_name(name: str, taken: set[str]) -> str:
    """`name`, or the first free one of `name-2`, `name-3`, …"""
    if name not in taken:
        return name
    number = 2
    while f"{name}-{number}" in taken:
        number += 1
    return f"{name}-{number}"


def _verify_public_key(text: str) -> None:
    try:
        content = decode_base64url(text)
        # One spelling per key: the decoder is lenient, the unique index is not.
        is_key = len(content) == _KEY_BYTES and encode_base64url(content) == text
    except ValueError:
        is_key = False
    if not is_key:
        raise InvalidInput("public_key_malformed", "the public key is not 32 bytes in base64url without padding")


def _make_values(device_id: DeviceId, key: Key, request: EnrolRequest, name: str, now: datetime) -> dict[str, Any]:
    return {
        "id": device_id,
        "account_id": key.account_id,
        "site_id": key.site_id,
        "key_id": key.id,
        "kind": key.kind.value,
        "name": name,
        "serial": clean_text(request.serial, LONGEST_NAME),
        "public_key": request.public_key,
        "enrolled_at": now,
        "place": (Place.SITE if key.site_id else Place.AWAY).value,
        "agent_version": clean_text(request.agent_version, Word.length),
        "failed_versions": [],
        # Before the first report, so that one numbered 0 is new.
        "boot": -1,
        "sequence": -1,
    }
