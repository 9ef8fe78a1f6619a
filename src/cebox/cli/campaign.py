"""`cebox campaign`: the account's version brought to many devices, wave by wave."""

import time
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from cebox.cli.caller import Caller, works_on_account
from cebox.cli.campaign_words import (
    describe_counts,
    describe_state,
    print_campaign,
    print_devices,
    print_preview,
)
from cebox.cli.choose import choose
from cebox.cli.exit_codes import ENDED_BADLY
from cebox.cli.follow import POLL_SECONDS, Patience, leaving_it_running
from cebox.cli.options import IsYes, examples, new_group
from cebox.cli.output import is_interactive, print_json, print_table, remark, say
from cebox.errors import CeboxError, InvalidInput
from cebox.protocol.admin import Campaign, CampaignPreview

app = new_group("Campaigns: many devices in waves, with hours, limits and an automatic stop.")

Name = Annotated[str, typer.Argument(metavar="CAMPAIGN", help="Its name or id.")]
_OVER = frozenset({"completed", "ended", "stopped", "paused"})


@app.command("list", epilog=examples("cebox campaign list"))
@works_on_account
def list_campaigns(caller: Caller) -> None:
    """List the campaigns, the newest first."""
    campaigns = caller.client.list_campaigns(caller.account_id)
    if caller.as_json:
        print_json(campaigns)
        return
    print_table(
        ("campaign", "state", "version", "progress", "id"),
        ((one.name, describe_state(one), one.version, describe_counts(one), one.id) for one in campaigns),
        empty="No campaign yet. Make one with: cebox campaign start NAME --behind",
    )


@app.command(epilog=examples("cebox campaign show 'Production 2026.11.1'"))
@works_on_account
def show(caller: Caller, name: Name) -> None:
    """Show a campaign: its waves, what it waits for, what it came to."""
    campaign = _choose(caller, name)
    if caller.as_json:
        print_json(campaign)
    else:
        print_campaign(campaign)


@app.command(epilog=examples("cebox campaign devices 'Production 2026.11.1' --state failed"))
@works_on_account
def devices(
    caller: Caller,
    name: Name,
    state: Annotated[str | None, typer.Option("--state", metavar="STATE", help="Only those in it.")] = None,
) -> None:
    """List the devices of a campaign, in the order of their turn."""
    members = caller.client.list_campaign_devices(_choose(caller, name).id, state)
    if caller.as_json:
        print_json(members)
    else:
        print_devices(members)


