"""`cebox account set`: the notice that people get before a restart, by the customer and for it by the vendor."""

import pytest

from tests.integration.cli.conftest import ACCOUNT, OLD, Fleet


def test_a_customer_sets_its_own_notice_step_by_step(fleet: Fleet) -> None:
    said = fleet.admin.must("account", "set", "--countdown", "10min", "--postpone", "1h", "--postponements", 2).out
    assert said == f"{ACCOUNT}: restarts and shutdowns are announced 10 min before, postponed 2 times at most by 1 h.\n"
    said = fleet.admin.must("account", "set", "--postponements", 0).out
    assert said == f"{ACCOUNT}: restarts and shutdowns are announced 10 min before, never postponed.\n"
    said = fleet.admin.must("account", "set", ACCOUNT, "--countdown", "0").out
    assert said == f"{ACCOUNT}: restarts and shutdowns are done at once, whoever is signed in.\n"
    assert "restarts     done at once" in fleet.viewer.must("account", "show", ACCOUNT).out
    notice = fleet.admin.must("account", "set", "--countdown", "5 min", "--postponements", 3, "--json").json
    assert notice == {"countdown_minutes": 5, "postpone_minutes": 60, "most_postponements": 3}


def test_the_vendor_names_the_account(fleet: Fleet) -> None:
    fleet.operator.must("account", "create", "Lycée du Parc", OLD)
    assert fleet.operator.type("account", "set", "--countdown", "10min").problem == "account_missing"
    said = fleet.operator.must("account", "set", "Lycée du Parc", "--postponements", 1).out
    assert "announced 5 min before, postponed once at most by 30 min" in said


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        ([], "nothing_to_set"),
        (["--countdown", "soon"], "duration_malformed"),
        (["--countdown", "5"], "duration_malformed"),
        (["--postpone", "90s"], "duration_malformed"),
        (["--countdown", "2h"], "countdown_out_of_range"),
        (["--postpone", "9h"], "postponement_out_of_range"),
        (["--postponements", "11"], "too_many_postponements"),
        (["Nowhere", "--countdown", "5min"], "account_unknown"),
    ],
)
def test_what_cannot_be_is_refused_with_a_way_out(words: list[str], problem: str, fleet: Fleet) -> None:
    said = fleet.admin.type("account", "set", *words)
    assert said.problem == problem
    assert "hint: " in said.err


def test_a_viewer_sets_nothing(fleet: Fleet) -> None:
    assert fleet.viewer.type("account", "set", "--countdown", "0").problem == "role_may_not"
