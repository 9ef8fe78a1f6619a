"""preflight(): every finding, and what blocks."""

from datetime import UTC, datetime

import pytest

from cebox.domain.device import DeviceKind, Place, Slots
from cebox.domain.ids import TagName
from cebox.domain.preflight import SEVERITY, Admission, Finding, admit, preflight
from cebox.domain.resolution import SiteServer
from cebox.domain.tag import Asked
from cebox.domain.version import Version
from tests.unit.domain.test_rules import NEXT, NOW, OLD, RELEASES, forecast, make_device, make_release

TESTED = Asked(TagName("essai-2026.12"), NEXT)
PLAIN = Asked(None, NOW)


def test_every_finding_has_a_severity() -> None:
    assert set(SEVERITY) == set(Finding)


@pytest.mark.parametrize(
    ("changes", "asked", "server", "expected"),
    [
        ({}, PLAIN, None, ()),
        ({"is_on": False}, PLAIN, None, (Finding.DEVICE_OFF,)),
        ({"is_busy": True}, PLAIN, None, (Finding.DEVICE_BUSY,)),
        ({"slots": Slots(running=NOW)}, PLAIN, None, (Finding.ALREADY_THERE,)),
        ({"slots": Slots(running=OLD, staged=NOW)}, PLAIN, None, (Finding.ALREADY_STAGED,)),
        ({"failed_versions": frozenset({NOW})}, PLAIN, None, (Finding.ROLLED_BACK_BEFORE,)),
        ({"slots": Slots(running=NEXT)}, PLAIN, None, (Finding.WOULD_DOWNGRADE,)),
        ({"slot_bytes": 999}, PLAIN, None, (Finding.SLOT_TOO_SMALL,)),
        ({}, TESTED, SiteServer(NOW, is_reachable=True), (Finding.SITE_DECIDES,)),
        ({}, TESTED, SiteServer(NOW, is_reachable=False), (Finding.SITE_DECIDES, Finding.WRS_DOWN)),
    ],
)
def test_a_finding_is_said_when_it_is_so(
    changes: dict[str, object], asked: Asked, server: SiteServer | None, expected: tuple[Finding, ...]
) -> None:
    assert forecast(make_device("box", **changes), asked, server).findings == expected


def test_a_staged_version_does_not_hide_that_another_would_be_taken_back() -> None:
    """Staged but not started: asking for the running version replaces what waits, so it is not "already there"."""
    found = forecast(make_device(slots=Slots(running=NOW, staged=NEXT)), PLAIN, None)
    assert found.findings == ()


def test_an_unpublished_or_withdrawn_or_forbidden_release_blocks() -> None:
    device = make_device(slots=Slots(running=NEXT))
    unknown = preflight(device, Asked(None, Version.parse("2030.1.0")), account_version=NOW, server=None, releases={})
    assert unknown.blockers == (Finding.RELEASE_UNKNOWN,)
    assert unknown.download_bytes is None
    releases = {NEXT: make_release(NEXT, floor=NEXT), NOW: make_release(NOW, is_withdrawn=True)}
    barred = preflight(device, PLAIN, account_version=NOW, server=None, releases=releases)
    assert barred.blockers == (Finding.RELEASE_WITHDRAWN, Finding.BELOW_FLOOR)
    assert admit(barred, at_next_start=True) is Admission.REFUSE


def test_the_download_is_the_smallest_way_for_this_box() -> None:
    assert forecast(make_device(), PLAIN, None).download_bytes == 30
    assert forecast(make_device(slots=Slots(running=None)), PLAIN, None).download_bytes == 400
    assert RELEASES[NOW].download_bytes(NEXT) == 400


def test_updating_a_wrs_with_a_test_tag_warns_when_boxes_behind_would_follow_at_shutdown() -> None:
    wrs = make_device(kind=DeviceKind.WRS)
    assert Finding.WRS_WOULD_SPREAD_TEST in forecast(wrs, TESTED, None, box_versions={OLD: 31}).findings
    assert Finding.WRS_WOULD_SPREAD_TEST not in forecast(wrs, TESTED, None, box_versions={OLD: 0, NOW: 5}).findings
    assert Finding.WRS_WOULD_SPREAD_TEST not in forecast(wrs, PLAIN, None, box_versions={OLD: 31}).findings


def test_a_wrs_fetches_the_full_image_and_the_patches_its_boxes_need() -> None:
    wrs = make_device(kind=DeviceKind.WRS)
    assert forecast(wrs, TESTED, None).download_bytes == 430
    assert forecast(wrs, TESTED, None, {OLD: 3, NOW: 2}).download_bytes == 430
    running_other = make_device(kind=DeviceKind.WRS, slots=Slots(running=NOW))
    assert forecast(running_other, TESTED, None, {NOW: 2}).download_bytes == 400


def test_what_is_there_already_is_not_downloaded() -> None:
    assert forecast(make_device(slots=Slots(running=NOW)), PLAIN, None).download_bytes == 0
    assert forecast(make_device(slots=Slots(running=OLD, staged=NOW)), PLAIN, None).download_bytes == 0


OPENS = datetime(2026, 11, 22, 21, tzinfo=UTC)


@pytest.mark.parametrize(
    ("changes", "server", "begins_at"),
    [
        ({}, None, OPENS),
        ({}, SiteServer(NOW, is_reachable=False), OPENS),
        ({}, SiteServer(NOW, is_reachable=True), None),
        ({"place": Place.AWAY}, None, None),
        ({"place": Place.AWAY}, SiteServer(NOW, is_reachable=True), None),
        ({"kind": DeviceKind.WRS}, None, OPENS),
        ({"slots": Slots(running=NOW)}, None, None),
        ({"slots": Slots(running=OLD, staged=NOW)}, None, None),
    ],
)
def test_only_what_crosses_the_sites_own_line_waits_for_its_hours(
    changes: dict[str, object], server: SiteServer | None, begins_at: datetime | None
) -> None:
    device = make_device("box", **changes)
    found = preflight(device, PLAIN, account_version=NOW, server=server, releases=RELEASES, closed_until=OPENS)

    assert found.begins_at == begins_at
    assert (Finding.WINDOW_CLOSED in found.findings) is (begins_at is not None)
    assert Finding.WINDOW_CLOSED not in found.blockers
