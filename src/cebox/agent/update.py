"""The work of an update: download into the slot beside the running system, read it back, stage it, or end it.

One function per state. Each can be cut short at any point and done again: what stands in the slot already is not
fetched twice. `resolving` has the state before these, `mirror` the one only a WRS knows.
"""

import structlog
from msgspec.structs import replace

from cebox.agent.box import Box, Step
from cebox.agent.hours import make_gate
from cebox.agent.journal import Journal, Partial, Update
from cebox.agent.line import choose_line, open_source
from cebox.agent.machine import SlotContent
from cebox.agent.meter import Meter
from cebox.agent.outcome import cancel_staged, get_update, report_failure, stage_update
from cebox.agent.sources import get_manifest
from cebox.agent.states import BoxEvent
from cebox.domain.resolution import Source
from cebox.errors import Conflict, Untrusted
from cebox.release.manifest import Image, Manifest

_log = structlog.get_logger()


def download_image(box: Box) -> Step:
    """Stream the release into the other slot, which starts nothing from here on until it is staged."""
    # Imported late: see `runner`.
    from cebox.release.applying.apply import Budget, apply_best

    journal = box.journal.now
    update = get_update(journal)
    slots, target = box.machine.slots, box.machine.target
    if update.target is not target:
        raise Conflict("journal_contradicts_boot", f"slot {update.target} was to be written, but it runs")
    box.machine.boot_loader.clear(target)
    running = slots.find_content(slots.get_running())
    line = choose_line(box, Source(update.source))
    image = _get_image(get_manifest(box, line, update.version), update)
    is_resumable = _note_partial(box, Partial(slot=target, sha256=image.sha256))
    with (
        Meter(box, line, update) as meter,
        open_source(box, line, update.version, gate=make_gate(box, line, meter)) as transport,
    ):
        meter.watch(transport)
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
    from cebox.release.trust.verify import verify_image

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


def end_update(box: Box) -> Step:
    """The update failed, was refused or cancelled: say so, and leave no entry for a slot it has written to."""
    journal, at = box.journal.now, box.stamp()
    if journal.update is None:
        if journal.staged is not None and journal.staged.is_cancelled:
            box.machine.boot_loader.clear(journal.staged.slot)
        return Step(BoxEvent.SETTLE, lambda now: cancel_staged(now, at))
    if journal.update.target is not None:
        box.machine.boot_loader.clear(journal.update.target)
    event = BoxEvent.SETTLE if journal.staged is None else BoxEvent.KEEP
    return Step(event, lambda now: report_failure(now, at))


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
            "release_changed",
            f"{update.version} is not the release it was when this update began",
            hint="A release never changes: ask the vendor what happened to the repository.",
        )
    return image
