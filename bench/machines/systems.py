"""Releases of ceBox OS to prove things with: small, quickly packed, some of them bad. Cached outside the clone."""

import fcntl
import hashlib
import os
import shutil
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import cebox
from bench.debian import get_cache
from cebox.domain.version import Version
from cebox.image.bootstrap import get_tree
from cebox.image.build import Order, Watch, build_system
from cebox.image.recipe import load_recipe
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
_COMPLETE = ".complete"
# Without it, in an emulator on a busy machine the kernel takes its timer for broken, and panics.
NO_TIMER_CHECK = "no_timer_check"


@dataclass(frozen=True, slots=True)
class Family:
    """Systems of one variant, oldest first, cached together; `kept` of earlier sources' too, at gigabytes each.
    `overlays`: folders here, laid over every one of them.
    """

    name: str
    variant: str
    systems: Sequence["System"]
    overlays: tuple[str, ...] = ("overlay",)
    kept: int = 1


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
CLOUD = Family("systems", "cloud", SYSTEMS, kept=2)


def build_systems(
    say: Say, systems: Sequence[System] = (OLD, NEW, HEALTH), family: Family = CLOUD
) -> Sequence[BuiltRelease]:
    """Of one family; oldest first. Each comes after the one `before` it."""
    recipe = load_recipe(family.variant)
    say("Debian packages …")
    tree = get_tree(recipe.packages, languages=recipe.languages, answers=recipe.answers)
    folder = get_cache() / f"{family.name}-{_name_ingredients(tree, family)}"
    folder.mkdir(parents=True, exist_ok=True)
    os.utime(folder)
    _drop_others(family)
    vendor = Vendor(folder)
    with (folder / "lock").open("wb") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        for system in systems:
            mark = folder / f"{system.version}{_COMPLETE}"
            if not mark.exists():
                began = time.monotonic()
                _build(vendor, system, family, say)
                mark.write_text(f"{time.monotonic() - began:.1f}")
    wanted = {system.version for system in systems}
    return [built for built in vendor.list_built() if built.manifest.version in wanted]


def read_build_seconds(built: BuiltRelease) -> float:
    """What it took when it was made. Raises OSError and ValueError."""
    return float((built.folder.parents[1] / f"{built.manifest.version}{_COMPLETE}").read_text())


def _drop_others(family: Family) -> None:
    """Of earlier sources, unless they are being made right now."""
    folders = sorted(get_cache().glob(f"{family.name}-*"), key=lambda folder: folder.stat().st_mtime)
    for folder in folders[: -family.kept]:
        with (folder / "lock").open("wb") as stream:
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            shutil.rmtree(folder, ignore_errors=True)


def _build(vendor: Vendor, system: System, family: Family, say: Say) -> None:
    recipe = load_recipe(family.variant)
    output = vendor.releases / str(system.version)
    shutil.rmtree(output, ignore_errors=True)
    overlays = [_HERE / name for name in (*family.overlays, system.overlay) if name]
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


def _name_ingredients(tree: Path, family: Family) -> str:
    """Everything that ends up in the images, or makes them."""
    key = hashlib.sha256(f"{tree.name}\0{family}".encode())
    for path in _list_ingredients(family):
        key.update(f"{path.name}\0".encode() + path.read_bytes())
    return key.hexdigest()[:12]


def _list_ingredients(family: Family) -> Iterator[Path]:
    parts = ("agent", "desktop", "domain", "image", "installer", "keys", "kit", "protocol", "release", "wrs")
    ours = (_HERE / name for name in (*family.overlays, *(one.overlay for one in family.systems)) if name)
    system = _SOURCES.parents[1] / "os"
    others = {path for path in (system / "variants").iterdir() if path.name != family.variant}
    for folder in (*ours, system, *(_SOURCES / part for part in parts)):
        for path in sorted(folder.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts and others.isdisjoint(path.parents):
                yield path
