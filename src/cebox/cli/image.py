"""`cebox image`: ceBox OS itself, from Debian packages to a release that can be published."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cebox.cli.earlier import load_earlier
from cebox.cli.extras import needing
from cebox.cli.measures import format_seconds
from cebox.cli.options import (
    AsJson,
    Created,
    EarlierReleases,
    EncodingProfile,
    Floor,
    MostPatches,
    NotesEn,
    NotesFr,
    examples,
    new_group,
)
from cebox.cli.output import print_json, remark
from cebox.cli.progress import show_steps
from cebox.cli.release_making import choose_floor, read_notes
from cebox.domain.version import Version
from cebox.kit.clock import utc_now

if TYPE_CHECKING:
    from cebox.image.build import Watch

app = new_group("ceBox OS: build the system that boxes run.")


@app.command(
    epilog=examples(
        "cebox image build --variant cloud --version 2026.11.1 --output out/2026.11.1",
        "cebox image build --variant workstation --version 2026.11.2 --from out --output out/2026.11.2",
    )
)
def build(
    version: Annotated[str, typer.Option("--version", metavar="VERSION", help="Such as 2026.11.1.")],
    output: Annotated[Path, typer.Option("--output", metavar="FOLDER", help="Where to put the release.")],
    variant: Annotated[str, typer.Option("--variant", metavar="NAME", help="cloud or workstation.")] = "workstation",
    earlier: EarlierReleases = None,
    floor: Floor = None,
    patches: MostPatches = 5,
    profile: EncodingProfile = "smallest",
    notes_fr: NotesFr = None,
    notes_en: NotesEn = None,
    is_fresh: Annotated[
        bool, typer.Option("--fresh", help="With the newest packages, not those of the last build.")
    ] = False,
    folder: Annotated[
        Path | None,
        typer.Option("--os", metavar="FOLDER", help="What the system is made of; os/ of the sources without it."),
    ] = None,
    created: Created = None,
    as_json: AsJson = False,
) -> None:
    """Build the system from Debian packages: root image, boot image, patches, manifest, bill of materials. As root."""
    with needing("image"):
        from cebox.image.build import Order, build_system
    from cebox.image.recipe import load_recipe
    from cebox.release.making.ways import Effort
    from cebox.release.manifest import Notes

    this = Version.parse(version)
    previous = load_earlier(earlier or (), this)
    order = Order(
        recipe=load_recipe(variant, folder),
        version=this,
        floor=Version.parse(floor) if floor else choose_floor(this, [known for known, _ in previous]),
        created=created.replace(tzinfo=UTC) if created else utc_now(),
        output=output,
        previous=previous,
        notes=Notes(fr=read_notes(notes_fr), en=read_notes(notes_en)),
        most_patches=patches,
        effort=Effort(profile=profile),
        is_fresh=is_fresh,
    )
    with _show_steps() as watch:
        manifest = build_system(order, watch)
    from cebox.cli.release_words import print_release, read_manifest

    made = read_manifest(manifest)
    if as_json:
        print_json(made)
    else:
        print_release(made, language="")
        remark(f"Publish it with: cebox release publish {output} --repository … --keyring …")


@contextmanager
def _show_steps() -> Iterator["Watch"]:
    """The one at work, while somebody watches; behind it a line for each, with the time it took."""
    from cebox.image.build import Watch

    began = time.monotonic()
    running = ""

    def begin(step: str) -> None:
        nonlocal began, running
        end()
        began, running = time.monotonic(), step
        show(step)

    def end() -> None:
        if running:
            remark(f"{running:<18} {format_seconds(time.monotonic() - began)}")

    with show_steps() as (show, report):
        yield Watch(begin, report if sys.stderr.isatty() else None)
        end()


@app.callback()
def _group() -> None:
    """Keeps `image` a group although it has a single command."""
