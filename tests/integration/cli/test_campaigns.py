import csv
import io
import time
from pathlib import Path

from tests.integration.cli.command import Person
from tests.integration.cli.conftest import AddBox, Fleet

BEFORE = "2026.10.1"
_PATIENCE_SECONDS = 30.0


def test_a_campaign_is_foretold_started_watched_and_reported(fleet: Fleet, add_box: AddBox, tmp_path: Path) -> None:
    good, there = add_box(running=BEFORE), add_box()
    words = ("--device", good.name, "--device", there.name, "--waves", "1")
    foretold = fleet.admin.must("campaign", "start", "Autumn", *words, "--dry-run")
    fleet.admin.must("campaign", "start", "Autumn", *words, "--yes")
    watched = fleet.admin.must("campaign", "watch", "Autumn")
    listed = fleet.admin.must("campaign", "list")
    devices = fleet.admin.must("campaign", "devices", "Autumn", "--state", "done", "--json")
    fleet.admin.must("campaign", "report", "Autumn", "--output", tmp_path / "report.csv")

    assert f"{there.name} has it already" in foretold.err
    assert "1 of 2 devices" in foretold.err
    assert "completed" in watched.out
    assert "2 done" in listed.out
    assert {one["name"] for one in devices.json} == {good.name, there.name}
    rows = list(csv.DictReader(io.StringIO((tmp_path / "report.csv").read_text())))
    assert {row["outcome"] for row in rows} == {"done"}


def test_a_campaign_that_stops_ends_badly_and_is_ended_by_hand(fleet: Fleet, add_box: AddBox) -> None:
    bad, late = add_box(running=BEFORE, rolls_back=True), add_box(running=BEFORE)
    names = sorted((bad.name, late.name))
    words = [word for name in names for word in ("--device", name)]
    fleet.admin.must("campaign", "start", "Winter", *words, "--waves", "1", "--at-once", "1", "--yes")
    watched = fleet.admin.type("campaign", "watch", "Winter")
    refused = fleet.viewer.type("campaign", "end", "Winter", "--yes")
    twice = fleet.admin.type("campaign", "pause", "Winter")
    fleet.admin.must("campaign", "end", "Winter", "--yes")

    assert watched.code == 9
    assert "rolled back" in watched.out
    assert (refused.problem, twice.problem) == ("role_may_not", "campaign_event_refused")
    assert _wait_until_ended(fleet.admin, "Winter")


def test_a_campaign_pauses_and_goes_on(fleet: Fleet, add_box: AddBox) -> None:
    box = add_box(running=BEFORE)
    # A window that is closed for days keeps it where it is.
    fleet.admin.must(
        *("campaign", "start", "Night", "--device", box.name, "--yes"),
        *("--hours", "03:00-03:01", "--days", str((time.gmtime().tm_wday + 3) % 7 + 1), "--zone", "UTC"),
    )
    paused = fleet.admin.must("campaign", "pause", "Night")
    resumed = fleet.admin.must("campaign", "resume", "Night")
    shown = fleet.admin.must("campaign", "show", "Night")
    retried = fleet.admin.type("campaign", "retry", "Night")
    fleet.admin.must("campaign", "end", "Night", "--yes")

    assert ("paused" in paused.out, "goes on" in resumed.out) == (True, True)
    assert "running" in shown.out
    assert retried.problem == "nothing_to_retry"
    assert box.orders == []


def test_words_that_name_nobody_or_no_day_are_refused(fleet: Fleet) -> None:
    for words, problem in (
        (("start", "X"), "campaign_words_missing"),
        (("start", "X", "--behind", "--all"), "campaign_words_missing"),
        (("start", "X", "--all", "--hours", "19:00-05:00", "--days", "8"), "days_malformed"),
        (("start", "X", "--all", "--waves", "200%"), "waves_malformed"),
        (("show", "no-such-campaign"), "campaign_unknown"),
    ):
        assert fleet.admin.type("campaign", *words).problem == problem
    assert not any(one["name"] == "X" for one in fleet.admin.must("campaign", "list", "--json").json)


def _wait_until_ended(admin: Person, name: str) -> bool:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while admin.must("campaign", "show", name, "--json").json["state"] != "ended":
        assert time.monotonic() < deadline
        time.sleep(0.2)
    return True
