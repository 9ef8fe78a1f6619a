"""Releases of ceBox OS to prove things with: small, quickly packed, one of them bad. Cached outside the clone."""

import fcntl
import hashlib
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import cebox
from bench.debian import get_cache
from cebox.image.bootstrap import get_tree
from cebox.image.build import Order, Watch, build_system
from cebox.image.recipe import Recipe, load_recipe
from cebox.lab import plan
from cebox.lab.plan import PlannedRelease
from cebox.lab.vendor import BuiltRelease, Vendor
from cebox.lab.world import Say
from cebox.release.making.ways import Effort

_HERE = Path(__file__).parent
_SOURCES = Path(cebox.__file__).parent
# What is proved is not how small a download can be.
_EFFORT = Effort(profile="quick", level=1)
_OVERLAYS = {plan.BAD.version: "bad-health"}


def build_systems(say: Say, releases: Sequence[PlannedRelease] = (*plan.RELEASES, plan.BAD)) -> Sequence[BuiltRelease]:
    """Of the cloud variant, each with a patch from the one before. The last of them never comes up well."""
    recipe = load_recipe("cloud")
    say("Debian packages …")
    folder = get_cache() / f"systems-{_name_ingredients(get_tree(recipe.packages))}"
    folder.mkdir(parents=True, exist_ok=True)
    vendor = Vendor(folder)
    with (folder / "lock").open("wb") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        for planned in releases:
            if not (folder / f"{planned.version}.complete").exists():
                _build(vendor, planned, recipe, say)
                (folder / f"{planned.version}.complete").touch()
    return vendor.list_built()


def _build(vendor: Vendor, planned: PlannedRelease, recipe: Recipe, say: Say) -> None:
    output = vendor.releases / str(planned.version)
    shutil.rmtree(output, ignore_errors=True)
    overlays = [_HERE / "overlay"]
    if name := _OVERLAYS.get(planned.version):
        overlays.append(_HERE / name)
    build_system(
        Order(
            recipe=replace(recipe, overlays=(*recipe.overlays, *overlays)),
            version=planned.version,
            floor=plan.FLOOR,
            created=planned.built_at,
            output=output,
            previous=[(built.manifest, built.image) for built in vendor.list_built()],
            notes=planned.notes,
            most_patches=1,
            effort=_EFFORT,
        ),
        Watch(lambda step: say(f"{planned.version}: {step} …")),
    )


def _name_ingredients(tree: Path) -> str:
    """Everything that ends up in the images, or makes them."""
    key = hashlib.sha256(tree.name.encode())
    for path in _list_ingredients():
        key.update(f"{path.name}\0".encode() + path.read_bytes())
    return key.hexdigest()[:12]


def _list_ingredients() -> Iterator[Path]:
    parts = ("agent", "domain", "image", "installer", "keys", "kit", "protocol", "release", "wrs")
    ours = (_HERE / "overlay", *(_HERE / name for name in _OVERLAYS.values()))
    for folder in (*ours, _SOURCES.parents[1] / "os", *(_SOURCES / part for part in parts)):
        found = sorted(folder.rglob("*"))
        yield from (path for path in found if path.is_file() and "__pycache__" not in path.parts)
