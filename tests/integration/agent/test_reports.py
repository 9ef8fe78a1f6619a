"""Results on their way to the console: a long queue goes out in parts, each within what the console takes at once."""

from functools import reduce

import msgspec

from cebox.agent.box import Box
from cebox.agent.enrolment import enrol
from cebox.agent.journal import Journal, add_result
from cebox.agent.journal_file import JournalFile
from cebox.agent.settings import load_settings
from cebox.agent.sync import Exchange
from cebox.agent.virtual import firmware
from cebox.agent.virtual.machine import open_machine
from cebox.protocol.device import ReportedEvent
from cebox.protocol.device_client import DeviceClient
from cebox.protocol.identity import DeviceIdentity
from tests.integration.agent.conftest import MakeBox
from tests.servers.device_console import DeviceConsole

_CONSOLE_TAKES_BYTES = 64 * 1024
_AT = "2026-11-22T12:00:00Z"


def test_a_long_queue_of_results_goes_out_in_parts_and_arrives_once(new_box: MakeBox, console: DeviceConsole) -> None:
    folder = new_box("long-silence").folder
    firmware.boot(folder)
    settings = load_settings(folder)
    box = Box(
        settings=settings,
        machine=open_machine(folder),
        journal=JournalFile(settings.state_folder / "journal.json"),
        identity=DeviceIdentity.load_or_generate(settings.device_key_file),
        agent_version="0",
    )
    client = DeviceClient(settings.console_url, box.identity, clock=box.now)
    enrol(settings, client)
    box.journal.change(lambda now: reduce(_add_failure, range(180), now))

    exchange = Exchange(box, client)
    sent = []
    while box.journal.now.results:
        before = len(box.journal.now.results)
        exchange.report()
        sent.append(before - len(box.journal.now.results))
    client.close()

    assert sum(sent) == 180
    assert len(sent) > 1
    assert [result.action_id for result in console.device.results] == [f"act_{number}" for number in range(180)]
    largest = max(len(msgspec.json.encode(console.device.results[: max(sent)])), 0)
    assert largest < _CONSOLE_TAKES_BYTES


def _add_failure(journal: Journal, number: int) -> Journal:
    detail = f"{number} " + "x" * 2000
    return add_result(
        journal, ReportedEvent.FAIL, action_id=f"act_{number}", at=_AT, code="repository_unreachable", detail=detail
    )
