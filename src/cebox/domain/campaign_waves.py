"""Who goes when: a campaign's devices cut into waves, the WRS of a site never after its ceBox (R11)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from cebox.domain.device import DeviceKind
from cebox.domain.ids import DeviceId, SiteId
from cebox.errors import InvalidInput

MOST_SHARES = 10
LARGEST_CAMPAIGN = 100_000


class WaveOrder(StrEnum):
    """SERVERS_FIRST: all WRS, then the ceBox in shares that take from every site. SITE_BY_SITE: one site after the
    other, the smallest first, its WRS before its ceBox; then, in shares, the devices of no site.
    """

    SERVERS_FIRST = "servers_first"
    SITE_BY_SITE = "site_by_site"


class WaveKind(StrEnum):
    SERVERS = "servers"
    SHARE = "share"
    SITE = "site"


@dataclass(frozen=True, slots=True)
class WaveShare:
    """How many of the ceBox one wave takes: so many, or so many percent of all. What is left is the last wave."""

    count: int
    is_percent: bool


@dataclass(frozen=True, slots=True)
class Candidate:
    """A device that may go into a campaign."""

    id: DeviceId
    name: str
    kind: DeviceKind
    site_id: SiteId | None


@dataclass(frozen=True, slots=True)
class Wave:
    """`number` counts from 1; `site_id` is a SITE wave's; `share` is None for all that was left."""

    number: int
    kind: WaveKind
    device_ids: tuple[DeviceId, ...]
    site_id: SiteId | None = None
    share: WaveShare | None = None


def plan_waves(candidates: Iterable[Candidate], order: WaveOrder, shares: Sequence[WaveShare]) -> tuple[Wave, ...]:
    """Each device in exactly one wave; waves without a device are left out."""
    ordered = sorted(candidates, key=lambda one: (one.name.casefold(), one.id))
    if order is WaveOrder.SITE_BY_SITE:
        drawn = _plan_sites(ordered, shares)
    else:
        servers = [one for one in ordered if one.kind is DeviceKind.WRS]
        boxes = [one for one in ordered if one.kind is DeviceKind.CEBOX]
        drawn = [Wave(0, WaveKind.SERVERS, _ids(servers)), *_plan_shares(_spread(boxes, servers), shares)]
    filled = [wave for wave in drawn if wave.device_ids]
    return tuple(
        Wave(number, wave.kind, wave.device_ids, wave.site_id, wave.share)
        for number, wave in enumerate(filled, start=1)
    )


def parse_shares(text: str) -> tuple[WaveShare, ...]:
    """`5%, 25%` or `10, 100`; empty is one wave with everybody. Raises InvalidInput (`waves_malformed`)."""
    parts = text.replace(";", ",").replace("\u202f", "").replace("\u00a0", "").split(",")
    shares = tuple(_parse_share(part.replace(" ", ""), text) for part in parts if part.strip())
    if len(shares) > MOST_SHARES or sum(share.count for share in shares if share.is_percent) > 100:
        raise _malformed(text)
    return shares


def format_shares(shares: Iterable[WaveShare]) -> str:
    """The form that `parse_shares` reads and that is stored."""
    return ", ".join(f"{share.count}%" if share.is_percent else str(share.count) for share in shares)


def _plan_sites(ordered: list[Candidate], shares: Sequence[WaveShare]) -> list[Wave]:
    sites: dict[SiteId, list[Candidate]] = {}
    for one in ordered:
        if one.site_id is not None:
            sites.setdefault(one.site_id, []).append(one)
    by_size = sorted(sites.items(), key=lambda item: (len(item[1]), item[0]))
    waves = []
    for site_id, members in by_size:
        members.sort(key=lambda one: one.kind is not DeviceKind.WRS)
        waves.append(Wave(0, WaveKind.SITE, _ids(members), site_id))
    return [*waves, *_plan_shares([one for one in ordered if one.site_id is None], shares)]


def _spread(boxes: list[Candidate], servers: list[Candidate]) -> list[Candidate]:
    """Sites that have a WRS first; among them in turn, so that each wave tries every site."""
    served = {one.site_id for one in servers}
    turns: dict[SiteId | None, int] = {}
    placed = []
    for box in boxes:
        turns[box.site_id] = turns.get(box.site_id, 0) + 1
        is_late = box.site_id is None or box.site_id not in served
        placed.append((is_late, turns[box.site_id], box.site_id or "", box))
    return [box for *_, box in sorted(placed, key=lambda place: place[:3])]


def _plan_shares(boxes: list[Candidate], shares: Sequence[WaveShare]) -> list[Wave]:
    waves, begin = [], 0
    for share in shares:
        wanted = max(1, len(boxes) * share.count // 100) if share.is_percent else share.count
        waves.append(Wave(0, WaveKind.SHARE, _ids(boxes[begin : begin + wanted]), share=share))
        begin += wanted
    return [*waves, Wave(0, WaveKind.SHARE, _ids(boxes[begin:]))]


def _ids(members: Iterable[Candidate]) -> tuple[DeviceId, ...]:
    return tuple(one.id for one in members)


def _parse_share(part: str, text: str) -> WaveShare:
    number = part.removesuffix("%")
    is_percent = number != part
    if not (number.isascii() and number.isdecimal() and len(number) <= 6):
        raise _malformed(text)
    count = int(number)
    if not 1 <= count <= (99 if is_percent else LARGEST_CAMPAIGN):
        raise _malformed(text)
    return WaveShare(count, is_percent)


def _malformed(text: str) -> InvalidInput:
    return InvalidInput(
        "waves_malformed",
        f"{text!r} does not cut a fleet into waves",
        hint=f"Write numbers of devices or percentages, such as 5%, 25%; at most {MOST_SHARES}, the rest follows.",
    )
