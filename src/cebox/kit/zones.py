"""Time zones by their IANA names."""

from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cebox.errors import InvalidInput


def find_zone(name: str) -> ZoneInfo | None:
    """None for a name that nobody knows here."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def get_zone(name: str) -> ZoneInfo:
    """Raises InvalidInput (`time_zone_unknown`)."""
    zone = find_zone(name)
    if zone is None:
        raise InvalidInput(
            "time_zone_unknown",
            f"{name!r} is no time zone",
            hint="Write its IANA name, such as Europe/Paris.",
        )
    return zone
