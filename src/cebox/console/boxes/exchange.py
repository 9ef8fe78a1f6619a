"""One exchange with a device: take in what it says, tell it what concerns it, and wait with the answer for news.

What a device acknowledges or reports, and every change of it, is committed before it is answered. A sign of life that
changes nothing is written behind (`boxes.heartbeats`).
"""

import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from cebox.console.actions.reports import acknowledge, apply_result, deliver, note_started
from cebox.console.boxes.situation import Situation, make_answer, read_situation
from cebox.console.boxes.tokens import Bearer
from cebox.console.boxes.told import Told
from cebox.console.database.engine import Unit
from cebox.console.database.scope import Scope
from cebox.console.devices.observing import (
    MOVING_PHASES,
    apply_observed,
    clean_progress,
    find_changes,
    is_newer,
    verify_counts,
)
from cebox.console.devices.records import DeviceRecord
from cebox.console.devices.repository import DeviceRepository, Heartbeat
from cebox.console.live.hub import Subscription, device_topic, fleet_topic, site_topic
from cebox.console.state import Console
from cebox.domain.ids import ActionId
from cebox.errors import InvalidInput
from cebox.protocol.device import Observed, Progress, SyncRequest, SyncResponse

# An open long-poll shows that the box is there; it is noted this often.
ALIVE_SECONDS = 20.0
MOST_REPORTS = 500


class Connection(Protocol):
    """The device's end of a request."""

    @property
    def is_gone(self) -> bool: ...


Watch = Callable[[Subscription], AbstractAsyncContextManager[Connection]]
"""Follows a request's connection, and wakes the subscription when it is lost."""


class Exchanges:
    """Serves all devices of one process."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._told = Told()

    async def exchange(
        self, bearer: Bearer, request: SyncRequest, *, wait_seconds: float, watch: Watch
    ) -> SyncResponse:
        """Answer at once with news, else with the first news within `wait_seconds`, else without any.

        Raises NotAuthenticated (`device_not_enrolled`), InvalidInput (`observed_out_of_range`, `too_many_reports`).
        """
        _verify(request)
        deadline = time.monotonic() + wait_seconds
        # Subscribe, then read: what happens in between wakes the wait.
        async with self._console.hub.subscribe(*_topics_of(bearer)) as subscription, watch(subscription) as connection:
            situation = await self._take_in(bearer, request)
            received = tuple(result.id for result in request.results)
            while True:
                answer = make_answer(self._console, situation, received)
                pause = self._find_pause(bearer, answer, deadline)
                if pause <= 0 or subscription.is_closed or connection.is_gone:
                    break
                topics = await subscription.wait(pause)
                # Nothing is delivered to a device that hung up.
                if topics and not connection.is_gone:
                    situation = await self._look(bearer)
                self._note_alive(situation.device, request.observed)
            if not connection.is_gone:
                self._told.note(bearer.device_id, answer)
        return answer

    def _find_pause(self, bearer: Bearer, answer: SyncResponse, deadline: float) -> float:
        """How long the answer may wait before the next look; 0 sends it."""
        if answer.received_results:
            return 0.0
        pauses = [deadline - time.monotonic(), ALIVE_SECONDS]
        news = self._told.seconds_until_news(bearer.device_id, answer)
        return min(pauses) if news is None else min(*pauses, news)

    async def _take_in(self, bearer: Bearer, request: SyncRequest) -> Situation:
        named = {*request.acknowledged, *(one.action_id for one in request.results if one.action_id)}
        async with self._console.database.read() as connection:
            situation = await read_situation(connection, bearer, named)
        if request.results or self._is_waited_for(situation) or self._changes_anything(situation, request):
            return await self._write(bearer, named, request)
        self._note_alive(situation.device, request.observed, request.progress)
        return situation

    async def _look(self, bearer: Bearer) -> Situation:
        async with self._console.database.read() as connection:
            situation = await read_situation(connection, bearer)
        return await self._write(bearer, (), None) if self._is_waited_for(situation) else situation

    async def _write(self, bearer: Bearer, named: set[str] | tuple[()], request: SyncRequest | None) -> Situation:
        async with self._console.database.write() as unit:
            scope = Scope.account(bearer.account_id)
            # Two exchanges of one device come one after the other from here on.
            await DeviceRepository(unit.connection, scope).find(bearer.device_id, lock=True)
            situation = await read_situation(unit.connection, bearer, named)
            if request is not None:
                await self._apply(unit, situation, request)
                situation = await read_situation(unit.connection, bearer)
            now = self._console.clock()
            waiting = [action for action in situation.actions.values() if action.is_waiting(now)]
            for action in waiting:
                await deliver(unit, situation.device, action, now)
            return await read_situation(unit.connection, bearer) if waiting else situation

    async def _apply(self, unit: Unit, situation: Situation, request: SyncRequest) -> None:
        now = self._console.clock()
        device, observed = situation.device, request.observed
        if self._is_news(device, observed):
            progress = clean_progress(request.progress) if request.progress else None
            changes = find_changes(device, observed)
            await apply_observed(unit, device, observed, changes, progress=progress, now=now)
        else:
            self._note_alive(device, observed)
        if not observed.is_leaving:
            await note_started(unit, device, situation.starts, now)
        actions = dict(situation.actions)
        held = [actions[ActionId(one)] for one in request.acknowledged if ActionId(one) in actions]
        await acknowledge(unit, device, held, now)
        for result in request.results:
            action_id = ActionId(result.action_id or "")
            action = await apply_result(unit, device, result, actions.get(action_id), now)
            if action is not None:
                actions[action_id] = action

    def _is_waited_for(self, situation: Situation) -> bool:
        now = self._console.clock()
        return any(action.is_waiting(now) for action in situation.actions.values())

    def _changes_anything(self, situation: Situation, request: SyncRequest) -> bool:
        actions = situation.actions
        if situation.starts and not request.observed.is_leaving:
            return True
        if any(not actions[ActionId(one)].is_acknowledged for one in request.acknowledged if one in actions):
            return True
        device, observed = situation.device, request.observed
        return self._is_news(device, observed) and bool(find_changes(device, observed))

    def _is_news(self, device: DeviceRecord, observed: Observed) -> bool:
        written = (device.boot, device.sequence)
        noted = self._console.heartbeats.find_newest(device.id)
        return is_newer(observed, max(written, noted) if noted else written)

    def _note_alive(self, device: DeviceRecord, observed: Observed, progress: Progress | None = None) -> None:
        """Any word of a device is a sign of life; only a newer one counts for more."""
        is_news = self._is_news(device, observed)
        boot, sequence = (observed.boot, observed.sequence) if is_news else (device.boot, device.sequence)
        is_moving = is_news and progress is not None and observed.phase in MOVING_PHASES
        beat = Heartbeat(
            device_id=device.id,
            boot=boot,
            sequence=sequence,
            seen_at=self._console.clock(),
            progress=clean_progress(progress) if is_moving and progress is not None else None,
        )
        self._console.heartbeats.note(self._console.database, device.account_id, beat)


def _topics_of(bearer: Bearer) -> tuple[str, ...]:
    own = (device_topic(bearer.device_id), fleet_topic(bearer.account_id))
    return (*own, site_topic(bearer.site_id)) if bearer.site_id else own


def _verify(request: SyncRequest) -> None:
    verify_counts(request.observed)
    if max(len(request.results), len(request.acknowledged)) > MOST_REPORTS:
        raise InvalidInput(
            "too_many_reports", f"at most {MOST_REPORTS} reports at once", hint="Send the rest next time."
        )
