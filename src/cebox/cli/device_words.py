"""How a device and its history are described to people."""

from collections.abc import Sequence
from datetime import datetime

from cebox.cli.measures import format_ago, format_bytes, format_largest, format_moment
from cebox.cli.output import print_facts, print_table
from cebox.cli.words import ACTION_STATES, EVENTS, REASONS, SOURCES, word
from cebox.protocol.admin import Action, Device, Event, Progress

_COLUMNS = ("device", "kind", "site", "power", "runs", "staged", "would take", "last action")


def print_devices(devices: Sequence[Device]) -> None:
    """With a column for the account when they are of several."""
    is_wide = len({device.account_id for device in devices}) > 1
    columns = ("account", *_COLUMNS) if is_wide else _COLUMNS
    rows = ((device.account_name, *_row(device)) if is_wide else _row(device) for device in devices)
    print_table(columns, rows, empty="No such device.")


def _row(device: Device) -> tuple[object, ...]:
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
        facts["progress"] = f"{device.progress.version}: {describe_progress(device.progress)}"
    if device.last_action is not None:
        facts["last action"] = describe_action(device.last_action)
        facts["taken"] = describe_taken(device.last_action)
    print_facts(facts)


def describe_progress(progress: Progress) -> str:
    """`38.2 MB of 121 MB, 1.4 MB/s, 1 min left`; what is not known is not said."""
    words = []
    if progress.total_bytes:
        words.append(f"{format_bytes(progress.done_bytes)} of {format_bytes(progress.total_bytes)}")
    if progress.waits_until is not None:
        words.append(f"waits for the site's download window until {format_moment(progress.waits_until)}")
    elif progress.seconds_left is not None:
        words.append(f"{format_bytes(progress.rate_bytes_per_second)}/s")
        words.append(f"{format_largest(progress.seconds_left)} left")
    return ", ".join(words) or "begins"


def describe_action(action: Action) -> str:
    words = f"{action.kind} {word(ACTION_STATES, action.state)}"
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
    """`installed 2026.11.1 from the site's WRS, patch from 2026.10.1`; `failed [disk_full]: …`."""
    facts = event.facts
    words = [word(EVENTS, str(facts.get("event") or event.kind))]
    if version := facts.get("version"):
        words.append(str(version))
    if source := facts.get("source"):
        words.append(f"from {word(SOURCES, str(source))}")
    if code := facts.get("code"):
        words.append(f"[{code}]")
    details = [str(facts[name]) for name in ("way", "detail") if facts.get(name)]
    if previous := facts.get("previous"):
        details.append(f"before it {previous}")
    if event.kind == "went_off" and facts.get("reason"):
        details.append(str(facts["reason"]))
    return ", ".join([" ".join(words), *details])


def _place(device: Device) -> str:
    if device.site_name is None:
        return "-"
    return device.site_name if device.place == "site" else f"{device.site_name} (away)"


def _would_take(device: Device, *, is_long: bool = False) -> str | None:
    wanted = device.would_take
    if wanted is None or wanted.version in (device.running, device.staged):
        return None
    if not is_long:
        return f"{wanted.version} ({wanted.source})"
    return f"{wanted.version} from {word(SOURCES, wanted.source)} ({word(REASONS, wanted.reason)})"
