"""Runs the jobs, each by its own clock, each on one replica at a time: whoever holds its lease.

A lease outlives its holder by `LEASE` at most; then another replica takes the job. A job may therefore run twice at
once after a long stall, so every job is idempotent.
"""

import asyncio
import secrets
from collections.abc import Sequence
from datetime import timedelta
from typing import Self

import structlog

from cebox.console.jobs.job import Job
from cebox.console.jobs.repository import LeaseRepository
from cebox.console.jobs.schedule import list_jobs
from cebox.console.state import Console
from cebox.errors import CeboxError

LEASE = timedelta(seconds=30)
_log = structlog.get_logger("cebox.console.jobs")


class JobLoop:
    """`async with JobLoop(console):` runs the console's jobs meanwhile."""

    def __init__(self, console: Console, jobs: Sequence[Job] | None = None, *, lease: timedelta = LEASE) -> None:
        self.holder = f"rep_{secrets.token_hex(8)}"
        self._console = console
        self._jobs = tuple(list_jobs(console) if jobs is None else jobs)
        self._lease = lease
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    def start(self) -> None:
        self._tasks = [asyncio.create_task(self._repeat(job), name=job.name) for job in self._jobs]

    async def stop(self) -> None:
        """End what is running and let other replicas take over at once."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []
        async with self._console.database.write() as unit:
            await LeaseRepository(unit.connection, self.holder).release_all()

    async def run_once(self, job: Job) -> bool:
        """Run it now if its lease is free or ours. A failure is logged, and the job comes again at its time."""
        try:
            if not await self._take_lease(job):
                return False
            keeper = asyncio.create_task(self._keep_lease(job))
            try:
                await job.run(self._console)
            finally:
                keeper.cancel()
                await asyncio.gather(keeper, return_exceptions=True)
        except CeboxError as error:
            _log.warning("job_failed", job=job.name, code=error.code, error=error.message)
        except Exception:
            _log.exception("job_crashed", job=job.name)
        return True

    async def _repeat(self, job: Job) -> None:
        await asyncio.sleep(job.after_seconds)
        while True:
            await self.run_once(job)
            await asyncio.sleep(job.every_seconds)

    async def _keep_lease(self, job: Job) -> None:
        """A long run keeps its lease."""
        while True:
            await asyncio.sleep(self._lease.total_seconds() / 3)
            await self._take_lease(job)

    async def _take_lease(self, job: Job) -> bool:
        now = self._console.clock()
        async with self._console.database.write() as unit:
            return await LeaseRepository(unit.connection, self.holder).take(job.name, now=now, until=now + self._lease)
