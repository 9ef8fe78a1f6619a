"""The order of an update on a site: WRS, its reboot, the boxes, their reboots (R11)."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from cebox.domain.device import Device, DeviceKind, Place
from cebox.domain.ids import DeviceId
from cebox.domain.version import Version


class StepKind(StrEnum):
    UPDATE_WRS = "update_wrs"
    REBOOT_WRS = "reboot_wrs"
    UPDATE_BOXES = "update_boxes"
    REBOOT_BOXES = "reboot_boxes"


@dataclass(frozen=True, slots=True)
class Step:
    """One step and the devices it still concerns; none left means the step is done."""

    kind: StepKind
    device_ids: tuple[DeviceId, ...]
    is_open: bool

    @property
    def is_done(self) -> bool:
        return not self.device_ids


def plan_procedure(devices: Iterable[Device], target: Version) -> tuple[Step, ...]:
    """R11: the four steps towards `target` for the devices of one site (or of an account without sites).

    A step is open once the steps before it are done. Boxes away from their site need not wait for the WRS (R7): they
    are in step three from the start, and step three is open as soon as one of them is.
    """
    servers: list[Device] = []
    boxes: list[Device] = []
    for device in devices:
        (servers if device.kind is DeviceKind.WRS else boxes).append(device)
    update_wrs, reboot_wrs = _behind(servers, target)
    update_boxes, reboot_boxes = _behind(boxes, target)
    wrs_is_ready = not update_wrs and not reboot_wrs
    away = {box.id for box in boxes if box.place is Place.AWAY}
    return (
        Step(StepKind.UPDATE_WRS, update_wrs, True),
        Step(StepKind.REBOOT_WRS, reboot_wrs, bool(reboot_wrs)),
        Step(StepKind.UPDATE_BOXES, update_boxes, wrs_is_ready or bool(away & set(update_boxes))),
        Step(StepKind.REBOOT_BOXES, reboot_boxes, bool(reboot_boxes)),
    )


def _behind(devices: list[Device], target: Version) -> tuple[tuple[DeviceId, ...], tuple[DeviceId, ...]]:
    """(those that must still install, those that have installed and must restart)."""
    to_update = tuple(d.id for d in devices if target not in (d.slots.running, d.slots.staged))
    to_reboot = tuple(d.id for d in devices if d.slots.staged == target)
    return to_update, to_reboot
