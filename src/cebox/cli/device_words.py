"""How a device and its history are described to people."""

from datetime import datetime
from typing import Any

from cebox.cli.measures import format_ago, format_bytes
from cebox.cli.output import print_facts
from cebox.cli.words import ACTION_STATES, REASONS, SOURCES, word
from cebox.protocol.admin import Action, Device, Event

COLUMNS = ("device", "kind", "site", "power", "runs", "staged", "would take", "last action")


def row(device: Device) -> tuple[object, ...]:
    return (
        device.name,
        device.kind,
        _place(device),
        "on" if device.is_on else "off",
        device.running,
        device.staged,
        _would_take(device),
        describe_action(device.last_action) if device.last_action else None,
    )


def print_device(device: Device, now: datetime) -> None:
    facts: dict[str, object] = {
        "device": f"{device.name} ({device.kind})",
        "id": device.id,
        "site": _place(device),
        "power": f"{'on' if device.is_on else 'off'}, heard of {format_ago(device.last_seen_at, now)}",
        "runs": device.running,
        "staged": device.staged and f"{device.staged} (waits for a reboot)",
        "previous": device.previous,
        "would take": _would_take(device, is_long=True),
        "doing": device.phase,
    }
    if device.progress is not None:
        done, total = format_bytes(device.progress.done_bytes), format_bytes(device.progress.total_bytes)
        facts["progress"] = f"{device.progress.version}: {done} of {total}"
    if device.last_action is not None:
        facts["last action"] = describe_action(device.last_action)
        facts["taken"] = describe_taken(device.last_action)
    print_facts(facts)


def describe_action(action: Action) -> str:
    words = f"{action.kind}: {word(ACTION_STATES, action.state)}"
    return f"{words} [{action.code}]" if action.code else words


def describe_taken(action: Action) -> str:
    """What was asked, what was taken, from where and how."""
    taken = action.taken
    if taken is None:
        return ""
    asked = f"{action.asked_tag or 'no tag'}" + (f" ({action.asked_version})" if action.asked_version else "")
    size = format_bytes(taken.wan_bytes + taken.lan_bytes)
    reason = f", {word(REASONS, taken.reason)}" if taken.reason else ""
    way = f", {taken.way}" if taken.way else ""
    return f"asked {asked}; took {taken.version}{reason}, from {word(SOURCES, taken.source)}{way}, {size}"


def describe_event(event: Event) -> str:
    facts: dict[str, Any] = event.facts
    kind = str(facts.get("event") or event.kind).replace("_", " ")
    details = [
        f"{name.replace('_', ' ')} {value}"
        for name, value in facts.items()
        if name in ("version", "previous", "source", "way", "code", "detail", "reason") and value
    ]
    return ", ".join([kind, *details])


def _place(device: Device) -> str:
    if device.site_name is None:
        return "-"
    return device.site_name if device.place == "site" else f"{device.site_name} (away)"


def _would_take(device: Device, *, is_long: bool = False) -> str | None:
    wanted = device.would_take
    if wanted is None or wanted.version == device.running:
        return None
    if not is_long:
        return f"{wanted.version} ({wanted.source})"
    return f"{wanted.version} from {word(SOURCES, wanted.source)} ({word(REASONS, wanted.reason)})"
