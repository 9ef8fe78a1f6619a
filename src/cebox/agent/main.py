"""The agent as a process: puts the parts together, runs until power goes or somebody stops it."""

import signal
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from types import FrameType, MappingProxyType

from cebox.agent.box import Box, Ending
from cebox.agent.conversation import Conversation
from cebox.agent.desk import open_desk
from cebox.agent.enrolment import enrol
from cebox.agent.journal_file import JournalFile
from cebox.agent.machine import Machine
from cebox.agent.runner import run_box
from cebox.agent.settings import AgentSettings, MachineKind, load_settings
from cebox.agent.sync import Exchange
from cebox.kit.clock import Clock, utc_now
from cebox.kit.log import configure_log
from cebox.protocol.device_client import DeviceClient
from cebox.protocol.identity import DeviceIdentity

REBOOT_EXIT_CODE = 85
POWER_OFF_EXIT_CODE = 86
EXIT_CODES: Mapping[Ending, int] = MappingProxyType(
    {Ending.STOPPED: 0, Ending.REBOOT: REBOOT_EXIT_CODE, Ending.POWER_OFF: POWER_OFF_EXIT_CODE}
)


def run_agent(folder: Path, *, clock: Clock = utc_now, root: Path = Path("/")) -> int:
    """Be the agent of the box in `folder`. What the answer, an exit code, means is in `agent.virtual`.

    `clock` is the machine's own, right or wrong; below `root` lie the files of a real one.

    Raises InvalidInput (`settings_missing`, `settings_invalid`, `machine_missing`), Conflict (`machine_is_off`).
    """
    settings = load_settings(folder)
    configure_log(box=settings.name)
    box = Box(
        settings=settings,
        machine=_open_machine(folder, settings, root),
        journal=JournalFile(settings.state_folder / "journal.json"),
        identity=DeviceIdentity.load_or_generate(settings.device_key_file),
        agent_version=version("cebox"),
        clock=clock,
    )
    # Never closed: a held request ends with the process, which must not wait for it.
    client = DeviceClient(settings.console_url, box.identity, clock=box.now, timeout_seconds=settings.timeout_seconds)
    conversation = Conversation(
        box, Exchange(box, client), lambda: enrol(settings, client, agent_version=box.agent_version)
    )
    box.say_goodbye = conversation.say_goodbye
    _listen_to_signals(box)
    open_desk(box, settings.desk_socket)
    try:
        return EXIT_CODES[run_box(box, conversation.start)]
    finally:
        conversation.stop()


def _open_machine(folder: Path, settings: AgentSettings, root: Path) -> Machine:
    # Imported late: a box has one kind, and its memory.
    if settings.machine is MachineKind.SYSTEMD_BOOT:
        from cebox.agent.systemd_boot import machine as real

        return real.open_machine(settings.state_folder, root)
    from cebox.agent.virtual import machine as virtual

    return virtual.open_machine(folder)


def _listen_to_signals(box: Box) -> None:
    def note(_number: int, _frame: FrameType | None) -> None:
        box.signal()

    box.wakes.wake_on_signals()
    signal.signal(signal.SIGTERM, note)
    signal.signal(signal.SIGINT, note)
