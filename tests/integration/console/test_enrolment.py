"""Machines become devices with an installation key, once each, and prove who they are ever after."""

import asyncio
from datetime import timedelta

import msgspec
import pytest
from sqlalchemy import func, select
from starlette.applications import Starlette

from cebox.console.access import local_operator
from cebox.console.boxes.jobs import prune_assertions
from cebox.console.boxes.tables import used_assertions
from cebox.console.boxes.tokens import ASSERTIONS_KEPT, LIFETIME, Bearer, make_token
from cebox.console.database.paging import Page
from cebox.console.devices.records import DeviceFilters
from cebox.console.devices.service import count_devices, list_devices
from cebox.console.journal.service import list_entries
from cebox.console.keys.service import KeyService, find_key_by_token
from cebox.console.state import Console
from cebox.domain.device import DeviceKind
from cebox.domain.ids import AccountId, DeviceId
from cebox.protocol.device import ENROL_PATH, SYNC_PATH, TOKEN_PATH, EnrolRequest, TokenRequest
from cebox.protocol.identity import DeviceIdentity
from tests.integration.console.box import ScriptedBox, add_box, look_at
from tests.integration.console.office import NEW, add_site, make_key, open_account, open_client
from tests.servers.clock import HandClock

pytestmark = pytest.mark.anyio


def _new_box(app: Starlette, clock: HandClock, name: str = "box", kind: DeviceKind = DeviceKind.CEBOX) -> ScriptedBox:
    return ScriptedBox(open_client(app), clock, kind, name)


def _request(box: ScriptedBox, token: str) -> EnrolRequest:
    return EnrolRequest(
        token=token, public_key=box.identity.public_key, name=box.name, kind=box.kind.value, agent_version="0.1.0"
    )


async def _count(console: Console) -> int:
    async with console.database.read() as connection:
        return await count_devices(connection, local_operator().scope, DeviceFilters(), console.clock())


async def test_a_machine_enrols_and_belongs_to_the_keys_account_and_site(
    console: Console, app: Starlette, clock: HandClock
) -> None:
    account = await open_account(console, "Atelier Nord", NEW)
    site = await add_site(console, account)
    _, token = await make_key(console, account, site_id=site.id)
    box = _new_box(app, clock, " ceBox \n 01 ")

    enrolled = await box.enrol(token)

    assert (enrolled.account, enrolled.site, enrolled.console_id) == ("Atelier Nord", "Lyon", console.console_id)
    view = await look_at(console, box)
    assert (view.record.account_id, view.record.site_id, view.record.name) == (account.id, site.id, "ceBox 01")
    assert not view.is_on
    async with console.database.read() as connection:
        newest = (await list_entries(connection, local_operator().scope, Page())).items[0]
    assert (newest.verb, newest.subject, newest.user_id) == ("device_enrolled", box.device_id, box.device_id)


async def test_enrolling_again_after_a_lost_answer_gives_the_same_device_and_uses_the_key_once(
    console: Console, app: Starlette, clock: HandClock
) -> None:
    account = await open_account(console, "Atelier Nord", NEW)
    _, token = await make_key(console, account, uses=1)
    box = _new_box(app, clock)

    first = await box.enrol(token)
    again = await box.enrol(token)

    assert first == again
    assert await _count(console) == 1


async def test_one_machine_that_enrols_many_times_at_once_is_one_device(
    console: Console, app: Starlette, clock: HandClock
) -> None:
    account = await open_account(console, "Atelier Nord", NEW)
    _, token = await make_key(console, account, uses=1)
    box = _new_box(app, clock)

    answers = await asyncio.gather(*(box.post(ENROL_PATH, _request(box, token)) for _ in range(4)))

    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["device_id"] for answer in answers}) == 1


async def test_two_machines_that_race_for_a_keys_last_use_do_not_both_get_it(
    console: Console, app: Starlette, clock: HandClock
) -> None:
    account = await open_account(console, "Atelier Nord", NEW)
    _, token = await make_key(console, account, uses=1)
    boxes = [_new_box(app, clock, f"box-{number}") for number in range(4)]

    answers = await asyncio.gather(*(box.post(ENROL_PATH, _request(box, token)) for box in boxes))

    assert sorted(answer.status_code for answer in answers) == [200, 401, 401, 401]
    assert {answer.json()["code"] for answer in answers if answer.status_code == 401} == {"key_used_up"}


