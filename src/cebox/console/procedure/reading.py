"""An account's procedure, read from what is so: its phase and tags, its devices, and what people chose."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from cebox.console.accounts.records import Account, NotedTag
from cebox.console.accounts.service import list_noted_tags
from cebox.console.database.scope import Scope
from cebox.console.devices.class_repository import DeviceClassRepository
from cebox.console.devices.classes import Chosen, DeviceClass
from cebox.console.devices.records import DeviceFilters, DeviceRecord, DeviceView
from cebox.console.devices.repository import DeviceRepository
from cebox.console.devices.service import describe_devices, load_domain_device
from cebox.console.keys.repository import KeyRepository
from cebox.console.procedure.records import ChosenBox, Place, Procedure, ProcedureChoice
from cebox.console.procedure.repository import ProcedureRepository
from cebox.console.releases.service import load_catalogue
from cebox.domain.action import ActionKind, ActionState
from cebox.domain.device import DeviceKind
from cebox.domain.device import Place as Whereabouts
from cebox.domain.ids import SiteId
from cebox.domain.procedure import NOBODY, Advance, Tally, judge_advance, plan_stage, plan_steps
from cebox.domain.tag import TagKind
from cebox.domain.version import Version
from cebox.protocol.device import BoxPhase

_RESTARTING = frozenset({BoxPhase.REBOOTING, BoxPhase.ON_TRIAL})
_MOVING = frozenset({BoxPhase.DOWNLOADING, BoxPhase.INSTALLING})


async def read_procedure(connection: AsyncConnection, account: Account, now: datetime) -> Procedure:
    """A few statements, whatever the size of the fleet."""
    scope = Scope.account(account.id)
    repository = ProcedureRepository(connection, scope)
    choice = await repository.find_choice(account.id)
    tags = await list_noted_tags(connection, scope)
    test_tag = choose_test_tag(choice, account.version, tags)
    tested = test_tag.tag.version if test_tag else None
    release = (await load_catalogue(connection)).get(tested) if tested else None
    box_ids = await repository.list_box_ids(account.id)
    plan = plan_stage(
        account.phase,
        account.version,
        tested,
        is_tag_gone=is_tag_gone(choice, tags),
        is_withdrawn=release is None or release.is_withdrawn,
        box_count=len(box_ids),
        approved=choice.approval.version if choice.approval else None,
    )
    records = await DeviceRepository(connection, scope).find_many(box_ids)
    boxes = await describe_devices(connection, scope, records.values(), now)
    classes = await DeviceClassRepository(connection, scope, now).count(Chosen(None), DeviceFilters())
    servers = await _load_servers(connection, scope, classes, now)
    names = await DeviceRepository(connection, scope).find_site_names({one.site_id for one in classes if one.site_id})
    behind = _count_behind(classes, account.version) if plan.target > account.version else {}
    places = _plan_test(boxes, servers, names, plan.target, now, behind)
    fleet = _plan_fleet(classes, servers, names, plan.target, now)
    return Procedure(
        account=account,
        plan=plan,
        choice=choice,
        test_tag=test_tag,
        places=places,
        fleet=fleet,
        already_there=_count_others(classes, boxes, plan.target),
        outdated_keys=await KeyRepository(connection, scope).count_out_of_date(plan.target, now),
    )


def choose_test_tag(choice: ProcedureChoice, account_version: Version, tags: Sequence[NotedTag]) -> NotedTag | None:
    """The one that was chosen, if it still leads above the account's version; else the newest that does."""
    ahead = [one for one in tags if one.tag.kind is TagKind.VERSION and one.tag.version > account_version]
    chosen = next((one for one in ahead if one.tag.name == choice.tag_name), None)
    return chosen or max(ahead, key=lambda one: one.tag.version, default=None)


def is_tag_gone(choice: ProcedureChoice, tags: Sequence[NotedTag]) -> bool:
    """What was chosen is no longer open to the account."""
    return choice.tag_name is not None and all(one.tag.name != choice.tag_name for one in tags)


def judge_view(view: DeviceView, target: Version, now: datetime) -> Advance:
    """How far one device is."""
    record, last = view.record, view.last_action
    updates = [one for one in view.open_actions if one.kind is ActionKind.UPDATE]
    is_moving = any(one.state is not ActionState.STAGED for one in updates)
    has_failed = last is not None and last.kind is ActionKind.UPDATE and last.state is ActionState.FAILED
    return judge_advance(
        load_domain_device(record, view.open_actions, now),
        target,
        is_updating=is_moving or (view.is_on and record.phase in _MOVING),
        is_restarting=record.phase in _RESTARTING and (view.is_on or bool(view.open_actions)),
        has_failed=has_failed,
    )