@app.command(
    epilog=examples(
        "cebox campaign start 'Production 2026.11.1' --behind --waves '5%, 25%'",
        "cebox campaign start Lyon --site Lyon --hours 19:00-05:00 --days 1-5 --zone Europe/Paris",
    )
)
@works_on_account
def start(
    caller: Caller,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Of the new campaign.")],
    names: Annotated[
        list[str] | None, typer.Option("--device", metavar="DEVICE", help="A device, by name or id; repeatable.")
    ] = None,
    sites: Annotated[
        list[str] | None, typer.Option("--site", metavar="SITE", help="All devices of a site; repeatable.")
    ] = None,
    is_behind: Annotated[bool, typer.Option("--behind", help="All that are behind the account's version.")] = False,
    is_all: Annotated[bool, typer.Option("--all", help="All devices of the account.")] = False,
    has_servers: Annotated[
        bool, typer.Option("--servers/--no-servers", help="The WRS of their sites come too, and go first.")
    ] = True,
    order: Annotated[
        Literal["servers_first", "site_by_site"],
        typer.Option("--order", help="All WRS and then waves over all sites, or one site after the other."),
    ] = "servers_first",
    waves: Annotated[
        str, typer.Option("--waves", metavar="SHARES", help="Numbers or percentages, such as '5%, 25%'.")
    ] = "",
    hours: Annotated[
        str | None, typer.Option("--hours", metavar="HH:MM-HH:MM", help="The maintenance window; over midnight too.")
    ] = None,
    days: Annotated[
        str, typer.Option("--days", metavar="DAYS", help="Days on which it opens, 1 is Monday: 1-5 or 1,3.")
    ] = "1-7",
    zone: Annotated[
        str, typer.Option("--zone", metavar="ZONE", help="Whose clocks the hours are, such as Europe/Paris.")
    ] = "UTC",
    in_all: Annotated[int, typer.Option("--at-once", metavar="N", help="Devices under way at once, in all.")] = 40,
    per_site: Annotated[int, typer.Option("--per-site", metavar="N", help="The same, per site.")] = 15,
    wave_percent: Annotated[
        int, typer.Option("--stop-wave", metavar="PERCENT", help="Stop at so much trouble in one wave.")
    ] = 8,
    campaign_percent: Annotated[
        int, typer.Option("--stop-campaign", metavar="PERCENT", help="Stop at so much trouble in the campaign.")
    ] = 10,
    silence_minutes: Annotated[
        int, typer.Option("--silence", metavar="MINUTES", help="Silence counts as trouble after so long.")
    ] = 45,
    watch_hours: Annotated[
        int, typer.Option("--watch", metavar="HOURS", help="Watch each wave for so long before the next.")
    ] = 0,
    is_dry: Annotated[bool, typer.Option("--dry-run", help="Only say who would go when.")] = False,
    is_yes: IsYes = False,
) -> None:
    """Say who would go when and what stands in the way; then start it."""
    selection = _select(caller, names, sites, is_behind=is_behind, is_all=is_all) | {"has_servers": has_servers}
    rules = {
        "order": order,
        "shares": waves,
        "window": {"hours": hours, "days": parse_days(days), "zone": zone} if hours else None,
        "in_all": in_all,
        "per_site": per_site,
        "wave_percent": wave_percent,
        "campaign_percent": campaign_percent,
        "silence_minutes": silence_minutes,
        "watch_minutes": watch_hours * 60,
    }
    preview = caller.client.preview_campaign(name, selection, rules, caller.account_id)
    _foretell(caller, preview, is_dry=is_dry, is_yes=is_yes)
    if is_dry:
        return
    draft = caller.client.draft_campaign(name, selection, rules, caller.account_id)
    try:
        campaign = caller.client.start_campaign(draft.id, preview.count)
    except CeboxError:
        caller.client.remove_campaign(draft.id)
        raise
    _tell(caller, campaign, f"{campaign.name} is started for {preview.count} devices.")


@app.command(epilog=examples("cebox campaign watch 'Production 2026.11.1'"))
@works_on_account
def watch(caller: Caller, name: Name) -> None:
    """Stay until it is over, paused or stopped; Ctrl-C leaves it running."""
    campaign = _follow(caller, _choose(caller, name))
    if caller.as_json:
        print_json(campaign)
    else:
        print_campaign(campaign)
    if campaign.state == "stopped" or campaign.trouble:
        raise typer.Exit(ENDED_BADLY)


@app.command(epilog=examples("cebox campaign pause 'Production 2026.11.1'"))
@works_on_account
def pause(caller: Caller, name: Name) -> None:
    """Send nothing more for now; what is under way goes on."""
    campaign = caller.client.steer_campaign(_choose(caller, name).id, "pause")
    _tell(caller, campaign, f"{campaign.name} is paused.")


@app.command(epilog=examples("cebox campaign resume 'Production 2026.11.1' --without-site Lyon"))
@works_on_account
def resume(
    caller: Caller,
    name: Name,
    without: Annotated[
        str | None, typer.Option("--without-site", metavar="SITE", help="Leave out what was not sent there.")
    ] = None,
) -> None:
    """Go on after a pause or a stop; after a stop, trouble is counted from zero."""
    site_id = choose(without, caller.client.list_sites(caller.account_id), kind="site").id if without else None
    campaign = caller.client.steer_campaign(_choose(caller, name).id, "resume", without_site=site_id)
    _tell(caller, campaign, f"{campaign.name} goes on.")


@app.command(epilog=examples("cebox campaign retry 'Production 2026.11.1'"))
@works_on_account
def retry(caller: Caller, name: Name) -> None:
    """Try those again that failed, refused, kept silent or were skipped; rollbacks are not."""
    campaign = caller.client.steer_campaign(_choose(caller, name).id, "retry")
    _tell(caller, campaign, f"{campaign.name} tries them again.")