async def test_machines_of_one_name_are_told_apart_even_when_they_come_together(
    console: Console, app: Starlette, clock: HandClock
) -> None:
    account = await open_account(console, "Atelier Nord", NEW)
    _, token = await make_key(console, account, uses=10)
    boxes = [_new_box(app, clock, "poste") for _ in range(3)]

    answers = await asyncio.gather(*(box.post(ENROL_PATH, _request(box, token)) for box in boxes))

    assert [answer.status_code for answer in answers] == [200, 200, 200]
    async with console.database.read() as connection:
        listed = await list_devices(connection, local_operator().scope, DeviceFilters(), Page(), clock())
    assert [view.record.name for view in listed.items] == ["poste", "poste-2", "poste-3"]


async def test_a_site_has_at_most_one_wrs_whoever_comes_first(
    console: Console, app: Starlette, clock: HandClock
) -> None:
    account = await open_account(console, "Atelier Nord", NEW)
    site = await add_site(console, account)
    _, token = await make_key(console, account, uses=3, kind=DeviceKind.WRS, site_id=site.id)
    machines = [_new_box(app, clock, f"wrs-{number}", DeviceKind.WRS) for number in range(3)]

    answers = await asyncio.gather(*(box.post(ENROL_PATH, _request(box, token)) for box in machines))

    assert sorted(answer.status_code for answer in answers) == [200, 409, 409]
    assert {answer.json()["code"] for answer in answers if answer.status_code == 409} == {"site_has_wrs"}
    async with console.database.read() as connection:
        key = await find_key_by_token(connection, token)
    assert key is not None
    assert key.uses_left == 2


REFUSALS = {
    "unknown_token": ({"token": "cbk_of_another_console"}, 401, "key_token_unknown"),
    "nul_token": ({"token": "cbk\0"}, 401, "key_token_unknown"),
    "no_key": ({"public_key": ""}, 422, "public_key_malformed"),
    "short_key": ({"public_key": "AAAA"}, 422, "public_key_malformed"),
    "padded_key": ({"public_key": "A" * 43 + "="}, 422, "public_key_malformed"),
    "key_with_a_line_break": ({"public_key": "A" * 20 + "\n" + "A" * 23}, 422, "public_key_malformed"),
    "another_kind": ({"kind": "wrs"}, 422, "kind_not_of_key"),
    "no_kind": ({"kind": "toaster"}, 422, "kind_not_of_key"),
    "no_name": ({"name": " \n\0"}, 422, "device_name_empty"),
}


@pytest.mark.parametrize("case", REFUSALS)
async def test_a_bad_enrolment_is_refused_and_uses_nothing_up(
    console: Console, app: Starlette, clock: HandClock, case: str
) -> None:
    changes, status, code = REFUSALS[case]
    account = await open_account(console, "Atelier Nord", NEW)
    _, token = await make_key(console, account, uses=1)
    box = _new_box(app, clock)

    refused = await box.post(ENROL_PATH, msgspec.structs.replace(_request(box, token), **changes))

    assert (refused.status_code, refused.json()["code"]) == (status, code)
    await box.enrol(token)


async def test_a_key_pair_that_is_enrolled_moves_nowhere_with_another_key(
    console: Console, app: Starlette, clock: HandClock
) -> None:
    account = await open_account(console, "Atelier Nord", NEW)
    foreign = await open_account(console, "Clinique Sud", NEW)
    box = await add_box(console, open_client(app), account)
    for owner in (account, foreign):
        _, token = await make_key(console, owner)

        refused = await box.post(ENROL_PATH, _request(box, token))

        assert (refused.status_code, refused.json()["code"]) == (409, "device_already_enrolled")
    assert (await look_at(console, box)).record.account_id == account.id


async def test_an_expired_or_revoked_key_enrols_nobody(console: Console, app: Starlette, clock: HandClock) -> None:
    account = await open_account(console, "Atelier Nord", NEW)
    _, expired = await make_key(console, account)
    clock.advance(timedelta(days=40))
    key, revoked = await make_key(console, account)
    async with console.database.write() as unit:
        await KeyService(unit, local_operator(), console.clock).revoke_key(key.id)
    box = _new_box(app, clock)

    codes = [(await box.post(ENROL_PATH, _request(box, token))).json()["code"] for token in (expired, revoked)]

    assert codes == ["key_expired", "key_revoked"]


