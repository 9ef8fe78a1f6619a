"""Releases as the catalogue keeps them."""

from dataclasses import dataclass
from datetime import datetime

from cebox.domain.release import Release
from cebox.domain.version import Version


@dataclass(frozen=True, slots=True)
class Listing:
    """A release in the list: without its components, of which there may be thousands. Notes are Markdown."""

    release: Release
    manifest_sha256: str
    notes_fr: str
    notes_en: str
    built_at: datetime
    published_at: datetime
    """When this console learnt of it."""


@dataclass(frozen=True, slots=True)
class Component:
    name: str
    version: str


@dataclass(frozen=True, slots=True)
class CatalogueEntry:
    """A release, whole."""

    listing: Listing
    components: tuple[Component, ...]


@dataclass(frozen=True, slots=True)
class Change:
    """A component in two releases. `before` None: it is added; `after` None: it is removed."""

    name: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class Changes:
    """What differs between two releases: the kernel first, then what has another version, each by name."""

    before: Version
    after: Version
    changed: tuple[Change, ...]
    added: tuple[Change, ...]
    removed: tuple[Change, ...]

    @property
    def kernel(self) -> Change | None:
        """The kernel's own change, if it has one."""
        return next((one for one in self.changed if one.name.startswith("linux-")), None)

    @property
    def is_empty(self) -> bool:
        return not (self.changed or self.added or self.removed)


@dataclass(frozen=True, slots=True)
class Imported:
    """What came of an import. `differing` are versions whose signed content changed, which must never happen (R1)."""

    added: tuple[Version, ...]
    differing: tuple[Version, ...]
