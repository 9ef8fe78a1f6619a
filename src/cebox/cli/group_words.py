"""How a group command is foretold and told."""

from collections.abc import Mapping, Sequence

from cebox.cli.device_words import describe_action
from cebox.cli.forecast import describe_finding
from cebox.cli.measures import format_bytes
from cebox.cli.output import print_table, remark
from cebox.cli.words import ACTION_STATES, FINDINGS, word
from cebox.domain.preflight import Admission
from cebox.protocol.admin import Action, Command, Device, DeviceForecast, GroupForecast

_ADMISSIONS = {"send": "now", "queue": "at its next start", "refuse": "skipped"}


def print_forecast(forecast: GroupForecast, targets: Sequence[Device]) -> None:
    known = {device.id: device for device in targets}
    rows = (_row(one, known[one.device_id]) for one in forecast.devices if one.device_id in known)
    print_table(("device", "when", "takes", "from", "download", "because"), rows, empty="No device is named.")


def print_refusals(command: Command, names: Mapping[str, str]) -> None:
    for refusal in command.refusals:
        remark(f"skipped {names.get(refusal.device_id, refusal.device_id)}: {word(FINDINGS, refusal.finding)}")


def describe_counts(command: Command) -> str:
    """`3 installed, waits for a reboot; 1 failed`."""
    parts = [f"{count} {word(ACTION_STATES, state)}" for state, count in command.counts.items() if count]
    return "; ".join(parts) or "no device could take it"


def describe_action_end(action: Action, names: Mapping[str, str]) -> str:
    return f"{names.get(action.device_id, action.device_id)}: {describe_action(action)}"


def _row(one: DeviceForecast, device: Device) -> tuple[object, ...]:
    taken = one.resolution or one.installs
    is_taking = one.admission != Admission.REFUSE
    return (
        device.name,
        _ADMISSIONS.get(one.admission, one.admission),
        taken.version if taken else device.staged,
        taken.source if taken else None,
        format_bytes(one.download_bytes) if is_taking else None,
        "; ".join(describe_finding(finding, device) for finding in one.findings),
    )
