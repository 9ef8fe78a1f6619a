"""The procedure's rules R1 to R13, a test for each under its name (mission.md, "The rules")."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from cebox.domain.action import ActionKind
from cebox.domain.device import Device, DeviceKind, Place, Slots, plan_finalise, plan_install, served_version
from cebox.domain.ids import AccountId, DeviceId, KeyId, SiteId, TagName
from cebox.domain.key import Key, is_out_of_date
from cebox.domain.migration import Phase, PhaseEvent, next_phase, plan_migration
from cebox.domain.preflight import Admission, Finding, Forecast, admit, preflight
from cebox.domain.procedure import StepKind, StepState, judge_advance, plan_steps
from cebox.domain.release import Release, is_new_publication
from cebox.domain.resolution import Reason, SiteServer, Source, plan_shutdown, resolve
from cebox.domain.role import Permission, Role, may
from cebox.domain.tag import Asked, Tag, TagKind, refuse_group_tag, resolve_tag
from cebox.domain.version import Version
from cebox.errors import Conflict, InvalidInput, NotFound

OLD, NOW, NEXT = Version.parse("2026.10.1"), Version.parse("2026.11.1"), Version.parse("2026.12.0")
NORD, SUD = AccountId("acc_nord"), AccountId("acc_sud")
LYON = SiteId("sit_lyon")
TAGS = (
    Tag(TagName("atelier-nord"), TagKind.ACCOUNT, NOW, frozenset({NORD})),
    Tag(TagName("clinique-sud"), TagKind.ACCOUNT, OLD, frozenset({SUD})),
    Tag(TagName("essai-2026.12"), TagKind.VERSION, NEXT, frozenset({NORD})),
)


def make_release(version: Version, floor: Version = OLD, *, is_withdrawn: bool = False) -> Release:
    return Release(version, floor, image_bytes=1000, full_bytes=400, patch_bytes={OLD: 30}, is_withdrawn=is_withdrawn)


RELEASES: Mapping[Version, Release] = {version: make_release(version) for version in (OLD, NOW, NEXT)}


def make_device(name: str = "box", **changes: object) -> Device:
    device = Device(
        id=DeviceId(name),
        account_id=NORD,
        kind=DeviceKind.CEBOX,
        place=Place.SITE,
        slots=Slots(running=OLD),
        is_on=True,
        site_id=LYON,
    )
    return replace(device, **changes)  # type: ignore[arg-type] # the caller names fields of Device


def forecast(
    device: Device, asked: Asked, server: SiteServer | None, box_versions: Mapping[Version, int] | None = None
) -> Forecast:
    return preflight(
        device, asked, account_version=NOW, server=server, releases=RELEASES, box_versions=box_versions or {}
    )


def test_r1_a_release_is_immutable() -> None:
    assert is_new_publication(None, "aa", NOW)
    assert not is_new_publication("aa", "aa", NOW)
    with pytest.raises(Conflict, match="release_differs"):
        is_new_publication("aa", "bb", NOW)


def test_r2_a_tag_points_at_one_release_and_a_foreign_one_is_unknown() -> None:
    assert resolve_tag(TagName("essai-2026.12"), NORD, TAGS) == Asked(TagName("essai-2026.12"), NEXT)
    assert resolve_tag(TagName("atelier-nord"), NORD, TAGS).version == NOW
    for foreign in ("essai-2026.12", "atelier-nord"):
        with pytest.raises(NotFound, match="tag_unknown"):
            resolve_tag(TagName(foreign), SUD, TAGS)


def test_r3_no_tag_means_the_accounts_tag() -> None:
    assert resolve_tag(None, NORD, TAGS) == Asked(None, NOW)
    assert resolve_tag(None, SUD, TAGS) == Asked(None, OLD)


def test_r4_a_group_command_takes_no_tag() -> None:
    refuse_group_tag(None)
    refuse_group_tag("")
    with pytest.raises(InvalidInput, match="group_takes_no_tag"):
        refuse_group_tag("essai-2026.12")


def test_r5_a_wrs_and_a_cebox_are_updated_by_the_same_actions() -> None:
    asked = Asked(TagName("essai-2026.12"), NEXT)
    wrs = resolve(DeviceKind.WRS, Place.SITE, asked, SiteServer(OLD, is_reachable=True))
    away = resolve(DeviceKind.CEBOX, Place.AWAY, asked, None)
    assert wrs == away
    assert {kind.value for kind in ActionKind} == {"update", "reboot", "shutdown", "start"}


def test_r6_a_box_on_a_site_takes_the_version_of_its_wrs_whatever_was_asked() -> None:
    server = SiteServer(NOW, is_reachable=True)
    taken = resolve(DeviceKind.CEBOX, Place.SITE, Asked(TagName("essai-2026.12"), NEXT), server)
    assert (taken.asked_version, taken.version, taken.source, taken.reason) == (NEXT, NOW, Source.WRS, Reason.SITE)
    assert taken.is_overruled
    said_before = forecast(make_device(), Asked(TagName("essai-2026.12"), NEXT), server)
    assert Finding.SITE_DECIDES in said_before.findings


def test_r6_with_the_wrs_dead_a_box_on_site_takes_the_sites_version_from_the_cloud() -> None:
    taken = resolve(DeviceKind.CEBOX, Place.SITE, Asked(None, NEXT), SiteServer(NOW, is_reachable=False))
    assert (taken.version, taken.source, taken.reason) == (NOW, Source.CLOUD, Reason.SITE_WITHOUT_WRS)


def test_r7_a_box_away_from_its_site_takes_what_was_asked_from_the_cloud() -> None:
    taken = resolve(DeviceKind.CEBOX, Place.AWAY, Asked(None, NOW), SiteServer(OLD, is_reachable=True))
    assert (taken.version, taken.source, taken.reason) == (NOW, Source.CLOUD, Reason.ACCOUNT)


def test_r8_only_the_reboot_finalises_and_a_wrs_serves_after_its_own() -> None:
    before = Slots(running=OLD, previous=None)
    installed = plan_install(before, NOW)
    assert (installed.running, installed.staged) == (OLD, NOW)
    assert served_version(installed) == OLD
    finalised = plan_finalise(installed)
    assert finalised == Slots(running=NOW, staged=None, previous=OLD)
    assert served_version(finalised) == NOW
    with pytest.raises(Conflict, match="nothing_staged"):
        plan_finalise(finalised)


def test_r9_a_device_that_is_off_is_refused_or_served_at_its_next_start() -> None:
    off = forecast(make_device(is_on=False), Asked(None, NOW), None)
    assert off.blockers == (Finding.DEVICE_OFF,)
    assert admit(off, at_next_start=False) is Admission.REFUSE
    assert admit(off, at_next_start=True) is Admission.QUEUE
    on = forecast(make_device(), Asked(None, NOW), None)
    assert admit(on, at_next_start=True) is Admission.SEND


@pytest.mark.parametrize(
    ("running", "server", "expected"),
    [
        (OLD, None, (NOW, Source.CLOUD)),
        (OLD, SiteServer(NEXT, is_reachable=True), (NEXT, Source.WRS)),
        (OLD, SiteServer(NOW, is_reachable=False), (NOW, Source.CLOUD)),
        (OLD, SiteServer(OLD, is_reachable=True), None),
        (NOW, SiteServer(NEXT, is_reachable=True), None),
        (NEXT, None, None),
    ],
)
def test_r10_a_shutdown_updates_only_below_the_accounts_version(
    running: Version, server: SiteServer | None, expected: tuple[Version, Source] | None
) -> None:
    planned = plan_shutdown(
        running=running, account_version=NOW, kind=DeviceKind.CEBOX, place=Place.SITE, server=server
    )
    assert (planned and (planned.version, planned.source)) == expected


def test_r11_the_order_is_wrs_reboot_boxes_reboot() -> None:
    wrs = make_device("wrs", kind=DeviceKind.WRS)
    box = make_device("box")

    def open_steps(wrs: Device | None, box: Device) -> list[StepKind]:
        steps = plan_steps(judge_advance(wrs, NOW) if wrs else None, {judge_advance(box, NOW): 1})
        return [step.kind for step in steps if step.state is StepState.OPEN]

    staged, running = Slots(running=OLD, staged=NOW), Slots(running=NOW)
    assert open_steps(wrs, box) == [StepKind.UPDATE_WRS]
    assert open_steps(replace(wrs, slots=staged), box) == [StepKind.REBOOT_WRS]
    assert open_steps(replace(wrs, slots=running), box) == [StepKind.UPDATE_BOXES]
    assert open_steps(replace(wrs, slots=running), replace(box, slots=staged)) == [StepKind.REBOOT_BOXES]
    assert open_steps(replace(wrs, slots=running), replace(box, slots=running)) == []
    # Those at home wait for no WRS (R7).
    assert open_steps(None, box) == [StepKind.UPDATE_BOXES]


def test_r12_only_the_vendor_migrates_and_it_opens_production() -> None:
    assert [role for role in Role if may(role, Permission.VENDOR)] == [Role.VENDOR_OPERATOR]
    assert plan_migration(OLD, NOW, RELEASES).is_change
    assert not plan_migration(NOW, NOW, RELEASES).is_change
    with pytest.raises(NotFound, match="release_unknown"):
        plan_migration(OLD, Version.parse("2030.1.0"), RELEASES)
    with pytest.raises(Conflict, match="release_withdrawn"):
        plan_migration(OLD, NOW, {NOW: make_release(NOW, is_withdrawn=True)})
    assert next_phase(Phase.TEST, PhaseEvent.MIGRATE) is Phase.MIGRATED
    assert next_phase(Phase.MIGRATED, PhaseEvent.DEPLOY) is Phase.PRODUCTION
    with pytest.raises(Conflict, match="phase_event_refused"):
        next_phase(Phase.TEST, PhaseEvent.DEPLOY)


def test_r13_a_key_made_for_the_old_version_is_out_of_date_after_the_migration() -> None:
    expires = datetime(2027, 1, 1, tzinfo=UTC) + timedelta(days=1)
    key = Key(KeyId("key_1"), NORD, LYON, DeviceKind.CEBOX, OLD, expires, uses_left=5)
    assert not is_out_of_date(key, OLD)
    assert is_out_of_date(key, NOW)
