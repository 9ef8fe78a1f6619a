"""`cebox patch`: patches between bare image files, without repository, keys or boxes."""

import time
from pathlib import Path
from typing import Annotated

import typer

from cebox.cli.measures import format_bytes, format_seconds
from cebox.cli.options import AsJson, EncodingProfile, examples, new_group
from cebox.cli.output import print_json, say
from cebox.cli.progress import show_progress, show_work
from cebox.errors import InvalidInput

app = new_group("Patches between image files, for measuring: boxes take signed releases only.")

PatchArgument = Annotated[Path, typer.Argument(metavar="FILE", help="A patch file.")]
IsForced = Annotated[bool, typer.Option("--force", help="Replace what is there already.")]


@app.command(
    epilog=examples(
        "cebox patch make old.img new.img --output new.patch",
        "cebox patch make old.img new.img --output new.patch --profile light",
        "cebox patch make --full new.img --output full.patch",
    )
)
def make(
    images: Annotated[
        list[Path], typer.Argument(metavar="OLD NEW", help="Two image files; with --full OLD may be left out.")
    ],
    output: Annotated[Path, typer.Option("--output", metavar="FILE", help="Where to put the patch.")],
    profile: EncodingProfile = "smallest",
    is_full: Annotated[bool, typer.Option("--full", help="From nothing: a patch for boxes without OLD.")] = False,
    is_forced: IsForced = False,
    as_json: AsJson = False,
) -> None:
    """Make the patch that turns one image into another."""
    from cebox.release.loose.patch_file import make_patch_file
    from cebox.release.loose.patch_summary import summarise_patch
    from cebox.release.making.ways import Effort

    old, new = _choose_images(images, is_full=is_full)
    began = time.monotonic()
    with show_work(f"making {output.name}") as report:
        made = make_patch_file(old, new, output, effort=Effort(profile=profile), is_forced=is_forced, report=report)
    seconds = time.monotonic() - began
    summary = summarise_patch(made.way, made.image, made.index)
    if as_json:
        print_json({"path": output, "seconds": round(seconds, 3), "patch": summary})
        return
    from cebox.cli.patch_words import print_made

    print_made(summary, output, seconds)


@app.command(epilog=examples("cebox patch show new.patch", "cebox patch show new.patch --json"))
def show(file: PatchArgument, as_json: AsJson = False) -> None:
    """Show what a patch makes, of what, and where its bytes go."""
    from cebox.release.loose.patch_file import read_patch
    from cebox.release.loose.patch_summary import summarise_patch

    patch = read_patch(file)
    summary = summarise_patch(patch.way, patch.image, patch.index)
    if as_json:
        print_json(summary)
        return
    from cebox.cli.patch_words import print_patch

    print_patch(summary)


@app.command(
    epilog=examples("cebox patch verify new.patch", "cebox patch verify new.patch --old old.img --new new.img")
)
def verify(
    file: PatchArgument,
    old: Annotated[
        Path | None,
        typer.Option("--old", metavar="OLD", help="Make the image from this one, in the folder for temporary files."),
    ] = None,
    new: Annotated[
        Path | None, typer.Option("--new", metavar="NEW", help="Check that this is the image it makes.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Check that a patch is whole, and with images that it makes the one from the other."""
    from cebox.release.loose.patch_file import read_patch, verify_patch_file

    patch = read_patch(file)
    with show_progress(f"checking {file.name}") as report:
        is_made = verify_patch_file(patch, old=old, new=new, report=report)
    if as_json:
        print_json({"sha256": patch.way.blob.sha256, "is_made": is_made, "is_compared": new is not None})
        return
    say(f"{file} is whole: {format_bytes(patch.way.blob.size)}, {len(patch.index.segments)} segments.")
    if is_made:
        say(f"It makes its image of {format_bytes(patch.image.size)}, bit for bit.")
    if new is not None:
        say(f"Its image is that in {new}.")


@app.command(epilog=examples("cebox patch apply new.patch --old old.img --output new.img"))
def apply(
    file: PatchArgument,
    output: Annotated[Path, typer.Option("--output", metavar="NEW", help="Where to put the image.")],
    old: Annotated[
        Path | None, typer.Option("--old", metavar="OLD", help="The image it starts from; none for a full one.")
    ] = None,
    is_forced: IsForced = False,
    as_json: AsJson = False,
) -> None:
    """Make the image that a patch makes, as a box does, and verify it."""
    from cebox.release.loose.patch_file import apply_patch_file, read_patch

    patch = read_patch(file)
    began = time.monotonic()
    with show_progress(f"making {output.name}") as report:
        apply_patch_file(patch, old, output, is_forced=is_forced, report=report)
    seconds = time.monotonic() - began
    if as_json:
        print_json({"path": output, "seconds": round(seconds, 3), "sha256": patch.image.sha256})
    else:
        say(f"{output} is made and verified: {format_bytes(patch.image.size)} in {format_seconds(seconds)}.")


def _choose_images(images: list[Path], *, is_full: bool) -> tuple[Path | None, Path]:
    match images:
        case [new] if is_full:
            return None, new
        case [_, new] if is_full:
            return None, new
        case [old, new]:
            return old, new
    raise InvalidInput(
        "images_not_two",
        f"a patch needs the old image and the new one, not {len(images)} names",
        hint="cebox patch make OLD NEW --output FILE; with --full NEW alone is enough.",
    )
