from tests.integration.cli.conftest import NEW, OLD, TAG, AddBox, Fleet
from tests.integration.cli.scripted_box import ScriptedBox

BEFORE = "2026.10.1"


def test_a_group_takes_the_accounts_version(fleet: Fleet, add_box: AddBox) -> None:
    boxes = [add_box(running=BEFORE), add_box(running=BEFORE)]
    said = fleet.admin.must("group", "update", *(box.name for box in boxes))
    assert "update: 2 installed, waits for a reboot" in said.out
    assert {box.staged for box in boxes} == {OLD}
    said = fleet.admin.must("group", "reboot", *(box.name for box in boxes))
    assert "reboot: 2 done" in said.out
    assert said.out.count("update done") == 2
    assert {box.running for box in boxes} == {OLD}


def test_a_group_of_a_site_skips_and_names_what_cannot_take_it(fleet: Fleet, add_box: AddBox) -> None:
    fleet.admin.must("site", "create", "Nantes")
    behind, there = add_box(site="Nantes", running=BEFORE), add_box(site="Nantes")
    said = fleet.admin.must("group", "update", "--site", "Nantes", "--json")
    assert said.json["command"]["counts"]["staged"] == 1
    assert said.json["command"]["refusals"] == [{"device_id": there.device_id, "finding": "already_there"}]
    assert behind.staged == OLD


def test_a_tag_in_a_group_is_refused_by_the_console(fleet: Fleet, add_box: AddBox) -> None:
    box = add_box()
    said = fleet.admin.type("group", "update", box.name, "--tag", TAG)
    assert (said.code, said.problem) == (2, "group_takes_no_tag")
    assert box.orders == []


def test_one_bad_end_is_the_groups(fleet: Fleet, add_box: AddBox) -> None:
    good, bad = add_box(running=BEFORE), add_box(running=BEFORE, fails_with="disk_full")
    said = fleet.admin.type("group", "update", good.name, bad.name)
    assert said.code == 9
    assert "1 failed" in said.out


def test_a_trial_that_falls_back_in_a_group_is_named(fleet: Fleet, add_box: AddBox) -> None:
    box = add_box(running=BEFORE, rolls_back=True)
    fleet.admin.must("group", "update", box.name)
    said = fleet.admin.type("group", "reboot", box.name)
    assert said.code == 9
    assert f"{box.name}: update rolled back [trial_failed]" in said.out


def test_a_viewer_sends_no_group_command(fleet: Fleet, add_box: AddBox) -> None:
    box = add_box(running=BEFORE)
    assert fleet.viewer.type("group", "update", box.name).problem == "role_may_not"
    assert box.orders == []


def test_one_unknown_name_sends_nothing(fleet: Fleet, add_box: AddBox) -> None:
    box = add_box(running=BEFORE)
    assert fleet.admin.type("group", "update", box.name, "no-such-box").problem == "device_unknown"
    assert box.orders == []
    assert NEW not in (box.staged or "")


def test_a_group_is_one_accounts(fleet: Fleet, add_box: AddBox) -> None:
    fleet.operator.must("account", "create", "Lycée Ouest", OLD)
    box = add_box(running=BEFORE)
    key = fleet.operator.must("key", "create", "ouest", "--account", "Lycée Ouest", "--json")
    other = ScriptedBox(fleet.console.url, "west-1", BEFORE)
    other.enrol(key.json["token"])
    said = fleet.operator.type("group", "update", box.name, "west-1")
    assert (said.code, said.problem) == (2, "group_of_several_accounts")
    assert "Lycée Ouest" in fleet.operator.must("device", "list").out
    other.stop()
    assert box.orders == []
