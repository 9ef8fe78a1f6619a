"""What changes from one release to another, by their components' names and versions. Pure."""

from cebox.console.releases.records import CatalogueEntry, Change, Changes

_KERNELS = ("linux-image", "linux-")


def compare_releases(before: CatalogueEntry, after: CatalogueEntry) -> Changes:
    old = {one.name: one.version for one in before.components}
    new = {one.name: one.version for one in after.components}
    kept = sorted(old.keys() & new.keys(), key=_rank)
    return Changes(
        before=before.listing.release.version,
        after=after.listing.release.version,
        changed=tuple(Change(name, old[name], new[name]) for name in kept if old[name] != new[name]),
        added=tuple(Change(name, None, new[name]) for name in sorted(new.keys() - old.keys(), key=_rank)),
        removed=tuple(Change(name, old[name], None) for name in sorted(old.keys() - new.keys(), key=_rank)),
    )


def _rank(name: str) -> tuple[int, str]:
    """Whoever reads such a list looks for the kernel first."""
    return next((place for place, start in enumerate(_KERNELS) if name.startswith(start)), len(_KERNELS)), name
