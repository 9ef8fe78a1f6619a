"""A virtual machine: firmware that chooses a slot, programs that run on it, a power button and a plug.

The folder and the meaning of the agent's exit codes are `agent.virtual`'s contract. Any other code is a crash, after
which the programs are started again, as an init system would.
"""

import asyncio
import json
import sys
from dataclasses import dataclass
from pathlib import Path

from cebox.agent.main import POWER_OFF_EXIT_CODE, REBOOT_EXIT_CODE
from cebox.agent.virtual.firmware import boot
from cebox.agent.virtual.machine import move_machine, press_power_button, read_place
from cebox.domain.device import DeviceKind, Place
from cebox.errors import Untrusted
from cebox.kit.files import replace_file
from cebox.lab.service import DIES_WITH_PARENT

_POWER_FILE = "power.json"
_RESTART_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Program:
    """A command that runs while the machine is on. The first program's exit code drives the machine."""

    name: str
    arguments: tuple[str, ...]


class VirtualMachine:
    """One machine in a folder. All methods are for one event loop."""

    def __init__(self, name: str, kind: DeviceKind, folder: Path) -> None:
        self.name = name
        self.kind = kind
        self.folder = folder
        self._programs = _list_programs(kind, folder)
        self._processes: list[asyncio.subprocess.Process] = []
        self._agent: asyncio.subprocess.Process | None = None
        self._life: asyncio.Task[None] | None = None
        self._off = asyncio.Event()
        self._off.set()

    @property
    def is_on(self) -> bool:
        return self._life is not None and not self._life.done()

    @property
    def agent_pid(self) -> int | None:
        """The process of its agent, while one runs."""
        return self._agent.pid if self._agent else None

    @property
    def was_on(self) -> bool:
        """Whether it was on when the lab last stopped; a new machine is switched on."""
        try:
            return bool(json.loads((self.folder / _POWER_FILE).read_bytes())["is_on"])
        except FileNotFoundError:
            return True

    @property
    def place(self) -> Place:
        return read_place(self.folder)

    def move(self, place: Place) -> None:
        move_machine(self.folder, place)

    async def power_on(self) -> None:
        """Harmless when it is on already."""
        if not self.is_on:
            self._remember(is_on=True)
            self._off.clear()
            self._life = asyncio.create_task(self._live())

    async def press_button(self) -> None:
        """An orderly shutdown, which may install first (R10); returns when power is off."""
        if self.is_on:
            if self._agent is None:
                await self.pull_plug()
            else:
                press_power_button(self.folder, self._agent.pid)
            await self._off.wait()

    async def pull_plug(self) -> None:
        """Kill everything at once, as a power cut does; the machine stays off."""
        self._remember(is_on=False)
        await self.suspend()

    async def suspend(self) -> None:
        """Stop the programs, keep in mind that the machine is on: what the lab does when it ends."""
        if self._life is not None:
            self._life.cancel()
            await asyncio.gather(self._life, return_exceptions=True)
        await self._kill_programs()
        self._off.set()

    async def wait_off(self) -> None:
        await self._off.wait()

    async def _live(self) -> None:
        try:
            code = REBOOT_EXIT_CODE
            while code == REBOOT_EXIT_CODE:
                await asyncio.to_thread(boot, self.folder)
                code = await self._run_programs()
        except Untrusted as error:
            # A black screen: nothing boots. The reason is for whoever looks into the machine's folder.
            replace_file(self.folder / "screen.txt", f"{error}\n".encode())
        self._remember(is_on=False)
        self._off.set()

    async def _run_programs(self) -> int:
        """Run until the agent asks for a reboot or for power off; returns its code. Crashed programs start again."""
        followers = [asyncio.create_task(self._keep_running(program)) for program in self._programs[1:]]
        try:
            while True:
                code = await self._run(self._programs[0])
                if code in (REBOOT_EXIT_CODE, POWER_OFF_EXIT_CODE):
                    return code
                await asyncio.sleep(_RESTART_SECONDS)
        finally:
            for follower in followers:
                follower.cancel()
            await asyncio.gather(*followers, return_exceptions=True)
            await self._kill_programs()

    async def _keep_running(self, program: Program) -> None:
        while True:
            await self._run(program)
            await asyncio.sleep(_RESTART_SECONDS)

    async def _run(self, program: Program) -> int:
        with (self.folder / f"{program.name}.log").open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                *DIES_WITH_PARENT, *program.arguments, stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log
            )
        self._processes.append(process)
        if program is self._programs[0]:
            self._agent = process
        try:
            return await process.wait()
        finally:
            if program is self._programs[0]:
                self._agent = None
            if process.returncode is not None:
                self._processes.remove(process)

    async def _kill_programs(self) -> None:
        for process in self._processes:
            if process.returncode is None:
                process.kill()
        for process in list(self._processes):
            await process.wait()
        self._processes.clear()

    def _remember(self, *, is_on: bool) -> None:
        replace_file(self.folder / _POWER_FILE, json.dumps({"is_on": is_on}).encode())


def _list_programs(kind: DeviceKind, folder: Path) -> tuple[Program, ...]:
    cebox = (sys.executable, "-m", "cebox.cli.main")
    agent = Program("agent", (*cebox, "agent", "run", "--dir", str(folder)))
    if kind is DeviceKind.WRS:
        return (agent, Program("wrs", (*cebox, "wrs", "serve", "--dir", str(folder))))
    return (agent,)
