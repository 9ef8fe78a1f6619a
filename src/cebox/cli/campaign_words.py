"""How a campaign is foretold and told."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from cebox.cli.measures import format_bytes, format_moment
from cebox.cli.output import print_facts, print_table, remark
from cebox.cli.words import FINDINGS, word
from cebox.domain.campaign import CampaignState, MemberState
from cebox.domain.campaign_member import Turn
from cebox.domain.campaign_step import Waiting
from cebox.protocol.admin import Campaign, CampaignDevice, CampaignPreview, CampaignWave

CAMPAIGN_STATES: Mapping[CampaignState, str] = MappingProxyType(
    {
        CampaignState.DRAFT: "draft",
        CampaignState.RUNNING: "running",
        CampaignState.PAUSED: "paused",
        CampaignState.STOPPED: "stopped automatically",
        CampaignState.ENDING: "ending",
        CampaignState.ENDED: "ended early",
        CampaignState.COMPLETED: "completed",
    }
)
MEMBER_STATES: Mapping[MemberState, str] = MappingProxyType(
    {
        MemberState.PENDING: "not sent yet",
        MemberState.UPDATING: "updating",
        MemberState.READY: "ready",
        MemberState.RESTARTING: "restarting",
        MemberState.DONE: "done",
        MemberState.FAILED: "failed",
        MemberState.ROLLED_BACK: "rolled back",
        MemberState.SILENT: "silent",
        MemberState.REFUSED: "refused",
        MemberState.SKIPPED: "skipped",
        MemberState.WITHDRAWN: "taken out by hand",
        MemberState.INSTALLED: "installed, not restarted",
        MemberState.NOT_SENT: "not sent",
    }
)
WAITS: Mapping[Waiting, str] = MappingProxyType(
    {
        Waiting.NOTHING: "",
        Waiting.UNDER_WAY: "waits for the devices that are under way",
        Waiting.WINDOW: "waits for the maintenance window",
        Waiting.WATCH: "watches the wave that is over",
        Waiting.SERVERS: "waits for the WRS of the sites",
        Waiting.DEVICES_OFF: "waits for devices that are off or busy",
    }
)
TURNS: Mapping[Turn, str] = MappingProxyType(
    {
        Turn.SEND: "in its turn",
        Turn.WAIT: "when it is on and free",
        Turn.ALREADY_DONE: "has it already",
        Turn.ALREADY_STAGED: "only restarted",
        Turn.SKIP: "skipped",
    }
)
_KINDS = {"servers": "WRS", "site": "one site", "share": "the rest"}
_WHY = {"other_version": "the WRS of its site serves another version", "already_there": "had it already"}


def describe_state(campaign: Campaign) -> str:
    """`running, waits for the maintenance window until …`."""
    words = word(CAMPAIGN_STATES, campaign.state)
    waiting = WAITS.get(Waiting(campaign.waiting), "") if campaign.waiting in set(Waiting) else campaign.waiting
    if campaign.state != CampaignState.RUNNING or not waiting:
        return words
    until = f" until {format_moment(campaign.waits_until)}" if campaign.waits_until else ""
    return f"{words}, {waiting}{until}"


def describe_counts(campaign: Campaign | CampaignWave) -> str:
    """`3 done; 1 failed`."""
    parts = [f"{count} {word(MEMBER_STATES, state)}" for state, count in campaign.counts.items() if count]
    return "; ".join(parts) or "not begun"


def print_campaign(campaign: Campaign) -> None:
    facts: dict[str, object] = {
        "campaign": campaign.name,
        "state": describe_state(campaign),
        "version": campaign.version,
        "progress": describe_counts(campaign),
    }
    if campaign.stop is not None:
        facts["stopped"] = f"{format_moment(campaign.stop.at)}, {_describe_stop(campaign)}"
    print_facts(facts)
    if campaign.waves:
        rows = ((one.number, _name_wave(one), one.size, describe_counts(one)) for one in campaign.waves)
        print_table(("wave", "what", "devices", "progress"), rows, empty="")


def print_devices(members: Sequence[CampaignDevice]) -> None:
    rows = (
        (one.name, one.wave, word(MEMBER_STATES, one.state), _describe_code(one.code), one.from_version)
        for one in members
    )
    print_table(("device", "wave", "outcome", "because", "from"), rows, empty="No device of it is in this state.")


def print_preview(preview: CampaignPreview) -> None:
    rows = (
        (one.number, one.share or _KINDS.get(one.kind), one.size, format_bytes(one.download_bytes))
        for one in preview.waves
    )
    print_table(("wave", "what", "devices", "download"), rows, empty="Nobody is in it.")
    exceptions = [one for one in preview.devices if one.turn != Turn.SEND]
    for one in exceptions:
        why = f": {_describe_code(one.code)}" if one.code else ""
        remark(f"{one.name} {word(TURNS, one.turn)}{why}")
    if preview.elsewhere:
        remark(f"{len(preview.elsewhere)} devices are in another campaign, which must end first")
    remark(f"{preview.sent_count} of {preview.count} devices, {format_bytes(preview.download_bytes)} to download")


def _describe_stop(campaign: Campaign) -> str:
    assert campaign.stop is not None
    facts = campaign.stop.facts
    if campaign.stop.reason == "threshold":
        where = f"wave {facts.get('wave')}" if facts.get("wave") else "the campaign"
        return f"{facts.get('anomalies')} of {facts.get('counted')} in trouble in {where} (at {facts.get('percent')} %)"
    if campaign.stop.reason == "version_changed":
        return f"the account's version is now {facts.get('version')}"
    return f"{facts.get('version')} was withdrawn"


def _describe_code(code: str) -> str | None:
    return _WHY.get(code) or (word(FINDINGS, code) if code else None)


def _name_wave(wave: CampaignWave) -> str:
    if wave.kind == "site":
        return f"site {wave.site_name}"
    return wave.share or _KINDS.get(wave.kind, wave.kind)
