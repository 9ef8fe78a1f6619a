"""A release in the words of its announcement: its notes, and what changes since the one before it."""

from collections.abc import Mapping

from cebox.console.announcements.wordings import Values
from cebox.console.releases.records import CatalogueEntry, Change, Changes
from cebox.console.web.words import LANGUAGES, Language, Words, load_words
from cebox.console.web.words import mark as _
from cebox.domain.release import Release
from cebox.domain.version import Version

_MOST_LINES = 60


def find_previous(version: Version, releases: Mapping[Version, Release]) -> Version | None:
    """The one customers come from: the newest below it that was not withdrawn."""
    return max((one for one, release in releases.items() if one < version and not release.is_withdrawn), default=None)


def describe_release(entry: CatalogueEntry, changes: Changes | None) -> Values:
    notes: dict[Language, str] = {"fr": entry.listing.notes_fr, "en": entry.listing.notes_en}
    return {
        language: {"notes": notes[language].strip(), "changes": _describe_changes(changes, load_words(language))}
        for language in LANGUAGES
    }


def _describe_changes(changes: Changes | None, words: Words) -> str:
    if changes is None:
        return words.get(_("Their list is on the page of the version."))
    if changes.is_empty:
        return words.get(_("Their components are the same."))
    lines = [_describe_change(one, words) for one in (*changes.changed, *changes.added, *changes.removed)]
    shown, more = lines[:_MOST_LINES], len(lines) - _MOST_LINES
    if more > 0:
        shown.append("- " + words.count("%(number)s more", "%(number)s more", more) % {"number": more})
    return "\n".join(shown)


def _describe_change(one: Change, words: Words) -> str:
    """As code, for a name may hold what Markdown takes for emphasis."""
    name = one.name.replace("`", "")
    if one.before is None:
        return f"- `{name}` {one.after} ({words.get(_('Added'))})"
    if one.after is None:
        return f"- `{name}` ({words.get(_('Removed'))})"
    return f"- `{name}` {one.before} → {one.after}"