@app.command(epilog=examples("cebox campaign end 'Production 2026.11.1'"))
@works_on_account
def end(caller: Caller, name: Name, is_yes: IsYes = False) -> None:
    """End it for good: nothing more is sent, what is under way is followed to its end."""
    campaign = _choose(caller, name)
    pending = campaign.counts.get("pending", 0)
    if not is_yes and is_interactive():
        typer.confirm(f"{pending} devices will keep their version. End it?", abort=True, err=True)
    campaign = caller.client.steer_campaign(campaign.id, "end")
    _tell(caller, campaign, f"{campaign.name} ends; {pending} devices were not sent.")


@app.command(epilog=examples("cebox campaign report 'Production 2026.11.1' --output report.csv"))
@works_on_account
def report(
    caller: Caller,
    name: Name,
    output: Annotated[
        Path | None, typer.Option("--output", metavar="FILE", help="Where to write it; without it, on stdout.")
    ] = None,
) -> None:
    """Write the outcome of every device, as CSV."""
    text = caller.client.get_campaign_report(_choose(caller, name).id)
    if output is None:
        typer.echo(text, nl=False)
    else:
        output.write_text(text, encoding="utf-8")
        say(f"Written: {output}")


def parse_days(text: str) -> list[int]:
    """`1-5` or `1,3`. Raises InvalidInput (`days_malformed`)."""
    days: set[int] = set()
    try:
        for part in text.split(","):
            first, _, last = part.partition("-")
            days.update(range(int(first), int(last or first) + 1))
    except ValueError as error:
        raise _no_days(text) from error
    if not days or not days <= set(range(1, 8)):
        raise _no_days(text)
    return sorted(days)


def _no_days(text: str) -> InvalidInput:
    return InvalidInput("days_malformed", f"{text!r} are no days of a week", hint="Write 1-5 or 1,3; 1 is Monday.")


def _choose(caller: Caller, name: str) -> Campaign:
    campaign = choose(name, caller.client.list_campaigns(caller.account_id), kind="campaign")
    return caller.client.get_campaign(campaign.id)


def _select(
    caller: Caller, names: list[str] | None, sites: list[str] | None, *, is_behind: bool, is_all: bool
) -> dict[str, Any]:
    """Raises InvalidInput (`campaign_words_missing`) when nobody is named."""
    if is_behind and is_all:
        raise InvalidInput("campaign_words_missing", "choose either --behind or --all", hint="See --help.")
    if not (names or sites or is_behind or is_all):
        raise InvalidInput(
            "campaign_words_missing",
            "name the devices: --device, --site, --behind or --all",
            hint="Such as: cebox campaign start Production --behind",
        )
    known = caller.client.list_sites(caller.account_id) if sites else []
    return {
        "device_ids": [caller.get_device(one).id for one in names or []],
        "site_ids": [choose(one, known, kind="site").id for one in sites or []],
        "where": "version=behind" if is_behind else "" if is_all else None,
    }


def _foretell(caller: Caller, preview: CampaignPreview, *, is_dry: bool, is_yes: bool) -> None:
    if caller.as_json:
        if is_dry:
            print_json(preview)
        return
    print_preview(preview)
    if not is_dry and not is_yes and is_interactive():
        typer.confirm(f"Start it for {preview.sent_count} devices?", abort=True, err=True)


def _tell(caller: Caller, campaign: Campaign, sentence: str) -> None:
    if caller.as_json:
        print_json(campaign)
    else:
        say(sentence)


def _follow(caller: Caller, campaign: Campaign) -> Campaign:
    said = ""
    with leaving_it_running(f"cebox campaign show '{campaign.name}'"):
        patience = Patience()
        while campaign.state not in _OVER:
            time.sleep(POLL_SECONDS)
            with patience:
                campaign = caller.client.get_campaign(campaign.id)
                words = describe_counts(campaign)
                if words != said:
                    remark(words)
                said = words
    return campaign