async def test_an_assertion_counts_once(console: Console, app: Starlette, clock: HandClock) -> None:
    account = await open_account(console, "Atelier Nord", NEW)
    box = await add_box(console, open_client(app), account)
    assertion = box.identity.make_assertion(device_id=box.device_id, console_id=box.console_id, now=clock())
    request = TokenRequest(device_id=box.device_id, assertion=assertion)

    answers = await asyncio.gather(*(box.post(TOKEN_PATH, request) for _ in range(3)))

    assert sorted(answer.status_code for answer in answers) == [200, 401, 401]
    assert {answer.json().get("code") for answer in answers} == {None, "assertion_used"}


async def test_assertions_of_another_key_device_or_console_and_garbage_are_refused(
    console: Console, app: Starlette, clock: HandClock
) -> None:
    account = await open_account(console, "Atelier Nord", NEW)
    box = await add_box(console, open_client(app), account)
    stranger = DeviceIdentity.generate()
    good = box.identity.make_assertion
    cases = {
        "assertion_invalid": [
            stranger.make_assertion(device_id=box.device_id, console_id=box.console_id, now=clock()),
            good(device_id="dev_other", console_id=box.console_id, now=clock()),
            "",
            "a.b.c",
            "é",
            "\0",
        ],
        "assertion_for_another_console": [good(device_id=box.device_id, console_id="con_other", now=clock())],
    }
    for code, assertions in cases.items():
        for assertion in assertions:
            answer = await box.post(TOKEN_PATH, TokenRequest(device_id=box.device_id, assertion=assertion))
            assert (answer.status_code, answer.json()["code"]) == (401, code), assertion
    unknown = await box.post(TOKEN_PATH, TokenRequest(device_id="dev_\0", assertion="x"))
    assert (unknown.status_code, unknown.json()["code"]) == (401, "device_not_enrolled")


async def test_a_box_whose_clock_is_wrong_still_gets_its_token(
    console: Console, app: Starlette, clock: HandClock
) -> None:
    account = await open_account(console, "Atelier Nord", NEW)
    box = await add_box(console, open_client(app), account)
    box.clock = lambda: clock() - timedelta(days=20_000)

    await box.renew_token()

    assert (await box.sync()).account_version == str(NEW)


async def test_a_token_ends_and_tokens_of_others_are_told_apart(
    console: Console, app: Starlette, clock: HandClock
) -> None:
    account = await open_account(console, "Atelier Nord", NEW)
    box = await add_box(console, open_client(app), account)
    bearer = Bearer(box.device_id, account.id, None)
    own = make_token(console, bearer, clock())
    forged = own[:-4] + ("AAAA" if own[-4:] != "AAAA" else "BBBB")
    other = _other_console(console)
    gone = make_token(console, Bearer(DeviceId("dev_gone"), AccountId(account.id), None), clock())
    cases = {
        "": "token_missing",
        "Basic abc": "token_missing",
        "Bearer abc": "token_invalid",
        "Bearer é": "token_invalid",
        f"Bearer {forged}": "token_invalid",
        f"Bearer {make_token(other, bearer, clock())}": "token_of_another_console",
        f"Bearer {gone}": "device_not_enrolled",
    }
    for authorization, code in cases.items():
        answer = await box.client.post(
            SYNC_PATH, content=msgspec.json.encode(box.prepare()), headers={b"authorization": authorization.encode()}
        )
        assert (answer.status_code, answer.json()["code"]) == (401, code), authorization
        assert answer.json()["hint"]

    clock.advance(LIFETIME)
    late = await box.post(SYNC_PATH, box.prepare(), {"authorization": f"Bearer {own}"})
    assert late.json()["code"] == "token_expired"


def _other_console(console: Console) -> Console:
    return Console(
        console.settings, console.database, console.hub, console.clock, "con_other", b"another secret of 32 bytes, yes!"
    )


async def test_used_assertions_are_forgotten_after_a_while(console: Console, app: Starlette, clock: HandClock) -> None:
    account = await open_account(console, "Atelier Nord", NEW)
    await add_box(console, open_client(app), account)

    async def count() -> int:
        async with console.database.read() as connection:
            return (await connection.execute(select(func.count()).select_from(used_assertions))).scalar_one()

    await prune_assertions(console)
    kept = await count()
    clock.advance(ASSERTIONS_KEPT + timedelta(seconds=1))
    await prune_assertions(console)

    assert (kept, await count()) == (1, 0)
