"""The work of an update: decide, download into the slot beside the running system, read it back, stage it.

One function per state. Each can be cut short at any point and done again: what stands in the slot already is not
fetched twice. `mirror` has the state only a WRS knows.
"""

import structlog
from msgspec.structs import replace

from cebox.agent.box import Box, Step
from cebox.agent.journal import Journal, Partial, Staged, Update, add_result
from cebox.agent.machine import SlotContent
from cebox.agent.meter import Meter
from cebox.agent.sources import get_manifest, look_around, open_source, source_url
from cebox.agent.states import BoxEvent
from cebox.domain.device import DeviceKind
from cebox.domain.ids import TagName
from cebox.domain.resolution import Resolution, Source, plan_shutdown, resolve
from cebox.domain.tag import Asked
from cebox.domain.version import Version
from cebox.errors import Conflict, Exhausted, Untrusted
from cebox.protocol.device import ReportedEvent
from cebox.release.manifest import Image, Manifest
from cebox.release.trust import verify_not_below_floor

_log = structlog.get_logger()


def get_update(journal: Journal) -> Update:
    """Raises Conflict (`journal_contradicts_itself`)."""
    if journal.update is None:
        raise Conflict("journal_contradicts_itself", f"the box is {journal.state} without an update")
    return journal.update


def resolve_update(box: Box) -> Step:
    """R6, R7, R10: which release, and from where. Refuses what the box must not or cannot take before it writes."""
    update = get_update(box.journal.now)
    if not update.attempts:
        box.manifest = None
    resolution = _decide(box, update)
    if resolution is None:
        return Step(BoxEvent.SETTLE if box.journal.now.staged is None else BoxEvent.KEEP, _drop_update)
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


def download_image(box: Box) -> Step:
    """Stream the release into the other slot, which starts nothing from here on until it is staged."""
    # Imported here: a box that rests needs no decoder.
    from cebox.release.apply import Budget, apply_best

    journal = box.journal.now
    update = get_update(journal)
    slots, target = box.machine.slots, box.machine.target
    if update.target is not target:
        raise Conflict("journal_contradicts_boot", f"slot {update.target} was to be written, but it runs")
    box.machine.boot_loader.clear(target)
    running = slots.find_content(slots.get_running())
    image = _get_image(get_manifest(box, update.source_url, update.version), update)
    is_resumable = _note_partial(box, Partial(slot=target, sha256=image.sha256))
    with open_source(box, update.source_url) as transport, Meter(box, update.source_url, transport, update) as meter:
        applied = apply_best(
            image,
            running.sha256 if running else None,
            transport,
            slot=slots.get_path(target),
            old=slots.get_path(slots.get_running()),
            budget=Budget(memory_bytes=box.settings.memory_bytes),
            resume=is_resumable,
            progress=meter.show,
            should_stop=lambda: box.find_interruption() is not None,
        )
    _log.info("downloaded", version=update.version, way=applied.way, fell_back=applied.fell_back)
    return Step(BoxEvent.DOWNLOAD, lambda now: _note_way(now, applied.way))


def verify_slot(box: Box) -> Step:
    """Read the slot back; once, a difference is repaired by downloading what differs."""
    from cebox.release.verify import verify_image

    update = get_update(box.journal.now)
    assert update.target is not None
    image = Image(name="root", size=update.image_bytes, sha256=update.sha256, ways=())
    try:
        verify_image(image, box.machine.slots.get_path(update.target))
    except Untrusted as error:
        if update.damages:
            raise
        _log.warning("slot_differs", code=error.code, reason=error.message)
        return Step(BoxEvent.RETRY, _note_damage)
    return Step(BoxEvent.VERIFY)


def stage_release(box: Box) -> Step:
    """From here on the next start of the machine tries the new release."""
    update = get_update(box.journal.now)
    assert update.target is not None
    content = SlotContent(version=update.version, sha256=update.sha256, size=update.image_bytes)
    box.machine.boot_loader.stage(update.target, content)
    at = box.stamp()
    return Step(BoxEvent.STAGE, lambda now: stage_update(now, at))


def stage_update(journal: Journal, at: str) -> Journal:
    """The update has become a staged release, for the journal."""
    update = get_update(journal)
    assert update.target is not None
    staged = Staged(
        slot=update.target,
        version=update.version,
        sha256=update.sha256,
        action_id=update.action_id,
        taken=update.taken,
        is_cancelled=update.is_cancelled,
    )
    journal = replace(journal, update=None, staged=staged)
    return add_result(journal, ReportedEvent.STAGE, action_id=update.action_id, at=at, taken=update.taken)


