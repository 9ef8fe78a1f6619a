from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cebox.domain.campaign_waves import (
    Candidate,
    WaveKind,
    WaveOrder,
    WaveShare,
    format_shares,
    parse_shares,
    plan_waves,
)
from cebox.domain.device import DeviceKind
from cebox.domain.ids import DeviceId, SiteId
from cebox.errors import InvalidInput

SITES = [None, SiteId("sit_lyon"), SiteId("sit_lille"), SiteId("sit_metz")]
shares = st.lists(st.builds(WaveShare, st.integers(1, 30), st.booleans()), max_size=3)


def make_fleet(boxes: list[SiteId | None], servers: set[SiteId]) -> list[Candidate]:
    fleet = [
        Candidate(DeviceId(f"dev_{number}"), f"BOX-{number:03}", DeviceKind.CEBOX, site)
        for number, site in enumerate(boxes)
    ]
    return fleet + [Candidate(DeviceId(f"wrs_{site}"), f"WRS-{site}", DeviceKind.WRS, site) for site in servers]


fleets = st.builds(
    make_fleet, st.lists(st.sampled_from(SITES), max_size=60), st.sets(st.sampled_from([s for s in SITES if s]))
)


@given(fleets, st.sampled_from(WaveOrder), shares)
def test_every_device_is_in_exactly_one_wave(fleet: list[Candidate], order: WaveOrder, cut: list[WaveShare]) -> None:
    waves = plan_waves(fleet, order, cut)

    planned = Counter(device_id for wave in waves for device_id in wave.device_ids)
    assert planned == Counter(one.id for one in fleet)
    assert [wave.number for wave in waves] == list(range(1, len(waves) + 1))
    assert all(wave.device_ids for wave in waves)


@given(fleets, st.sampled_from(WaveOrder), shares)
def test_no_box_is_planned_before_the_wrs_of_its_site(
    fleet: list[Candidate], order: WaveOrder, cut: list[WaveShare]
) -> None:
    place = {
        device_id: (wave.number, turn)
        for wave in plan_waves(fleet, order, cut)
        for turn, device_id in enumerate(wave.device_ids)
    }
    servers = {one.site_id: place[one.id] for one in fleet if one.kind is DeviceKind.WRS}
    for box in fleet:
        if box.kind is DeviceKind.CEBOX and box.site_id in servers:
            assert servers[box.site_id] < place[box.id]


def test_percentages_are_of_all_boxes_and_the_rest_comes_last() -> None:
    fleet = make_fleet([None] * 200, {SiteId("sit_lyon")})

    waves = plan_waves(fleet, WaveOrder.SERVERS_FIRST, parse_shares("5%, 25%"))

    assert [(wave.kind, len(wave.device_ids)) for wave in waves] == [
        (WaveKind.SERVERS, 1),
        (WaveKind.SHARE, 10),
        (WaveKind.SHARE, 50),
        (WaveKind.SHARE, 140),
    ]
    assert waves[-1].share is None


def test_a_percentage_of_few_is_at_least_one() -> None:
    waves = plan_waves(make_fleet([None] * 3, set()), WaveOrder.SERVERS_FIRST, parse_shares("5 %"))

    assert [len(wave.device_ids) for wave in waves] == [1, 2]


def test_each_wave_takes_from_every_site_those_with_a_wrs_first() -> None:
    lyon, lille, metz = SITES[1:]
    fleet = make_fleet([lyon, lyon, lyon, lille, lille, metz, None], {SiteId("sit_lyon"), SiteId("sit_lille")})

    _, first, rest = plan_waves(fleet, WaveOrder.SERVERS_FIRST, [WaveShare(2, False)])

    assert sorted(first.device_ids) == ["dev_0", "dev_3"]
    assert set(rest.device_ids[-2:]) == {"dev_5", "dev_6"}


def test_site_by_site_begins_with_the_smallest_and_ends_with_those_of_none() -> None:
    lyon, lille = SITES[1:3]
    fleet = make_fleet([lyon, lyon, lyon, lille, None], {SiteId("sit_lyon")})

    waves = plan_waves(fleet, WaveOrder.SITE_BY_SITE, [])

    assert [(wave.kind, wave.site_id, len(wave.device_ids)) for wave in waves] == [
        (WaveKind.SITE, lille, 1),
        (WaveKind.SITE, lyon, 4),
        (WaveKind.SHARE, None, 1),
    ]


@pytest.mark.parametrize("text", ["5%, 25%", "10, 100", "1, 50%", ""])
def test_what_people_write_is_kept(text: str) -> None:
    assert format_shares(parse_shares(text)) == text


@pytest.mark.parametrize(
    "text", ["0", "0%", "100%", "60%, 60%", "-5", "5%%", "x", "1.5", "٥", "9" * 50, ",".join(["1"] * 11)]
)
def test_what_cuts_no_fleet_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        parse_shares(text)
    assert refusal.value.code == "waves_malformed"
