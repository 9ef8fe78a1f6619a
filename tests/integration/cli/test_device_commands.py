import pytest

from tests.integration.cli.conftest import NEW, OLD, SITE, TAG, AddBox, Fleet


def test_an_update_is_foretold_watched_and_told(fleet: Fleet, add_box: AddBox) -> None:
    box = add_box()
    said = fleet.admin.must("device", "update", box.name, "--tag", TAG)
    assert said.out.startswith(f"{box.name} will take {NEW} from the cloud; ")
    assert f"asked {TAG} ({NEW}); took {NEW}, the tag asked, from the cloud, full, 12.3 MB" in said.out
    assert f"cebox device reboot {box.name}" in said.out
    assert box.staged == NEW


def test_a_reboot_follows_the_update_it_finalises(fleet: Fleet, add_box: AddBox) -> None:
    box = add_box()
    fleet.admin.must("device", "update", box.name, "--tag", TAG)
    said = fleet.admin.must("device", "reboot", box.name)
    assert f"{box.name} will try {NEW} now" in said.out
    assert f"{box.name}: update done" in said.out
    assert box.running == NEW


def test_a_trial_that_falls_back_is_a_bad_end(fleet: Fleet, add_box: AddBox) -> None:
    box = add_box(rolls_back=True)
    fleet.admin.must("device", "update", box.name, "--tag", TAG)
    said = fleet.admin.type("device", "reboot", box.name)
    assert said.code == 9
    assert "rolled back [trial_failed]" in said.out
    assert "it fell back by itself" in said.out


def test_an_update_that_fails_is_a_bad_end(fleet: Fleet, add_box: AddBox) -> None:
    box = add_box(fails_with="disk_full")
    said = fleet.admin.type("device", "update", box.name, "--tag", TAG)
    assert said.code == 9
    assert "failed [disk_full]" in said.out


def test_json_is_the_action_alone(fleet: Fleet, add_box: AddBox) -> None:
    box = add_box()
    said = fleet.admin.must("device", "update", box.name, "--tag", TAG, "--json")
    assert said.json["state"] == "staged"
    assert said.json["taken"]["version"] == NEW


def test_no_wait_returns_at_once(fleet: Fleet, add_box: AddBox) -> None:
    box = add_box(is_stuck=True)
    said = fleet.admin.must("device", "update", box.name, "--tag", TAG, "--no-wait", "--json")
    assert said.json["state"] in ("waiting", "sent")
    box.let_go()


def test_a_device_is_shown_with_its_slots_and_history(fleet: Fleet, add_box: AddBox) -> None:
    box = add_box(site=SITE)
    fleet.admin.must("device", "update", box.name, "--tag", TAG)
    shown = fleet.viewer.must("device", "show", box.name).out
    assert f"runs         {OLD}" in shown
    assert f"staged       {NEW} (waits for a reboot)" in shown
    assert "enrolled" in shown
    assert fleet.viewer.must("device", "show", box.device_id, "--json").json["device"]["name"] == box.name


def test_devices_are_listed_and_filtered(fleet: Fleet, add_box: AddBox) -> None:
    box, other = add_box(site=SITE), add_box()
    assert box.name in fleet.viewer.must("device", "list", "--site", SITE.lower()).out
    names = {one["name"] for one in fleet.viewer.must("device", "list", "--search", other.name, "--json").json}
    assert names == {other.name}
    assert fleet.viewer.must("device", "list", "--search", "no such box").err == "No such device.\n"


def test_the_vendor_names_the_account_it_looks_at(fleet: Fleet, add_box: AddBox) -> None:
    box = add_box()
    assert box.name in fleet.operator.must("device", "list", "--account", "atelier nord").out
    assert fleet.operator.type("device", "list", "--account", "Atelier Sud").problem == "account_unknown"
    assert fleet.operator.type("site", "create", "Paris").problem == "account_missing"


@pytest.mark.parametrize("verb", ["update", "reboot", "shutdown"])
def test_a_device_that_is_off_is_refused_with_a_hint(fleet: Fleet, verb: str) -> None:
    box = fleet.add_box()
    said = fleet.admin.type("device", verb, box.name)
    assert (said.code, said.problem) == (5, "device_off")
    box.stop()


def test_an_update_may_wait_for_the_next_start(fleet: Fleet, add_box: AddBox) -> None:
    box = fleet.add_box()
    said = fleet.admin.must("device", "update", box.name, "--tag", TAG, "--at-next-start")
    assert f"It runs when {box.name} comes on, until 20" in said.out
    assert "waiting" in fleet.admin.must("device", "list", "--search", box.name).out
    assert "cancelled" in fleet.admin.must("device", "cancel", box.name).out
    assert "nothing to cancel" in fleet.admin.must("device", "cancel", box.name).out
    box.stop()


def test_what_overrules_a_tag_is_said_and_nobody_is_asked(fleet: Fleet, add_box: AddBox) -> None:
    fleet.admin.must("site", "create", "Brest")
    add_box(kind="wrs", site="Brest")
    box = add_box(site="Brest", running="2026.10.1")
    said = fleet.admin.must("device", "update", box.name, "--tag", TAG, "--no-wait")
    assert f"will take {OLD} from the WRS of Brest, not the tag {TAG} ({NEW})" in said.out
    assert "warning: the WRS of Brest decides, not what was asked" in said.err


def test_an_unknown_device_is_answered_with_those_that_come_near(fleet: Fleet, add_box: AddBox) -> None:
    box = add_box()
    said = fleet.admin.type("device", "update", box.name[:-2])
    assert (said.code, said.problem) == (3, "device_unknown")
    assert box.name in said.err


def test_an_unknown_tag_is_refused(fleet: Fleet, add_box: AddBox) -> None:
    said = fleet.admin.type("device", "update", add_box().name, "--tag", "no-such-tag")
    assert (said.code, said.problem) == (3, "tag_unknown")
    assert "cebox tag list" in said.err


def test_a_tag_that_cannot_be_one_is_refused_before_it_is_sent(fleet: Fleet) -> None:
    said = fleet.admin.type("device", "update", "any", "--tag", "Essai 2026")
    assert (said.code, said.problem) == (2, "tag_malformed")


def test_a_viewer_looks_and_does_not_act(fleet: Fleet, add_box: AddBox) -> None:
    box = add_box()
    said = fleet.viewer.type("device", "update", box.name)
    assert said.problem in ("role_may_not", "already_there")
    said = fleet.viewer.type("device", "reboot", box.name)
    assert (said.code, said.problem) == (4, "role_may_not")
    assert box.orders == []


def test_a_shutdown_is_watched_to_its_end(fleet: Fleet, add_box: AddBox) -> None:
    box = add_box()
    assert "shutdown done" in fleet.admin.must("device", "shutdown", box.name).out
