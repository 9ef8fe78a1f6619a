"""The words of a box, old, new, malformed or nasty: understood or refused, and kept within bounds."""

import msgspec
import pytest
from starlette.applications import Starlette

from cebox.console.state import Console
from cebox.domain.action import ActionState
from cebox.protocol.device import SYNC_PATH, BoxPhase, Progress, ReportedEvent, Result
from tests.integration.console.box import ScriptedBox, add_box, look_at, reload_action, send_update, took
from tests.integration.console.office import NEW, open_account, open_client

pytestmark = pytest.mark.anyio


@pytest.fixture
async def box(console: Console, app: Starlette) -> ScriptedBox:
    """One box of an account that has moved on to NEW; it runs OLD."""
    account = await open_account(console, "Atelier Nord", NEW)
    return await add_box(console, open_client(app), account)


async def test_a_box_that_knows_fewer_or_more_fields_is_understood(console: Console, box: ScriptedBox) -> None:
    old = {"observed": {"boot": 7, "sequence": 1, "phase": "idle", "place": "away", "running": "2026.9.1"}}
    new = {
        "observed": {"boot": 7, "sequence": 2, "phase": "idle", "place": "moon", "running": "not one", "mood": "good"},
        "weather": {"is_nice": True},
        "acknowledged": ["act_unknown"],
    }

    for message in (old, new):
        answer = await box.post(SYNC_PATH, msgspec.json.encode(message), {"authorization": f"Bearer {box.token}"})
        assert answer.status_code == 200, answer.text

    record = (await look_at(console, box)).record
    assert (record.boot, record.place, record.slots.running) == (7, "away", None)


HOSTILE = {
    "not_json": (b"{", 422, "message_malformed"),
    "not_utf8": (b'{"observed": "\xff"}', 422, "message_malformed"),
    "another_shape": (b"[]", 422, "message_malformed"),
    "unknown_phase": (
        b'{"observed":{"boot":9,"sequence":1,"phase":"dancing","place":"away"}}',
        422,
        "message_malformed",
    ),
    "huge_counter": (
        b'{"observed":{"boot":99999999999999999999,"sequence":1,"phase":"idle","place":"away"}}',
        422,
        "",
    ),
    "negative_counter": (
        b'{"observed":{"boot":-1,"sequence":1,"phase":"idle","place":"away"}}',
        422,
        "observed_out_of_range",
    ),
    "too_large": (b" " * 65_537, 413, "message_too_large"),
    "deep": (b"[" * 60_000, 422, "message_malformed"),
}


@pytest.mark.parametrize("case", HOSTILE)
async def test_a_malformed_message_is_refused_and_changes_nothing(box: ScriptedBox, case: str) -> None:
    body, status, code = HOSTILE[case]

    answer = await box.post(SYNC_PATH, body, {"authorization": f"Bearer {box.token}"})

    assert answer.status_code == status, answer.text
    assert code in answer.json()["code"]
    assert answer.json()["hint"]


async def test_nasty_words_of_a_box_are_kept_within_bounds(console: Console, box: ScriptedBox) -> None:
    action = await send_update(console, box)
    await box.sync()
    nasty = "\0" + "x" * 3000
    taken = msgspec.structs.replace(took(NEW), version=nasty, wan_bytes=-5, lan_bytes=2**70, way=nasty, reason=nasty)
    box.results = [
        Result(
            id=nasty, event=ReportedEvent.FAIL, at=nasty, action_id=action.id, code=nasty, detail=nasty, taken=taken
        ),
        Result(id=nasty + "2", event=ReportedEvent.FAIL, at="", action_id=nasty),
    ]
    progress = Progress(version=nasty, done_bytes=-1, total_bytes=2**70, action_id=nasty)

    await box.sync(
        progress=progress,
        phase=BoxPhase.DOWNLOADING,
        running=nasty,
        failed_versions=(nasty, str(NEW)),
        agent_version=nasty,
        server_url=nasty,
        served=nasty,
        slot_bytes=2**70,
        place=nasty,
    )

    assert box.results == []
    after = await reload_action(console, action)
    assert (after.state, after.taken) == (ActionState.FAILED, None)
    assert "\0" not in after.code + after.detail
    record = (await look_at(console, box)).record
    assert record.failed_versions == {NEW}
    assert (record.slots.running, record.server_url, record.served) == (None, None, None)
