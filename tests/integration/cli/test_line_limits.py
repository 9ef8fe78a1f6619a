"""`cebox site limit`: how much and when a site may fetch from the cloud, and what is said of it before and while."""

import pytest

from tests.integration.cli.command import Person
from tests.integration.cli.conftest import SITE, Fleet


def bandwidth(person: Person) -> str:
    return next(line for line in person.must("site", "list").out.splitlines() if line.startswith(SITE))


def test_a_site_is_limited_step_by_step_and_set_free(fleet: Fleet) -> None:
    said = fleet.admin.must("site", "limit", SITE, "--rate", "16Mbit/s").out
    assert said == f"{SITE}: 16 Mbit/s.\n"
    said = fleet.admin.must("site", "limit", SITE, "--hours", "22:00-06:00", "--zone", "Europe/Paris").out
    assert said == f"{SITE}: 16 Mbit/s, 22:00-06:00 Europe/Paris.\n"
    assert "16 Mbit/s, 22:00-06:00 Europe/Paris" in bandwidth(fleet.viewer)
    assert fleet.admin.must("site", "limit", SITE, "--hours", "").out == f"{SITE}: 16 Mbit/s.\n"
    assert fleet.admin.must("site", "limit", SITE, "--none").out == f"{SITE}: no limit.\n"


def test_the_accounts_limits_hold_where_a_site_has_none(fleet: Fleet) -> None:
    fleet.admin.must("site", "limit", "--all", "--rate", "2MB/s")
    assert fleet.admin.must("site", "limit", SITE, "--as-account").out == f"{SITE}: 16 Mbit/s.\n"
    limits = fleet.admin.must("site", "limit", "--all", "--none", "--json").json
    assert limits == {"download_bytes_per_second": None, "download_window": "", "time_zone": "UTC"}
    assert "no limit" in bandwidth(fleet.viewer)


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        ([SITE, "--rate", "fast"], "download_rate_out_of_range"),
        ([SITE, "--rate", "1kbit/s"], "download_rate_out_of_range"),
        ([SITE, "--hours", "at night"], "download_window_malformed"),
        ([SITE, "--zone", "Europe/Lyon"], "time_zone_unknown"),
        (["Nowhere", "--none"], "site_unknown"),
        ([SITE, "--all"], "site_missing"),
        ([], "site_missing"),
    ],
)
def test_what_cannot_be_is_refused_by_its_name(words: list[str], problem: str, fleet: Fleet) -> None:
    assert fleet.admin.type("site", "limit", *words).problem == problem


def test_a_viewer_limits_nothing(fleet: Fleet) -> None:
    assert fleet.viewer.type("site", "limit", SITE, "--none").problem == "role_may_not"
