"""A box is answered at once for news only, and an order it does not acknowledge is repeated, but not in a loop."""

from msgspec.structs import replace

from cebox.console.boxes.told import REPEAT_SECONDS, Told
from cebox.domain.ids import DeviceId
from cebox.protocol.device import Order, SiteInfo, SiteServerInfo, SyncResponse

BOX = DeviceId("dev_1")
QUIET = SyncResponse(time="2026-11-22T10:00:00Z", account_version="2026.11.1", site=SiteInfo(id="sit_1", name="Lyon"))
ORDERED = replace(QUIET, orders=(Order(id="act_1", kind="update", version="2026.11.1"),))


class Ticks:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_everything_is_news_to_a_box_nobody_remembers() -> None:
    assert Told().seconds_until_news(BOX, QUIET) == 0


def test_the_same_again_is_no_news_though_time_goes_on() -> None:
    told = Told()
    told.note(BOX, QUIET)

    assert told.seconds_until_news(BOX, replace(QUIET, time="2026-11-22T11:00:00Z")) is None
    assert told.seconds_until_news(DeviceId("dev_2"), QUIET) == 0


def test_each_fact_that_changes_is_news() -> None:
    told = Told()
    told.note(BOX, QUIET)
    server = SiteServerInfo(device_id="dev_9", url="http://10.0.0.1:1", public_key="k", version="2026.11.1")

    for changed in (
        replace(QUIET, account_version="2026.12.1"),
        replace(QUIET, repository_url="http://127.0.0.1:1"),
        replace(QUIET, site=None),
        replace(QUIET, site=SiteInfo(id="sit_1", name="Lyon", server=server)),
        replace(QUIET, cancelled=("act_1",)),
        ORDERED,
    ):
        assert told.seconds_until_news(BOX, changed) == 0


def test_an_order_told_is_told_again_after_a_while_only() -> None:
    ticks = Ticks()
    told = Told(_tick=ticks)
    told.note(BOX, ORDERED)

    assert told.seconds_until_news(BOX, ORDERED) == REPEAT_SECONDS
    ticks.now += REPEAT_SECONDS
    assert told.seconds_until_news(BOX, ORDERED) == 0


def test_an_order_that_is_withdrawn_is_news_though_its_name_was_told() -> None:
    told = Told()
    told.note(BOX, ORDERED)

    assert told.seconds_until_news(BOX, replace(QUIET, cancelled=("act_1",))) == 0
    told.note(BOX, replace(QUIET, cancelled=("act_1",)))
    assert told.seconds_until_news(BOX, replace(QUIET, cancelled=("act_1",))) is None
