"""`cebox device update|reboot|shutdown|start`: said before, watched, and told as it came out."""

from typing import Annotated

import typer

from cebox.cli.caller import Caller, works_on_account
from cebox.cli.device_words import describe_action, describe_taken
from cebox.cli.exit_codes import ENDED_BADLY
from cebox.cli.follow import follow_action, has_ended_badly, is_installed
from cebox.cli.forecast import describe_finding, describe_outcome, list_findings
from cebox.cli.measures import format_moment
from cebox.cli.options import DeviceArgument, IsYes, examples
from cebox.cli.output import is_interactive, print_json, remark, say
from cebox.domain.action import ActionKind, ActionState
from cebox.domain.preflight import Admission, Severity
from cebox.domain.tag import parse_tag_name
from cebox.protocol.admin import Action, Device, Forecast

IsWaiting = Annotated[bool, typer.Option("--wait/--no-wait", help="Stay until it rests, or return at once.")]
AtNextStart = Annotated[
    bool, typer.Option("--at-next-start", help="If the device is off: run it when it comes on, within seven days.")
]


def add(app: typer.Typer) -> None:
    app.command(
        epilog=examples(
            "cebox device update wrs-lyon --tag essai-2026.11.2",
            "cebox device update accueil-01",
            "cebox device update accueil-02 --at-next-start",
        )
    )(works_on_account(update))
    app.command(epilog=examples("cebox device reboot wrs-lyon"))(works_on_account(reboot))
    app.command(epilog=examples("cebox device shutdown accueil-01"))(works_on_account(shutdown))
    app.command(epilog=examples("cebox device start accueil-01"))(works_on_account(start))
    app.command(epilog=examples("cebox device cancel accueil-01"))(works_on_account(cancel))
    app.command(epilog=examples("cebox device remove accueil-01"))(works_on_account(remove))


def update(
    caller: Caller,
    device: DeviceArgument,
    tag: Annotated[
        str | None,
        typer.Option("--tag", metavar="TAG", help="A version tag or the account tag; without it, the account's."),
    ] = None,
    at_next_start: AtNextStart = False,
    is_waiting: IsWaiting = True,
    is_yes: IsYes = False,
) -> None:
    """Install a release beside the running system. Says first what will be taken; only a reboot finalises."""
    name = parse_tag_name(tag) if tag is not None else None
    target = caller.get_device(device)
    forecast = caller.client.preflight(target.id, "update", name, at_next_start=at_next_start)
    _foretell(caller, target, forecast, is_yes=is_yes)
    action = caller.client.create_action(
        target.id,
        "update",
        tag=name,
        at_next_start=at_next_start,
        expected_version=forecast.resolution.version if forecast.resolution else None,
    )
    if is_waiting and _is_under_way(action, target):
        action = follow_action(caller.client, action, target, until=is_installed)
    _tell(caller, target, action)


def reboot(caller: Caller, device: DeviceArgument, is_waiting: IsWaiting = True) -> None:
    """Restart a device; an installed update goes on trial and is kept if it proves itself."""
    target = caller.get_device(device)
    staged = [action for action in target.open_actions if action.state == ActionState.STAGED]
    _foretell(caller, target, caller.client.preflight(target.id, "reboot"))
    action = caller.client.create_action(target.id, "reboot")
    if is_waiting:
        action = follow_action(caller.client, action, target)
        if staged and not has_ended_badly(action):
            # The reboot itself went well; whether the update it finalised was kept is the answer looked for.
            action = follow_action(caller.client, caller.client.get_action(staged[0].id), target)
    _tell(caller, target, action)


def shutdown(caller: Caller, device: DeviceArgument, is_waiting: IsWaiting = True) -> None:
    """Turn a device off; one below the account's version updates first."""
    target = caller.get_device(device)
    _foretell(caller, target, caller.client.preflight(target.id, "shutdown"))
    action = caller.client.create_action(target.id, "shutdown")
    if is_waiting:
        action = follow_action(caller.client, action, target)
    _tell(caller, target, action)


def start(caller: Caller, device: DeviceArgument, is_waiting: IsWaiting = True) -> None:
    """Start a box that is off over its site's network: the WRS, which must be on, calls it."""
    target = caller.get_device(device)
    _foretell(caller, target, caller.client.preflight(target.id, "start"))
    action = caller.client.create_action(target.id, "start")
    if is_waiting:
        action = follow_action(caller.client, action, target)
    _tell(caller, target, action)


def cancel(caller: Caller, device: DeviceArgument) -> None:
    """Withdraw what a device was told and has not finished."""
    target = caller.get_device(device)
    cancelled = [caller.client.cancel_action(action.id) for action in target.open_actions]
    if caller.as_json:
        print_json(cancelled)
        return
    if not cancelled:
        say(f"{target.name} has nothing to cancel.")
    for action in cancelled:
        say(f"{target.name}: {describe_action(action)}")


def remove(caller: Caller, device: DeviceArgument, is_yes: IsYes = False) -> None:
    """Take a device that is dead or gone out of the fleet; its site may then have another WRS."""
    target = caller.get_device(device)
    if not is_yes and is_interactive():
        typer.confirm(f"Remove {target.name} and its history?", abort=True, err=True)
    caller.client.remove_device(target.id)
    if not caller.as_json:
        say(f"{target.name} is removed. Should the machine come back, it enrols again with a new key.")


def _is_under_way(action: Action, target: Device) -> bool:
    """Whether there is anything to watch: not while the device is off and the action waits for its next start."""
    return target.is_on or action.state != ActionState.WAITING


def _foretell(caller: Caller, target: Device, forecast: Forecast, *, is_yes: bool = False) -> None:
    """Say what will happen, and ask when a warning stands; what blocks is the console's to refuse."""
    if not caller.as_json:
        say(describe_outcome(target, forecast))
    for finding in list_findings(forecast, Severity.INFORMS):
        remark(f"note: {describe_finding(finding, target)}")
    warnings = list_findings(forecast, Severity.WARNS)
    for finding in warnings:
        remark(f"warning: {describe_finding(finding, target)}")
    if warnings and forecast.admission != Admission.REFUSE and not is_yes and is_interactive():
        typer.confirm("Go on?", abort=True, err=True)


def _tell(caller: Caller, target: Device, action: Action) -> None:
    """The end of it, and the exit code."""
    if caller.as_json:
        print_json(action)
    else:
        for line in describe_end(target, action):
            say(line)
    if has_ended_badly(action):
        raise typer.Exit(ENDED_BADLY)


def describe_end(target: Device, action: Action) -> list[str]:
    lines = [f"{target.name}: {describe_action(action)}"]
    if action.detail:
        lines.append(f"  {action.detail}")
    if action.taken is not None:
        lines.append(f"  {describe_taken(action)}")
    if action.state == ActionState.WAITING and not target.is_on and action.kind != ActionKind.START:
        lines.append(f"  It runs when {target.name} comes on, until {format_moment(action.deadline_at)}.")
    if action.state == ActionState.STAGED:
        lines.append(f"  Only a reboot finalises: cebox device reboot {target.name}")
    return lines
