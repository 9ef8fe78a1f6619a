"""`cebox group`: the same for many devices, always towards the account's version."""

from typing import Annotated

import typer

from cebox.cli.caller import Caller, works_on_account
from cebox.cli.choose import choose
from cebox.cli.exit_codes import ENDED_BADLY
from cebox.cli.follow import BAD_ENDS, has_ended_badly
from cebox.cli.follow_command import follow_command, follow_trials
from cebox.cli.group_words import describe_action_end, describe_counts, print_forecast, print_refusals
from cebox.cli.options import IsYes, examples, new_group
from cebox.cli.output import is_interactive, print_json, say
from cebox.domain.action import ActionState
from cebox.domain.preflight import Admission
from cebox.errors import InvalidInput
from cebox.protocol.admin import Action, Command, Device, GroupForecast

app = new_group("Groups: one command for many devices, without a tag.")

Names = Annotated[list[str] | None, typer.Argument(metavar="[DEVICE]...", help="Their names or ids.")]
OfSite = Annotated[str | None, typer.Option("--site", metavar="SITE", help="All devices of this site.")]
IsAll = Annotated[bool, typer.Option("--all", help="All devices of the account.")]
IsWaiting = Annotated[bool, typer.Option("--wait/--no-wait", help="Stay until all rest, or return at once.")]


@app.command(epilog=examples("cebox group update --site Lyon", "cebox group update accueil-01 accueil-02"))
@works_on_account
def update(
    caller: Caller,
    devices: Names = None,
    site: OfSite = None,
    is_all: IsAll = False,
    at_next_start: Annotated[
        bool, typer.Option("--at-next-start", help="Those that are off run it when they come on.")
    ] = False,
    tag: Annotated[
        str | None, typer.Option("--tag", metavar="TAG", help="Refused: a group takes the account's version.")
    ] = None,
    is_waiting: IsWaiting = True,
    is_yes: IsYes = False,
) -> None:
    """Install the account's version on many devices; what cannot take it now is skipped and named."""
    targets = _choose_devices(caller, devices, site, is_all=is_all)
    words: dict[str, object] = {"at_next_start": at_next_start}
    if tag is not None:
        words["tag"] = tag
    else:
        _foretell(caller, "update", targets, is_yes=is_yes, at_next_start=at_next_start)
    command = caller.client.create_command("update", [device.id for device in targets], **words)
    if is_waiting:
        command = follow_command(caller.client, command, resting=frozenset({ActionState.STAGED}))
    _tell(caller, command, targets)


@app.command(epilog=examples("cebox group reboot --site Lyon"))
@works_on_account
def reboot(
    caller: Caller,
    devices: Names = None,
    site: OfSite = None,
    is_all: IsAll = False,
    is_waiting: IsWaiting = True,
    is_yes: IsYes = False,
) -> None:
    """Restart many devices; installed updates go on trial and are kept if they prove themselves."""
    targets = _choose_devices(caller, devices, site, is_all=is_all)
    _foretell(caller, "reboot", targets, is_yes=is_yes)
    command = caller.client.create_command("reboot", [device.id for device in targets])
    trials: list[Action] = []
    if is_waiting:
        command = follow_command(caller.client, command)
        refused = {refusal.device_id for refusal in command.refusals}
        staged = [a for d in targets if d.id not in refused for a in d.open_actions if a.state == ActionState.STAGED]
        trials = follow_trials(caller.client, staged)
    _tell(caller, command, targets, trials)


@app.command(epilog=examples("cebox group shutdown --all"))
@works_on_account
def shutdown(
    caller: Caller,
    devices: Names = None,
    site: OfSite = None,
    is_all: IsAll = False,
    is_waiting: IsWaiting = True,
    is_yes: IsYes = False,
) -> None:
    """Turn many devices off; those below the account's version update first."""
    targets = _choose_devices(caller, devices, site, is_all=is_all)
    _foretell(caller, "shutdown", targets, is_yes=is_yes)
    command = caller.client.create_command("shutdown", [device.id for device in targets])
    if is_waiting:
        command = follow_command(caller.client, command)
    _tell(caller, command, targets)


def _choose_devices(caller: Caller, names: list[str] | None, site: str | None, *, is_all: bool) -> list[Device]:
    """Raises InvalidInput (`group_words_missing`) unless exactly one way to name the group is used."""
    if sum((bool(names), site is not None, is_all)) != 1:
        raise InvalidInput(
            "group_words_missing",
            "name the group in one way: devices, --site or --all",
            hint="Such as: cebox group update --site Lyon",
        )
    account_id = caller.account_id
    if site is not None:
        site_id = choose(site, caller.client.list_sites(account_id), kind="site").id
        return caller.client.list_devices(account=account_id, site=site_id)
    every = caller.client.list_devices(account=account_id)
    return _verify_one_account(_pick(every, names) if names else every)


def _pick(every: list[Device], names: list[str]) -> list[Device]:
    chosen = [choose(words, every, kind="device") for words in names]
    return list({device.id: device for device in chosen}.values())


def _verify_one_account(devices: list[Device]) -> list[Device]:
    """The vendor's people see every account's devices. Raises InvalidInput (`group_of_several_accounts`)."""
    accounts = {device.account_name for device in devices}
    if len(accounts) > 1:
        raise InvalidInput(
            "group_of_several_accounts",
            f"these devices belong to {len(accounts)} accounts",
            hint="A group is one account's: name it with --account.",
        )
    return devices


def _foretell(caller: Caller, kind: str, targets: list[Device], *, is_yes: bool, at_next_start: bool = False) -> None:
    """Say what each will do; somebody who looks is asked before many devices move."""
    if caller.as_json and is_yes:
        return
    forecast = caller.client.preflight_group(kind, [d.id for d in targets], at_next_start=at_next_start)
    if not caller.as_json:
        print_forecast(forecast, targets)
    acting = _count_acting(forecast)
    if acting and not is_yes and is_interactive():
        typer.confirm(f"Send {kind} to {acting} of {len(targets)} devices?", abort=True, err=True)


def _count_acting(forecast: GroupForecast) -> int:
    return sum(device.admission != Admission.REFUSE for device in forecast.devices)


def _tell(caller: Caller, command: Command, targets: list[Device], trials: list[Action] | None = None) -> None:
    names = {device.id: device.name for device in targets}
    if caller.as_json:
        print_json({"command": command, "trials": trials or []})
    else:
        say(f"{command.kind}: {describe_counts(command)}")
        for action in trials or []:
            say(f"  {describe_action_end(action, names)}")
        print_refusals(command, names)
    is_bad = any(command.counts.get(state, 0) for state in BAD_ENDS) or any(map(has_ended_badly, trials or []))
    if is_bad:
        raise typer.Exit(ENDED_BADLY)
