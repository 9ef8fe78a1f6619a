"""A fleet in the middle of a day's work, for pictures and for pages that are only interesting when things happen.

The WRS of Lyon serves the version of the account, that of Lille is behind; most of Lille's ceBox are behind, one
downloads, one is ready, one fell back, one failed, one is off.
"""

from cebox.domain.version import Version
from cebox.kit.clock import format_utc, utc_now
from cebox.protocol.device import BoxPhase, Order, Progress, ReportedEvent, Result, Taken
from tests.browser.fleet import SLOT_BYTES, Fleet
from tests.browser.scripted_box import ScriptedBox
from tests.integration.console.office import NEW, OLD

_TOTAL_BYTES = 40_000_000
_ROOMS = ("ACC", "ADM", "COM", "SAL")


def tell(fleet: Fleet) -> None:
    """Enrols Lille and puts everybody where the story has them, but for what a command is to start."""
    wrs = fleet.enrol("LIL-WRS-01", "lille_wrs", "wrs")
    wrs.say(running=str(OLD), place="site", slot_bytes=SLOT_BYTES)
    wrs.say(running=str(NEW), previous=str(OLD), served=str(NEW), server_url="http://10.30.4.2:8480")
    for number in range(24):
        box = fleet.enrol(f"LIL-{_ROOMS[number % 4]}-{200 + 3 * number:04}", "lille")
        box.say(running=str(OLD), place="site", slot_bytes=SLOT_BYTES)
        if number % 5 == 0:
            box.say(running=str(NEW), previous=str(OLD))
        if number % 7 == 6:
            box.leave()


def list_waiting(fleet: Fleet) -> list[tuple[ScriptedBox, Order]]:
    """The ceBox that were sent something and have not begun, in the order of their names."""
    found = []
    for name in sorted(fleet.boxes):
        box = fleet.boxes[name]
        if not box.observed.is_leaving:
            found += [(box, order) for order in box.say().orders]
    return found


def carry_on(waiting: list[tuple[ScriptedBox, Order]]) -> None:
    """What a command started, at all its stages at once: done, restarting, ready, downloading, fallen back, failed."""
    for place, (box, order) in enumerate(waiting):
        stage = place % 6
        download(box, order, share=0.2 + 0.07 * place % 0.75)
        if stage == 1:
            stage_update(box, order)
        elif stage == 2:
            stage_update(box, order)
            restart(box, order)
        elif stage == 3:
            stage_update(box, order)
            fall_back(box, order)
        elif stage == 4:
            box.say(phase=BoxPhase.IDLE, results=(_report(ReportedEvent.FAIL, order, code="disk_full"),))
        elif stage == 5:
            stage_update(box, order)
            finish(box, order)


def download(box: ScriptedBox, order: Order, share: float = 0.62) -> None:
    done = int(_TOTAL_BYTES * share)
    progress = Progress(
        version=str(NEW),
        done_bytes=done,
        total_bytes=_TOTAL_BYTES,
        rate_bytes_per_second=3_400_000,
        action_id=order.id,
    )
    box.say(phase=BoxPhase.DOWNLOADING, results=(_report(ReportedEvent.DOWNLOAD, order),), progress=progress)


def stage_update(box: ScriptedBox, order: Order, *, version: Version = NEW, source: str = "wrs") -> None:
    wan_bytes, lan_bytes = (0, _TOTAL_BYTES) if source == "wrs" else (_TOTAL_BYTES, 0)
    taken = Taken(
        version=str(version), source=source, reason="site", way="full", wan_bytes=wan_bytes, lan_bytes=lan_bytes
    )
    result = _report(ReportedEvent.STAGE, order, taken=taken)
    box.say(phase=BoxPhase.STAGED, staged=str(version), results=(result,))


def restart(box: ScriptedBox, order: Order) -> None:
    box.say(phase=BoxPhase.REBOOTING, results=(_report(ReportedEvent.REBOOT, order),))


def fall_back(box: ScriptedBox, order: Order) -> None:
    result = _report(ReportedEvent.ROLL_BACK, order)
    box.say(boot=2, sequence=1, phase=BoxPhase.IDLE, staged=None, failed_versions=(str(NEW),), results=(result,))


def finish(box: ScriptedBox, order: Order) -> None:
    result = _report(ReportedEvent.FINISH, order)
    running, previous = str(NEW), str(OLD)
    box.say(boot=2, sequence=1, phase=BoxPhase.IDLE, staged=None, running=running, previous=previous, results=(result,))


def _report(event: ReportedEvent, order: Order, *, code: str = "", taken: Taken | None = None) -> Result:
    return Result(
        id=f"{event}-{order.id}", event=event, at=format_utc(utc_now()), action_id=order.id, code=code, taken=taken
    )
