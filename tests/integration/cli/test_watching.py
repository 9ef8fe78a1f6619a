"""What a person at a terminal sees while a device works, and what does not depend on them looking."""

from tests.integration.cli.conftest import NEW, OLD, TAG, AddBox, Fleet
from tests.integration.cli.terminal import Terminal


def test_a_live_bar_shows_bytes_and_the_end_what_was_taken(fleet: Fleet, add_box: AddBox) -> None:
    box = add_box(is_stuck=True)
    with Terminal(fleet.admin.config, "device", "update", box.name, "--tag", TAG) as terminal:
        terminal.wait_for(f"{box.name}: update downloading")
        terminal.wait_for("4.1 MB of 12.3 MB, 1.4 MB/s, 6 s left")
        box.let_go()
        terminal.wait_for(f"took {NEW}")
        assert terminal.wait() == 0


def test_ctrl_c_leaves_the_action_running_and_says_so(fleet: Fleet, add_box: AddBox) -> None:
    box = add_box(is_stuck=True)
    with Terminal(fleet.admin.config, "device", "update", box.name, "--tag", TAG) as terminal:
        terminal.wait_for(f"{box.name}: update downloading")
        terminal.interrupt()
        assert terminal.wait() == 130
        assert "what was sent goes on" in terminal.seen
        assert "Traceback" not in terminal.seen
    box.let_go()
    shown = fleet.admin.must("device", "show", box.name, "--json").json["device"]
    assert [action["state"] for action in shown["open_actions"]] in (["downloading"], ["staged"])


def test_a_warning_is_asked_about_and_no_sends_nothing(fleet: Fleet, add_box: AddBox) -> None:
    box = add_box(running="2026.12.1")
    with Terminal(fleet.admin.config, "device", "update", box.name) as terminal:
        terminal.wait_for("older than the one that runs")
        terminal.wait_for("Go on? [y/N]")
        terminal.type_line("n")
        assert terminal.wait() == 130
    assert box.orders == []


def test_yes_needs_no_question(fleet: Fleet, add_box: AddBox) -> None:
    box = add_box(running="2026.12.1")
    with Terminal(fleet.admin.config, "device", "update", box.name, "--yes") as terminal:
        assert terminal.wait() == 0
        assert "Go on?" not in terminal.seen
    assert box.staged == OLD


def test_a_group_is_asked_about_with_its_size(fleet: Fleet, add_box: AddBox) -> None:
    box = add_box(running="2026.10.1")
    with Terminal(fleet.admin.config, "group", "update", box.name) as terminal:
        terminal.wait_for("Send update to 1 of 1 devices? [y/N]")
        terminal.type_line("y")
        assert terminal.wait() == 0
    assert box.staged == OLD


def test_a_console_that_is_killed_and_comes_back_is_waited_for(fleet: Fleet, add_box: AddBox) -> None:
    box = add_box(is_stuck=True)
    with Terminal(fleet.admin.config, "device", "update", box.name, "--tag", TAG) as terminal:
        terminal.wait_for(f"{box.name}: update downloading")
        fleet.console.kill()
        terminal.wait_for("trying again")
        fleet.console.start()
        box.let_go()
        terminal.wait_for(f"took {NEW}")
        assert terminal.wait() == 0


def test_a_password_is_asked_for_unseen(fleet: Fleet) -> None:
    config = fleet.folder / "asked.json"
    with Terminal(config, "login", fleet.console.url) as terminal:
        terminal.wait_for("Email: ")
        terminal.type_line("account-viewer@example.org")
        terminal.wait_for("Password: ")
        terminal.type_line("correct horse battery")
        assert terminal.wait() == 0
        assert "correct horse" not in terminal.seen
        assert "Signed in as account-viewer@example.org (account-viewer)." in terminal.seen


def test_ctrl_c_at_a_question_sends_nothing(fleet: Fleet, add_box: AddBox) -> None:
    box = add_box(running="2026.12.1")
    with Terminal(fleet.admin.config, "device", "update", box.name) as terminal:
        terminal.wait_for("Go on?")
        terminal.interrupt()
        assert terminal.wait() == 130
        assert "Traceback" not in terminal.seen
    assert box.orders == []
