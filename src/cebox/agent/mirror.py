"""What only a WRS does: have its mirror prepare a release before it installs it, and serve it once it runs (R8)."""

import structlog
from msgspec.structs import replace

from cebox.agent.box import Box, Interrupted, Interruption, Step
from cebox.agent.hours import window_closed
from cebox.agent.journal import Journal, Update
from cebox.agent.outcome import get_update
from cebox.agent.speed import Speed
from cebox.agent.states import BoxEvent, BoxState
from cebox.agent.trial import finish_staged
from cebox.domain.device import DeviceKind
from cebox.errors import CeboxError, Unavailable, Untrusted
from cebox.kit.clock import format_utc
from cebox.protocol.device import Progress
from cebox.protocol.site import MirrorPhase, MirrorState, PrepareRequest, ServeRequest
from cebox.protocol.site_client import MirrorControl

_log = structlog.get_logger()

_ASK_EVERY_SECONDS = 0.2
# How often a resting WRS looks whether its mirror serves what it runs; less often once it does.
_LOOK_AGAIN_SECONDS = 1.0
_LOOK_AFTER_SECONDS = 60.0


def mirror_release(box: Box) -> Step:
    """Wait until the mirror holds the whole release; its progress is this box's meanwhile."""
    update, speed = get_update(box.journal.now), Speed()
    with MirrorControl(box.settings.control_socket) as control:
        plan = _plan_preparation(box, update.version)
        state = control.prepare(plan)
        while not (state.prepared == update.version or state.served == update.version):
            _verify_prepares(state, update.version)
            _verify_need_not_wait(box, state)
            _show(box, state, update, speed)
            box.pause(_ASK_EVERY_SECONDS)
            before, plan = plan, _plan_preparation(box, update.version)
            state = control.get_state() if _says_the_same(before, plan) else control.prepare(plan)
    box.live.show(None)
    return Step(BoxEvent.MIRROR, lambda now: _note_wan(now, state.wan_bytes))


def serve_release(box: Box) -> Step:
    """Switch the mirror to the release that has proved itself. One that does not answer is told later: it is not why
    an update fails.
    """
    until = box.monotonic() + box.settings.serve_seconds
    while not keep_serving(box) and box.monotonic() < until:
        box.wait(_ASK_EVERY_SECONDS)
        interruption = box.find_interruption()
        if interruption is Interruption.STOP:
            raise Interrupted
        if interruption is Interruption.POWER:
            break
    at = box.stamp()
    return Step(BoxEvent.SETTLE, lambda now: finish_staged(now, at))


def keep_serving(box: Box) -> bool:
    """Bring the mirror a step nearer to serving what this machine runs; True once it does. Never raises.

    A WRS installed from a key has served nothing yet, and its mirror may have been away when a trial ended.
    """
    running = box.machine.slots.find_content(box.machine.slots.get_running())
    if running is None:
        return True
    try:
        with MirrorControl(box.settings.control_socket) as control:
            state = _push_mirror(box, control, running.version)
    except CeboxError as error:
        _log.info("mirror_not_usable", code=error.code, reason=error.message)
        return False
    if box.live.served != state.served:
        box.live.served = state.served
        box.live.changed.set()
    return state.served == running.version


def rest_seconds(box: Box) -> float:
    """How long a box at rest may sleep. Looks after the mirror on the way, unless one is just being prepared."""
    if box.kind is not DeviceKind.WRS:
        return _LOOK_AFTER_SECONDS
    return _LOOK_AFTER_SECONDS if keep_serving(box) else _LOOK_AGAIN_SECONDS


def _push_mirror(box: Box, control: MirrorControl, version: str) -> MirrorState:
    state = control.get_state()
    if state.served == version:
        _follow_site(box, control, version)
        return state
    if state.prepared == version:
        return control.serve(ServeRequest(version=version))
    # With a release staged, the mirror holds that one beside the served: it must not be dropped for this.
    if state.preparing != version and box.journal.now.state is BoxState.IDLE and box.facts.repository_url:
        return control.prepare(_plan_preparation(box, version))
    return state


def _follow_site(box: Box, control: MirrorControl, version: str) -> None:
    """Boxes come and go: tell the mirror which patches are of use now. It serves well without, so nothing is raised."""
    if box.facts.site is None or not box.facts.repository_url:
        return
    try:
        control.follow(_plan_preparation(box, version))
    except CeboxError as error:
        _log.warning("site_not_followed", code=error.code, reason=error.message)


def _plan_preparation(box: Box, version: str) -> PrepareRequest:
    facts = box.facts
    running = box.machine.slots.find_content(box.machine.slots.get_running())
    wanted = facts.site.box_versions if facts.site else ()
    box_versions = tuple(dict.fromkeys((*wanted, running.version))) if running else wanted
    return PrepareRequest(
        version=version,
        repository_url=facts.repository_url,
        box_versions=box_versions,
        download_bytes_per_second=facts.settings.download_bytes_per_second,
        download_window=facts.settings.download_window,
        time_zone=facts.settings.time_zone,
        reference_time=format_utc(box.now()),
    )


def _verify_prepares(state: MirrorState, version: str) -> None:
    if state.phase is MirrorPhase.FETCHING and state.preparing in (version, None):
        return
    if state.phase is not MirrorPhase.FAILED or state.error is None:
        raise Unavailable("mirror_unreachable", "the mirror no longer prepares the release; it is asked again")
    if state.error.code in _PASSING:
        raise Unavailable(state.error.code, state.error.message, hint=state.error.hint)
    raise Untrusted(state.error.code, state.error.message, hint=state.error.hint)


# What a mirror may fail of that another try can cure.
_PASSING = frozenset({"repository_unreachable", "repository_refused", "captive_portal", "metadata_missing"})


def _says_the_same(one: PrepareRequest, other: PrepareRequest) -> bool:
    """But for the time, which every order says anew."""
    return replace(one, reference_time="") == replace(other, reference_time="")


def _verify_need_not_wait(box: Box, state: MirrorState) -> None:
    """Raises Unavailable (`download_window_closed`) while the machine is asked to go off."""
    if state.waits_until and box.journal.now.power is not None:
        raise window_closed(state.waits_until)


def _show(box: Box, state: MirrorState, update: Update, speed: Speed) -> None:
    if box.live.progress is None or box.live.progress.done_bytes != state.done_bytes:
        box.silent_since = None
    rate = speed.note(box.monotonic(), state.wan_bytes)
    box.live.show(
        Progress(
            version=update.version,
            done_bytes=state.done_bytes,
            total_bytes=state.total_bytes,
            rate_bytes_per_second=rate,
            action_id=update.action_id,
            waits_until=state.waits_until,
        )
    )


def _note_wan(journal: Journal, wan_bytes: int) -> Journal:
    update = get_update(journal)
    return replace(journal, update=replace(update, mirror_wan_bytes=max(update.mirror_wan_bytes, wan_bytes)))