def judge_class(one: DeviceClass, target: Version) -> Advance:
    """How far each of them is."""
    return judge_advance(
        one.to_device(),
        target,
        is_updating=one.is_updating or (one.is_on and one.phase in _MOVING),
        is_restarting=one.phase in _RESTARTING and (one.is_on or one.has_open),
        has_failed=one.has_failed,
    )


async def _load_servers(
    connection: AsyncConnection, scope: Scope, classes: Iterable[DeviceClass], now: datetime
) -> dict[SiteId, DeviceView]:
    """The WRS of each site that has one."""
    site_ids = {one.site_id for one in classes if one.site_id and one.kind is DeviceKind.WRS}
    records = (await DeviceRepository(connection, scope).find_site_servers(site_ids)).values()
    return {SiteId(view.record.site_id or ""): view for view in await describe_devices(connection, scope, records, now)}


def _plan_test(
    boxes: Sequence[DeviceView],
    servers: Mapping[SiteId, DeviceView],
    names: Mapping[SiteId, str],
    target: Version,
    now: datetime,
    behind: Mapping[SiteId | None, int],
) -> tuple[Place, ...]:
    """The sites by name, then those at home."""
    by_site: dict[SiteId | None, list[ChosenBox]] = {}
    for view in sorted(boxes, key=lambda one: one.record.name.lower()):
        is_there = view.record.place is Whereabouts.SITE
        box = ChosenBox(view, judge_view(view, target, now))
        by_site.setdefault(view.record.site_id if is_there else None, []).append(box)
    places = []
    for site_id in _sort_sites(by_site, names):
        members = tuple(by_site[site_id])
        server = servers.get(site_id) if site_id else None
        tally = Counter(box.advance for box in members)
        steps = plan_steps(judge_view(server, target, now) if server else None, tally)
        wrs = server.record if server else None
        places.append(Place(site_id, _name(site_id, names), wrs, steps, members, behind.get(site_id, 0) if wrs else 0))
    return tuple(places)


def _plan_fleet(
    classes: Iterable[DeviceClass],
    servers: Mapping[SiteId, DeviceView],
    names: Mapping[SiteId, str],
    target: Version,
    now: datetime,
) -> tuple[Place, ...]:
    tallies: dict[SiteId | None, Counter[Advance]] = {site_id: Counter() for site_id in servers}
    for one in classes:
        if one.kind is DeviceKind.CEBOX:
            site_id = one.site_id if one.place is Whereabouts.SITE else None
            tallies.setdefault(site_id, Counter())[judge_class(one, target)] += one.count
    places = []
    for site_id in _sort_sites(tallies, names):
        server = servers.get(site_id) if site_id else None
        record: DeviceRecord | None = server.record if server else None
        tally: Tally = tallies.get(site_id, NOBODY)
        steps = plan_steps(judge_view(server, target, now) if server else None, tally)
        places.append(Place(site_id, _name(site_id, names), record, steps))
    return tuple(places)


def _count_behind(classes: Iterable[DeviceClass], account_version: Version) -> Counter[SiteId | None]:
    """Boxes below the account's version, by site."""
    found: Counter[SiteId | None] = Counter()
    for one in classes:
        if one.kind is DeviceKind.CEBOX and one.slots.running is not None and one.slots.running < account_version:
            found[one.site_id] += one.count
    return found


def _count_others(classes: Iterable[DeviceClass], boxes: Iterable[DeviceView], target: Version) -> int:
    """Boxes that are there, or about to be, though nobody chose them."""
    there = sum(
        one.count for one in classes if one.kind is DeviceKind.CEBOX and target in (one.slots.running, one.slots.staged)
    )
    chosen = sum(target in (view.record.slots.running, view.record.slots.staged) for view in boxes)
    return max(0, there - chosen)


def _sort_sites(site_ids: Iterable[SiteId | None], names: Mapping[SiteId, str]) -> list[SiteId | None]:
    return sorted(site_ids, key=lambda one: (one is None, _name(one, names).lower(), one or ""))


def _name(site_id: SiteId | None, names: Mapping[SiteId, str]) -> str:
    return names.get(site_id, "") if site_id else ""
