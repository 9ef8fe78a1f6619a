"""From facts to words: the placeholders' values, the wording that holds, the text that is kept."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_datetime
from sqlalchemy.ext.asyncio import AsyncConnection

from cebox.console.announcements.default_wordings import DEFAULT_WORDINGS
from cebox.console.announcements.records import Announcement, find_kind
from cebox.console.announcements.repository import WordingRepository
from cebox.console.web.formats import find_zone
from cebox.console.web.words import LANGUAGES, Language, load_words
from cebox.domain.announcement import AnnouncementKind
from cebox.domain.wording import PLACEHOLDERS, Wording, fill_in

Values = Mapping[Language, Mapping[str, str]]
Wordings = Mapping[Language, Wording]


async def load_wordings(connection: AsyncConnection, kind: AnnouncementKind) -> dict[Language, Wording]:
    """Those that hold: the vendor's, else the product's."""
    own = await WordingRepository(connection).load()
    return {language: own.get((kind, language)) or DEFAULT_WORDINGS[kind, language] for language in LANGUAGES}


async def list_own_kinds(connection: AsyncConnection) -> frozenset[AnnouncementKind]:
    """Those the vendor has its own wording of."""
    return frozenset(kind for kind, _ in await WordingRepository(connection).load())


def fill_wordings(
    wordings: Wordings, kind: AnnouncementKind, facts: Mapping[str, Any], more: Values | None = None
) -> dict[Language, Wording]:
    """`more` are values that the facts do not hold, such as a release's notes."""
    return {
        language: fill_in(wording, {**describe_facts(kind, facts, language), **(more or {}).get(language, {})})
        for language, wording in wordings.items()
    }


def get_title(announcement: Announcement, language: Language) -> str:
    return announcement.titles.get(language) or _say_again(announcement, language).title


def get_wording(announcement: Announcement, language: Language) -> Wording:
    """As it was said."""
    kept = (announcement.wordings or {}).get(language)
    return kept or _say_again(announcement, language)


def describe_facts(kind: AnnouncementKind, facts: Mapping[str, Any], language: Language) -> dict[str, str]:
    """The values of the kind's placeholders, as far as the facts hold them."""
    values = {name: str(facts[name]) for name in PLACEHOLDERS[kind] if name in facts}
    if kind is AnnouncementKind.MIGRATION:
        values["keys"] = _describe_keys(int(facts.get("out_of_date_keys") or 0), language)
    if kind is AnnouncementKind.INFRASTRUCTURE and facts.get("starts_at"):
        moment = datetime.fromisoformat(facts["starts_at"])
        zone = find_zone(str(facts.get("time_zone", "")))
        values["day"] = format_date(moment.astimezone(zone), "d MMMM y", locale=language)
        values["date"] = _describe_date(moment, zone, language)
    return values


def _describe_date(moment: datetime, zone: ZoneInfo, language: Language) -> str:
    """`15 décembre 2026 à 22:00 (Europe/Paris)`: the same words for every reader, wherever they are."""
    pattern = "d MMMM y 'à' HH:mm" if language == "fr" else "d MMMM y 'at' HH:mm"
    return f"{format_datetime(moment.astimezone(zone), pattern, locale=language)} ({zone.key})"


def _describe_keys(number: int, language: Language) -> str:
    if not number:
        return ""
    said = load_words(language).count(
        "**%(number)s USB key is out of date:** make it again before you install another machine.",
        "**%(number)s USB keys are out of date:** make them again before you install another machine.",
        number,
    )
    return said % {"number": number}


def _say_again(announcement: Announcement, language: Language) -> Wording:
    """For what was announced before texts were kept."""
    kind = find_kind(announcement.kind)
    wordings = {language: DEFAULT_WORDINGS[kind, language]}
    return fill_wordings(wordings, kind, announcement.facts)[language]
