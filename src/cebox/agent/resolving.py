"""The first state of an update: which release, from where, and whether the box must or can take it at all.

Nothing is written before all of it is known.
"""

from msgspec.structs import replace

from cebox.agent.boot_image import find_needed_image
from cebox.agent.box import Box, Step
from cebox.agent.hours import is_open
from cebox.agent.journal import Journal, Update, add_result
from cebox.agent.line import Line, choose_line
from cebox.agent.outcome import drop_update, get_update, supersede_staged
from cebox.agent.sources import get_manifest, look_around
from cebox.agent.states import BoxEvent
from cebox.domain.device import DeviceKind
from cebox.domain.ids import TagName
from cebox.domain.resolution import Resolution, Source, plan_shutdown, resolve
from cebox.domain.tag import Asked
from cebox.domain.version import Version
from cebox.errors import Conflict, Exhausted
from cebox.protocol.device import ReportedEvent
from cebox.release.manifest import Manifest
from cebox.release.trust.policy import verify_not_below_floor


def resolve_update(box: Box) -> Step:
    """R6, R7, R10: which release, and from where. Refuses what the box must not or cannot take before it writes."""
    update = get_update(box.journal.now)
    if not update.attempts:
        box.manifest = None
    resolution = _decide(box, update)
    if resolution is None:
        return Step(BoxEvent.SETTLE if box.journal.now.staged is None else BoxEvent.KEEP, drop_update)
    update = replace(
        update,
        version=str(resolution.version),
        source=resolution.source,
        reason=resolution.reason,
        attempts=update.attempts + 1,
    )
    running = box.machine.slots.find_content(box.machine.slots.get_running())
    if running is not None and running.version == update.version:
        return _settle_on_running(box, update)
    staged = box.journal.now.staged
    if staged is not None and staged.version == update.version and not staged.is_cancelled:
        return _keep_staged(box, update)
    return _begin_download(box, update)


def _decide(box: Box, update: Update) -> Resolution | None:
    surroundings = look_around(box, update)
    if update.order is not None:
        tag = TagName(update.order.tag) if update.order.tag else None
        asked = Asked(tag, Version.parse(update.order.version or ""))
        return resolve(box.kind, surroundings.place, asked, surroundings.server)
    running = box.machine.slots.find_content(box.machine.slots.get_running())
    account_version = box.facts.account_version
    if running is None or account_version is None:
        return None
    resolution = plan_shutdown(
        running=Version.parse(running.version),
        account_version=Version.parse(account_version),
        kind=box.kind,
        place=surroundings.place,
        server=surroundings.server,
    )
    if resolution is None or str(resolution.version) in box.journal.now.failed_versions:
        return None
    # Nobody who shuts a machine down waits for the hours in which it may download.
    return resolution if is_open(box, choose_line(box, resolution.source)) else None


def _settle_on_running(box: Box, update: Update) -> Step:
    """The box runs what it would take. A release staged beside it is not what was decided: it must not start."""
    staged = box.journal.now.staged
    if staged is not None:
        box.machine.boot_loader.clear(staged.slot)
    at = box.stamp()

    def change(journal: Journal) -> Journal:
        journal = supersede_staged(drop_update(journal), at)
        return add_result(
            journal,
            ReportedEvent.FINISH,
            action_id=update.action_id,
            at=at,
            taken=update.taken,
            code="already_running",
            detail=f"{update.version} runs already",
        )

    return Step(BoxEvent.SETTLE, change)


def _keep_staged(box: Box, update: Update) -> Step:
    """The very release is installed already: the new order takes it over."""
    at = box.stamp()

    def change(journal: Journal) -> Journal:
        staged = journal.staged
        assert staged is not None
        journal = drop_update(supersede_staged(journal, at))
        staged = replace(staged, action_id=update.action_id, taken=update.taken)
        journal = replace(journal, staged=staged)
        return add_result(journal, ReportedEvent.STAGE, action_id=update.action_id, at=at, taken=update.taken)

    return Step(BoxEvent.KEEP, change)


def _begin_download(box: Box, update: Update) -> Step:
    # A WRS asks the cloud what the release is, before its mirror has it.
    line = Line.CLOUD if box.kind is DeviceKind.WRS else choose_line(box, Source(update.source))
    manifest = get_manifest(box, line, update.version)
    floor = box.journal.now.floor
    verify_not_below_floor(manifest.version, Version.parse(floor) if floor else None)
    _verify_blessed(box)
    _verify_fits(box, manifest)
    boot = find_needed_image(box, manifest)
    at = box.stamp()
    update = replace(
        update,
        sha256=manifest.root.sha256,
        image_bytes=manifest.root.size,
        boot_sha256=boot.sha256 if boot else "",
        boot_bytes=boot.size if boot else 0,
        target=box.machine.target,
    )
    event = BoxEvent.MIRROR if box.kind is DeviceKind.WRS else BoxEvent.RESOLVE
    return Step(event, lambda now: _note_begin(now, update, at))


def _note_begin(journal: Journal, update: Update, at: str) -> Journal:
    """`update` was made from an older copy: what others noted meanwhile (a cancellation, bytes) is the journal's."""
    now = get_update(journal)
    update = replace(
        update,
        has_begun=True,
        is_cancelled=now.is_cancelled,
        wan_bytes=now.wan_bytes,
        lan_bytes=now.lan_bytes,
    )
    journal = supersede_staged(replace(journal, update=update), at)
    if now.has_begun:
        return journal
    return add_result(journal, ReportedEvent.DOWNLOAD, action_id=update.action_id, at=at, taken=update.taken)


def _verify_blessed(box: Box) -> None:
    if not box.machine.boot_loader.get_boot().is_blessed:
        raise Conflict(
            "not_blessed",
            "the running system has not proved itself: the other slot, which an update would write, is the way back",
            hint="Restart the box: it proves itself then, or falls back.",
        )


def _verify_fits(box: Box, manifest: Manifest) -> None:
    room = box.machine.slots.get_size_bytes(box.machine.target)
    if manifest.root.size > room:
        raise Exhausted(
            "slot_too_small",
            f"{manifest.version} has {manifest.root.size} bytes, a slot of this box {room}",
            hint="Install the box again with larger slots.",
        )
