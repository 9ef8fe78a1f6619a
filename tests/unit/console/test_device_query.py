"""The devices page's address: what it means, and what it says back."""

import pytest

from cebox.console.devices.query import COLUMNS, USUAL_COLUMNS, Query
from cebox.console.devices.records import FleetPart, FleetSummary, Order
from cebox.domain.device import DeviceKind
from cebox.domain.ids import AccountId
from cebox.domain.version import Version
from cebox.protocol.device import BoxPhase

_OLD, _NEW = Version.parse("2026.10.1"), Version.parse("2026.11.1")


def test_an_address_comes_back_in_one_spelling_without_what_is_empty() -> None:
    text = "order=-seen&search=LYO+%26+co&site=&version=behind&on=1&unknown=x"
    assert Query.parse(text).text == "search=LYO+%26+co&version=behind&on=1&order=-seen"
    assert Query.parse(Query.parse(text).text) == Query.parse(text)


@pytest.mark.parametrize(
    "text",
    [
        "version=latest",
        "kind=toaster",
        "phase=%00",
        "on=2",
        "order=colour",
        "update=tomorrow",
        "columns=site.secret",
        "columns=.",
        "search=%00%20",
        "&&=&;=",
    ],
)
def test_what_nobody_knows_counts_as_nothing(text: str) -> None:
    assert Query.parse(text) == Query()


def test_an_endless_text_is_cut() -> None:
    assert len(Query.parse("search=" + "a" * 100_000).search) <= 200


def test_filters_are_what_the_address_says() -> None:
    filters = Query.parse(
        "site=none&version=behind&on=0&update=attention&kind=wrs&phase=staged&order=-seen"
    ).to_filters()
    assert (filters.site_id, filters.is_behind, filters.is_on) == ("", True, False)
    assert filters.needs_attention
    assert (filters.kind, filters.phase) == (DeviceKind.WRS, BoxPhase.STAGED)
    assert (filters.order, filters.is_reversed) == (Order.SEEN, True)


@pytest.mark.parametrize("name", COLUMNS)
def test_a_column_shown_and_hidden_again_leaves_the_usual_ones(name: str) -> None:
    once = Query(columns=Query().toggle_column(name))
    assert (name in once.shown_columns) != (name in USUAL_COLUMNS)
    assert Query(columns=once.toggle_column(name)) == Query()


def test_the_last_column_cannot_be_hidden() -> None:
    assert Query(columns=Query(columns="site").toggle_column("site")).shown_columns == ("site",)


def _group(kind: DeviceKind, phase: BoxPhase, running: Version | None, count: int) -> FleetPart:
    return FleetPart(AccountId("acc_1"), kind, phase, running, count)


def test_a_fleet_is_summed_up_from_its_groups() -> None:
    groups = (
        _group(DeviceKind.WRS, BoxPhase.IDLE, _NEW, 2),
        _group(DeviceKind.CEBOX, BoxPhase.IDLE, _OLD, 30),
        _group(DeviceKind.CEBOX, BoxPhase.STAGED, _OLD, 4),
        _group(DeviceKind.CEBOX, BoxPhase.IDLE, None, 1),
    )
    summary = FleetSummary(groups, _NEW)
    assert (summary.total, summary.box_count, summary.server_count) == (37, 35, 2)
    assert (summary.behind_count, summary.ready_count) == (34, 4)
    assert list(summary.versions.items()) == [(_NEW, 2), (_OLD, 34)]
