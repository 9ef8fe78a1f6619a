"""`cebox release build|publish|renew`: the vendor's side, on the machine that holds the keys."""

from collections.abc import Sequence
from datetime import UTC
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from cebox.cli.earlier import load_earlier, load_manifest
from cebox.cli.options import (
    AsJson,
    Created,
    EarlierReleases,
    EncodingProfile,
    Floor,
    KeyringFolder,
    MostPatches,
    NotesEn,
    NotesFr,
    RepositoryFolder,
    examples,
)
from cebox.cli.output import print_json, remark, say
from cebox.cli.progress import show_work
from cebox.domain.version import Version
from cebox.errors import InvalidInput
from cebox.kit.clock import utc_now

if TYPE_CHECKING:
    from cebox.release.manifest import Manifest


def add(app: typer.Typer) -> None:
    app.command(
        epilog=examples(
            "cebox release build tree/ --version 2026.11.1 --output out/2026.11.1",
            "cebox release build tree/ --version 2026.11.2 --from out/2026.11.1 --output out/2026.11.2",
            "cebox release build tree/ --version 2026.11.3 --from out --patches 2 --output out/2026.11.3",
        )
    )(build)
    app.command(epilog=examples("cebox release publish out/2026.11.1 --repository repository --keyring keyring"))(
        publish
    )
    app.command(epilog=examples("cebox release renew --repository repository --keyring keyring"))(renew)


def build(
    source: Annotated[Path, typer.Argument(help="A directory tree, or an image file.", exists=True)],
    version: Annotated[str, typer.Option("--version", metavar="VERSION", help="Such as 2026.11.1.")],
    output: Annotated[Path, typer.Option("--output", metavar="FOLDER", help="Where to put the release.")],
    floor: Floor = None,
    earlier: EarlierReleases = None,
    patches: MostPatches = 5,
    profile: EncodingProfile = "smallest",
    notes_fr: NotesFr = None,
    notes_en: NotesEn = None,
    tree_format: Annotated[
        Literal["erofs", "tar"],
        typer.Option("--format", help="What a tree becomes: erofs for real boxes, tar for virtual ones."),
    ] = "erofs",
    created: Created = None,
    as_json: AsJson = False,
) -> None:
    """Make a release of a tree or an image: image, patches, manifest. Cut off, it goes on where it was."""
    from cebox.release.making.build import build_release, has_begun
    from cebox.release.making.ways import Effort
    from cebox.release.manifest import Notes

    this = Version.parse(version)
    previous = load_earlier(earlier or (), this)
    if has_begun(output):
        remark(f"A build in {output} was cut off; this one goes on where it was.")
    with show_work(f"building {this}") as report:
        manifest = build_release(
            source=source,
            version=this,
            floor=Version.parse(floor) if floor else choose_floor(this, [known for known, _ in previous]),
            notes=Notes(fr=read_notes(notes_fr), en=read_notes(notes_en)),
            output=output,
            previous=previous,
            most_patches=patches,
            created=created.replace(tzinfo=UTC) if created else utc_now(),
            tree_format=tree_format,
            effort=Effort(profile=profile),
            progress=report,
        )
    from cebox.cli.release_words import print_release, read_manifest

    made = read_manifest(manifest)
    if as_json:
        print_json(made)
    else:
        print_release(made, language="")
        remark(f"Publish it with: cebox release publish {output} --repository … --keyring …")


def publish(
    release: Annotated[Path, typer.Argument(help="The release's folder, as built.", exists=True, file_okay=False)],
    repository: RepositoryFolder,
    keyring: KeyringFolder,
    as_json: AsJson = False,
) -> None:
    """Sign a release and put it into the repository; publishing it twice changes nothing."""
    from cebox.release.publishing.publish import publish_release
    from cebox.release.publishing.sign import Keyring

    version = str(load_manifest(release).version)
    is_new = publish_release(release, repository, Keyring.load(keyring), clock=utc_now)
    if as_json:
        print_json({"version": version, "is_new": is_new})
    else:
        say(f"{version} is published in {repository}." if is_new else f"{version} was published already.")


def renew(repository: RepositoryFolder, keyring: KeyringFolder, as_json: AsJson = False) -> None:
    """Sign the repository's metadata anew before it expires; run it every week or so."""
    from cebox.release.publishing.publish import refresh_metadata
    from cebox.release.publishing.sign import Keyring

    refresh_metadata(repository, Keyring.load(keyring), utc_now)
    if as_json:
        print_json({"repository": repository})
    else:
        say(f"The metadata of {repository} is signed anew.")


def choose_floor(this: Version, earlier: "Sequence[Manifest]") -> Version:
    """Going back stays possible as far as before; the first release is its own floor."""
    newest = max(earlier, key=lambda manifest: manifest.version, default=None)
    return newest.floor if newest else this


def read_notes(path: Path | None) -> str:
    if path is None:
        return ""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput("notes_unreadable", f"{path} cannot be read: {error}") from error
