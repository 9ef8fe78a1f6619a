"""The work of an update: download into the slot beside the running system, read it back, stage it, or end it.

One function per state. Each can be cut short at any point and done again: what stands in the slot already is not
fetched twice. `resolving` has the state before these, `mirror` the one only a WRS knows.
"""

from pathlib import Path

import structlog
from msgspec.structs import replace

from cebox.agent.boot_image import find_boot_image
from cebox.agent.box import Box, Step
from cebox.agent.contacts import list_contacts
from cebox.agent.hours import make_gate
from cebox.agent.journal import Journal
from cebox.agent.line import choose_line, open_source
from cebox.agent.machine import SlotContent
from cebox.agent.meter import Meter
from cebox.agent.outcome import cancel_staged, get_update, report_failure, stage_update
from cebox.agent.parts import count_around, plan_parts
from cebox.agent.sources import get_manifest
from cebox.agent.states import BoxEvent
from cebox.domain.resolution import Source
from cebox.errors import Conflict, Untrusted
from cebox.release.manifest import BOOT_IMAGE, ROOT_IMAGE, Image

_log = structlog.get_logger()


def download_image(box: Box) -> Step:
    """Stream the release into the other slot, which starts nothing from here on until it is staged."""
    # Imported late: see `runner`.
    from cebox.release.applying.apply import apply_best
    from cebox.release.applying.budget import Budget

    journal = box.journal.now
    update = get_update(journal)
    target = box.machine.target
    if update.target is not target:
        raise Conflict("journal_contradicts_boot", f"slot {update.target} was to be written, but it runs")
    box.machine.boot_loader.clear(target)
    line = choose_line(box, Source(update.source))
    parts = plan_parts(box, get_manifest(box, line, update.version), update)
    with (
        Meter(box, line, update) as meter,
        open_source(box, line, update.version, gate=make_gate(box, line, meter)) as transport,
    ):
        meter.watch(transport)
        for part, before_bytes, after_bytes in count_around(parts):
            box.read_back.pop(part.path, None)
            applied = apply_best(
                part.image,
                part.old_sha256,
                transport,
                slot=part.path,
                old=part.old,
                budget=Budget(memory_bytes=box.settings.memory_bytes),
                resume=part.is_resumable,
                progress=meter.watch_part(before_bytes, after_bytes),
                should_stop=lambda: box.find_interruption() is not None,
            )
            box.read_back[part.path] = part.image.sha256
            _log.info(
                "downloaded",
                version=update.version,
                source=update.source,
                image=part.image.name,
                way=applied.way,
                fell_back=applied.fell_back,
            )
    return Step(BoxEvent.DOWNLOAD, lambda now: _note_way(now, applied.way))


def verify_slot(box: Box) -> Step:
    """Read back what was not while it was written; once, a difference is repaired by downloading what differs."""
    update = get_update(box.journal.now)
    assert update.target is not None
    image = Image(name=ROOT_IMAGE, size=update.image_bytes, sha256=update.sha256, ways=())
    boot = find_boot_image(box, update)
    try:
        if boot is not None:
            boot_image = Image(name=BOOT_IMAGE, size=update.boot_bytes, sha256=boot.sha256, ways=())
            _verify_place(box, boot_image, boot.path)
        _verify_place(box, image, box.machine.slots.get_path(update.target))
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
    contacts = list_contacts(box, update)
    box.machine.boot_loader.stage(update.target, content, boot_image=find_boot_image(box, update))
    at = box.stamp()
    return Step(BoxEvent.STAGE, lambda now: stage_update(now, at, contacts))


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


def _verify_place(box: Box, image: Image, path: Path) -> None:
    """An agent that has just written the image has read it back; one that was started in between has not."""
    from cebox.release.trust.images import verify_image

    if box.read_back.pop(path, None) != image.sha256:
        verify_image(image, path)


def _note_way(journal: Journal, way: str) -> Journal:
    return replace(journal, update=replace(get_update(journal), way=way))


def _note_damage(journal: Journal) -> Journal:
    return replace(journal, update=replace(get_update(journal), damages=1))
