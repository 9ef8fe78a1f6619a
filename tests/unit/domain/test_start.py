"""Starting a box over its site's network: when it can be tried, and by which addresses."""

from dataclasses import replace

import pytest

from cebox.domain.action import DEADLINES, START_DEADLINE, ActionKind, ActionState, find_deadline
from cebox.domain.device import Device, DeviceKind, Place, Slots
from cebox.domain.ids import AccountId, DeviceId, SiteId
from cebox.domain.preflight import Finding
from cebox.domain.start import MOST_ADDRESSES, clean_lan_addresses, find_start_findings, parse_lan_address
from cebox.errors import InvalidInput

ADDRESS = "02:00:5e:10:00:07"
SITE = SiteId("sit_1")
BOX = Device(
    DeviceId("dev_1"), AccountId("acc_1"), DeviceKind.CEBOX, Place.SITE, Slots(None), is_on=False, site_id=SITE
)
WRS = Device(DeviceId("dev_2"), AccountId("acc_1"), DeviceKind.WRS, Place.SITE, Slots(None), is_on=True, site_id=SITE)


def test_a_box_that_is_off_on_the_site_of_a_wrs_that_is_on_can_be_started() -> None:
    assert find_start_findings(BOX, [ADDRESS], WRS) == ()


@pytest.mark.parametrize(
    ("box", "addresses", "wrs", "findings"),
    [
        (replace(BOX, is_on=True), [], None, (Finding.ALREADY_ON,)),
        (BOX, [ADDRESS], None, (Finding.NO_SITE_WRS,)),
        (BOX, [ADDRESS], replace(WRS, is_on=False), (Finding.SITE_WRS_OFF,)),
        (replace(BOX, place=Place.AWAY), [ADDRESS], WRS, (Finding.LAST_SEEN_AWAY,)),
        (replace(WRS, is_on=False), [ADDRESS], replace(WRS, is_on=False), (Finding.NO_SITE_WRS,)),
        (BOX, [], WRS, (Finding.NO_LAN_ADDRESS,)),
        (BOX, [], None, (Finding.NO_SITE_WRS, Finding.NO_LAN_ADDRESS)),
    ],
)
def test_what_stands_in_the_way_is_said(
    box: Device, addresses: list[str], wrs: Device | None, findings: tuple[Finding, ...]
) -> None:
    assert find_start_findings(box, addresses, wrs) == findings


def test_nobody_starts_a_box_that_is_being_started() -> None:
    assert find_start_findings(BOX, [ADDRESS], WRS, is_starting=True) == (Finding.DEVICE_BUSY,)


@pytest.mark.parametrize("text", [" 02:00:5E:10:00:07 ", "02-00-5e-10-00-07"])
def test_an_address_is_read_as_people_write_it(text: str) -> None:
    assert parse_lan_address(text) == ADDRESS


@pytest.mark.parametrize(
    "text",
    ["", "02:00:5e:10:00", "02:00:5e:10:00:07:08", "00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff", "01:00:5e:00:00:01", "gg"],
)
def test_what_no_card_has_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_lan_address(text)
    assert caught.value.code == "lan_address_malformed"


def test_a_machine_has_each_address_once_and_not_endlessly_many() -> None:
    many = [f"02:00:00:00:00:{number:02x}" for number in range(40)]
    assert clean_lan_addresses([ADDRESS, "nonsense", ADDRESS.upper()]) == (ADDRESS,)
    assert len(clean_lan_addresses(many)) == MOST_ADDRESSES


def test_a_start_is_waited_for_less_long_than_an_update() -> None:
    assert find_deadline(ActionKind.START, ActionState.REBOOTING) == START_DEADLINE
    assert find_deadline(ActionKind.UPDATE, ActionState.REBOOTING) == DEADLINES[ActionState.REBOOTING]
    assert find_deadline(ActionKind.START, ActionState.DONE) is None
