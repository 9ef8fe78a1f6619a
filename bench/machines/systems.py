"""Releases of ceBox OS to prove things with: small, quickly packed, some of them bad. Cached outside the clone."""

import fcntl
import hashlib
import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import cebox
from bench.debian import get_cache
from cebox.domain.version import Version
from cebox.image.bootstrap import get_tree
from cebox.image.build import Order, Watch, build_system
from cebox.image.recipe import Recipe, load_recipe
from cebox.lab import plan
from cebox.lab.plan import PlannedRelease
from cebox.lab.vendor import BuiltRelease, Vendor
from cebox.lab.world import Say
from cebox.release.making.ways import Effort
from cebox.release.manifest import Notes

_HERE = Path(__file__).parent
_SOURCES = Path(cebox.__file__).parent
# What is proved is not how small a download can be.
_EFFORT = Effort(profile="quick", level=1)
_PREFIX = "systems-"
# Gigabytes each.
_KEPT = 2


@dataclass(frozen=True, slots=True)
class System:
    """A release with a patch from the one `before` it. `overlay`: a folder here, laid over everything else.
    `command_line`: words for its kernel, besides the usual ones.
    """

    planned: PlannedRelease
    before: Version | None = None
    overlay: str | None = None
    command_line: tuple[str, ...] = ()

    @property
    def version(self) -> Version:
        return self.planned.version


def _plan_bad(version: str, day: int, en: str, fr: str) -> PlannedRelease:
    text = "## ceBox OS {}\n\n- {}\n"
    notes = Notes(fr=text.format(version, fr), en=text.format(version, en))
    return PlannedRelease(Version.parse(version), 0, datetime(2026, 11, day, 8, tzinfo=UTC), notes)


OLD = System(plan.OLD)
NEW = System(plan.NEW, before=OLD.version)
HEALTH = System(plan.BAD, before=NEW.version, overlay="bad-health")
# Without the program that it is told to start, the kernel gives up.
PANIC = System(
    _plan_bad("2026.11.3", 21, "Its kernel panics", "Son noyau panique"),
    before=OLD.version,
    command_line=("rdinit=/nothing",),
)
HANG = System(
    _plan_bad("2026.11.4", 22, "Stands still", "Se fige"),
    before=OLD.version,
    overlay="bad-hang",
)
SYSTEMS = (OLD, NEW, HEALTH, PANIC, HANG)


def build_systems(say: Say, systems: Sequence[System] = (OLD, NEW, HEALTH)) -> Sequence[BuiltRelease]:
    """Of the cloud variant; oldest first. Each comes after the one `before` it."""
    recipe = load_recipe("cloud")
    say("Debian packages …")
    folder = get_cache() / f"{_PREFIX}{_name_ingredients(get_tree(recipe.packages))}"
    folder.mkdir(parents=True, exist_ok=True)
    os.utime(folder)
    _drop_others()
    vendor = Vendor(folder)
    with (folder / "lock").open("wb") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        for system in systems:
            if not (folder / f"{system.version}.complete").exists():
                _build(vendor, system, recipe, say)
                (folder / f"{system.version}.complete").touch()
    wanted = {system.version for system in systems}
    return [built for built in vendor.list_built() if built.manifest.version in wanted]


def _drop_others() -> None:
    """Of earlier sources, unless they are being made right now."""
    folders = sorted(get_cache().glob(f"{_PREFIX}*"), key=lambda folder: folder.stat().st_mtime)
    for folder in folders[:-_KEPT]:
        with (folder / "lock").open("wb") as stream:
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            shutil.rmtree(folder, ignore_errors=True)


def _build(vendor: Vendor, system: System, recipe: Recipe, say: Say) -> None:
    output = vendor.releases / str(system.version)
    shutil.rmtree(output, ignore_errors=True)
    overlays = [_HERE / name for name in ("overlay", system.overlay) if name]
    build_system(
        Order(
            recipe=replace(
                recipe,
                overlays=(*recipe.overlays, *overlays),
                command_line=(*recipe.command_line, *system.command_line),
            ),
            version=system.version,
            floor=plan.FLOOR,
            created=system.planned.built_at,
            output=output,
            previous=[
                (built.manifest, built.image)
                for built in vendor.list_built()
                if built.manifest.version == system.before
            ],
            notes=system.planned.notes,
            most_patches=1,
            effort=_EFFORT,
        ),
        Watch(lambda step: say(f"{system.version}: {step} …")),
    )


def _name_ingredients(tree: Path) -> str:
    """Everything that ends up in the images, or makes them."""
    key = hashlib.sha256(f"{tree.name}\0{SYSTEMS}".encode())
    for path in _list_ingredients():
        key.update(f"{path.name}\0".encode() + path.read_bytes())
    return key.hexdigest()[:12]


def _list_ingredients() -> Iterator[Path]:
    parts = ("agent", "domain", "image", "installer", "keys", "kit", "protocol", "release", "wrs")
    ours = (_HERE / name for name in ("overlay", *(one.overlay for one in SYSTEMS)) if name)
    for folder in (*ours, _SOURCES.parents[1] / "os", *(_SOURCES / part for part in parts)):
        found = sorted(folder.rglob("*"))
        yield from (path for path in found if path.is_file() and "__pycache__" not in path.parts)
