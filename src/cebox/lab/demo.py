"""`cebox demo`: the world of `plan`, alive until Ctrl-C, and what a newcomer needs to know to use it."""

import asyncio
import signal
import sys
import webbrowser
from pathlib import Path
from typing import Any

from cebox.domain.device import Place
from cebox.errors import InvalidInput
from cebox.lab import plan
from cebox.lab.control import SOCKET_NAME, serve_control
from cebox.lab.world import World


def run_demo(*, state: Path, port: int, reset: bool, is_open: bool) -> int:
    """Returns 0 after Ctrl-C. Raises Unavailable (`service_did_not_start`), InvalidInput (`demo_port_differs`,
    `folder_not_a_demo`).
    """
    world = World(state, say=_say, console_port=port)
    if reset:
        world.remove()
    return asyncio.run(_live(world, is_open=is_open))


async def _live(world: World, *, is_open: bool) -> int:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    try:
        await world.start(lambda: [world.vendor.build(planned) for planned in plan.RELEASES])
        async with await serve_control(world.folder / SOCKET_NAME, list_verbs(world)):
            _greet(world)
            if is_open:
                webbrowser.open(world.console_url)
            await stop.wait()
    finally:
        _say("Stopping; everything stays as it is for the next make demo.")
        await world.stop()
    return 0


def list_verbs(world: World) -> dict[str, Any]:
    """What the lab's control socket understands (`control.LabControl` is its near end)."""

    async def power(name: str, what: str) -> None:
        machine = world.get_machine(name)
        match what:
            case "on":
                await machine.power_on()
            case "off":
                await machine.press_button()
            case "cut":
                await machine.pull_plug()
            case _:
                raise InvalidInput("power_word_unknown", f"{what!r} is neither on, off nor cut")

    async def move(name: str, place: str) -> None:
        if place not in set(Place):
            raise InvalidInput("place_unknown", f"{place!r} is neither site nor away")
        world.get_machine(name).move(Place(place))

    async def list_all() -> list[dict[str, Any]]:
        return [
            {
                "name": machine.name,
                "kind": machine.kind,
                "is_on": machine.is_on,
                "place": machine.place,
                "folder": str(machine.folder),
            }
            for machine in world.machines.values()
        ]

    return {"power": power, "move": move, "list": list_all}


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _greet(world: World) -> None:
    passwords = world.office.passwords
    rows = "\n".join(
        f"  {user.email:36} {passwords[user.email]:32} {user.role}" + (f", {user.account}" if user.account else "")
        for user in plan.USERS
    )
    new, tag, box = plan.NEW.version, plan.TEST_TAG, plan.ON_SITE[0].name
    steps = (
        (f"device update {plan.WRS.name} --tag {tag}", f"1. the site's server takes {new}"),
        (f"device reboot {plan.WRS.name}", "2. and serves it after its restart"),
        (f"device update {box} --tag {tag}", "3. a box takes it from the site's server"),
        (f"device reboot {box}", "4. and keeps it if it proves itself"),
    )
    procedure = "\n".join(f"  cebox {words:46} # {what}" for words, what in steps)
    _say(
        f"""
The console is open:  {world.console_url}

  {"sign in as":36} {"password":32} role
{rows}

From the pages, or on the command line (in another terminal):

  . .venv/bin/activate
  cebox login {world.console_url} --email {plan.NORD_ADMIN.email}
  cebox device list
{procedure}

Then the vendor's operator ({plan.OPERATOR.email}) migrates the account,
and the administrator updates the rest as a group, without a tag:

  cebox account migrate "{plan.NORD}" {new}
  cebox group update --all

A box's power button:  cebox device power {box} off | on | cut

Ctrl-C stops; the next make demo continues, make demo ARGS=--reset starts over.
"""
    )