def end_update(box: Box) -> Step:
    """The update failed, was refused or cancelled: say so, and leave no entry for a slot it has written to."""
    journal, at = box.journal.now, box.stamp()
    if journal.update is None:
        if journal.staged is not None and journal.staged.is_cancelled:
            box.machine.boot_loader.clear(journal.staged.slot)
        return Step(BoxEvent.SETTLE, lambda now: _cancel_staged(now, at))
    if journal.update.target is not None:
        box.machine.boot_loader.clear(journal.update.target)
    event = BoxEvent.SETTLE if journal.staged is None else BoxEvent.KEEP
    return Step(event, lambda now: report_failure(now, at))


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
    is_known_bad = resolution is not None and str(resolution.version) in box.journal.now.failed_versions
    return None if is_known_bad else resolution


def _settle_on_running(box: Box, update: Update) -> Step:
    """The box runs what it would take. A release staged beside it is not what was decided: it must not start."""
    staged = box.journal.now.staged
    if staged is not None:
        box.machine.boot_loader.clear(staged.slot)
    at = box.stamp()

    def change(journal: Journal) -> Journal:
        journal = _supersede_staged(_drop_update(journal), at)
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
        journal = _drop_update(_supersede_staged(journal, at))
        staged = replace(staged, action_id=update.action_id, taken=update.taken)
        journal = replace(journal, staged=staged)
        return add_result(journal, ReportedEvent.STAGE, action_id=update.action_id, at=at, taken=update.taken)

    return Step(BoxEvent.KEEP, change)


def _begin_download(box: Box, update: Update) -> Step:
    url = source_url(box, Source(update.source), update.version)
    # A WRS asks the cloud what the release is, before its mirror has it.
    metadata_url = box.facts.repository_url if box.kind is DeviceKind.WRS else url
    manifest = get_manifest(box, metadata_url or url, update.version)
    floor = box.journal.now.floor
    verify_not_below_floor(manifest.version, Version.parse(floor) if floor else None)
    _verify_fits(box, manifest)
    at = box.stamp()
    update = replace(
        update,
        source_url=url,
        sha256=manifest.root.sha256,
        image_bytes=manifest.root.size,
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
    journal = _supersede_staged(replace(journal, update=update), at)
    if now.has_begun:
        return journal
    return add_result(journal, ReportedEvent.DOWNLOAD, action_id=update.action_id, at=at, taken=update.taken)


def _supersede_staged(journal: Journal, at: str) -> Journal:
    staged = journal.staged
    if staged is None:
        return journal
    journal = replace(journal, staged=None)
    if staged.action_id is None:
        return journal
    return add_result(journal, ReportedEvent.CANCEL, action_id=staged.action_id, at=at, code="superseded")


def _cancel_staged(journal: Journal, at: str) -> Journal:
    staged = journal.staged
    if staged is None:
        return journal
    journal = replace(journal, staged=None)
    return add_result(journal, ReportedEvent.CANCEL, action_id=staged.action_id, at=at, code="cancelled")


def report_failure(journal: Journal, at: str) -> Journal:
    """The update is over, and the console is told why."""
    update = get_update(journal)
    journal = _drop_update(journal)
    if update.failure is None:
        return add_result(journal, ReportedEvent.CANCEL, action_id=update.action_id, at=at, code="cancelled")
    return add_result(
        journal,
        update.failure.event,
        action_id=update.action_id,
        at=at,
        taken=update.taken if update.version else None,
        code=update.failure.code,
        detail=update.failure.detail,
    )


def _drop_update(journal: Journal) -> Journal:
    return replace(journal, update=None)


def _note_partial(box: Box, partial: Partial) -> bool:
    """Whether the slot may hold parts of this very image. What it held before is forgotten as soon as it is written."""
    is_resumable = box.journal.now.partial == partial
    box.journal.change(lambda now: replace(now, partial=partial))
    return is_resumable


def _note_way(journal: Journal, way: str) -> Journal:
    return replace(journal, update=replace(get_update(journal), way=way))


def _note_damage(journal: Journal) -> Journal:
    return replace(journal, update=replace(get_update(journal), damages=1))


def _get_image(manifest: Manifest, update: Update) -> Image:
    image = manifest.root
    if image.sha256 != update.sha256:
        raise Untrusted(
            "release_differs",
            f"{update.version} is not the release it was when this update began",
            hint="A release never changes: ask the vendor what happened to the repository.",
        )
    return image


def _verify_fits(box: Box, manifest: Manifest) -> None:
    room = box.machine.slots.get_size_bytes(box.machine.target)
    if manifest.root.size > room:
        raise Exhausted(
            "slot_too_small",
            f"{manifest.version} has {manifest.root.size} bytes, a slot of this box {room}",
            hint="Install the box again with larger slots.",
        )
