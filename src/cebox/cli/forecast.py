"""Preflight in words: what a device would take, from where, how much, and what speaks against it."""

from cebox.cli.measures import format_bytes, format_largest, format_moment
from cebox.cli.words import FINDINGS, SOURCES, word
from cebox.domain.preflight import Admission, Severity
from cebox.protocol.admin import Device, Forecast, Resolution


def describe_outcome(device: Device, forecast: Forecast) -> str:
    """One line: `accueil-01 will take 2026.11.1 from the WRS of Lyon, not the tag essai (2026.12.0); 12.3 MB`."""
    taken = forecast.resolution
    if taken is None:
        return _describe_power(device, forecast)
    is_refused = forecast.admission == Admission.REFUSE
    will = "would" if is_refused else "will"
    words = f"{device.name} {will} take {taken.version} from {_source(device, taken)}{_overruled(taken)}"
    if is_refused or forecast.download_bytes is None:
        return words
    begins = f", from {format_moment(forecast.begins_at)} on" if forecast.begins_at else ""
    lasts = f", about {format_largest(forecast.duration.seconds)}" if forecast.duration else ""
    return f"{words}; {format_bytes(forecast.download_bytes)} to download{lasts}{begins}"


def describe_finding(finding: str, device: Device) -> str:
    words = word(FINDINGS, finding)
    return words.replace("the site's WRS", f"the WRS of {device.site_name}") if device.site_name else words


def list_findings(forecast: Forecast, severity: Severity) -> list[str]:
    return [finding.code for finding in forecast.found if finding.severity == severity]


def _describe_power(device: Device, forecast: Forecast) -> str:
    if forecast.kind == "start":
        through = forecast.through.name if forecast.through else "the WRS of its site"
        return f"{through} will call {device.name} over the site's network"
    if forecast.installs is not None:
        taken = forecast.installs
        return f"{device.name} will install {taken.version} from {_source(device, taken)} before it goes off"
    if forecast.finalises is not None:
        when = "now" if forecast.kind == "reboot" else "at its next start"
        return f"{device.name} will try {forecast.finalises} {when}, and keep it if it proves itself"
    return f"{device.name} will {'restart' if forecast.kind == 'reboot' else 'go off'}; nothing is installed by it"


def _source(device: Device, taken: Resolution) -> str:
    if taken.source == "wrs" and device.site_name:
        return f"the WRS of {device.site_name}"
    return word(SOURCES, taken.source)


def _overruled(taken: Resolution) -> str:
    if not taken.is_overruled:
        return ""
    asked = f"the tag {taken.asked_tag}" if taken.asked_tag else "the account's version"
    return f", not {asked} ({taken.asked_version})"
