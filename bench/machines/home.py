"""A box away from its site: from an empty disk to a working system, an update, and a release that is no good."""

from bench.machines.falling_back import judge_fall_back
from bench.machines.stage import Stage
from cebox.domain.action import ActionState
from cebox.lab import plan
from cebox.lab.hands import Hands
from cebox.lab.vm.guest import Guest
from cebox.lab.vm.sticks import Wanted

NAME = plan.TELEWORK.name


def prove_home(stage: Stage) -> None:
    hands = stage.open_hands()
    guest = stage.add_guest(NAME)
    _install(stage, hands, guest)
    _update(stage, hands, guest)
    _fall_back(stage, hands, guest)
    guest.computer.cut_power()


def _install(stage: Stage, hands: Hands, guest: Guest) -> None:
    stick = stage.make_stick(hands, Wanted(guest.name, site=plan.LYON))
    stage.measure("key/bytes", stick.stat().st_size, "bytes")
    stage.measure("key/install_s", guest.install(stick), "s", note="power on, installed, off")
    stick.unlink()
    guest.computer.switch_on()
    hands.wait_on([guest.name])
    ready_seconds = guest.computer.console.elapsed_seconds
    stage.measure("boot/ready_s", ready_seconds, "s", note="power on to enrolled, at the first start")
    guest.wait_until_blessed(stage.old)
    device = hands.get_device(guest.name)
    stage.note(
        "key",
        "an empty disk, installed from a key, starts, enrols and is seen in the console",
        device.running == str(stage.old) and device.site_name == plan.LYON,
        f"{device.name} runs {device.running}, {device.place}",
    )


def _update(stage: Stage, hands: Hands, guest: Guest) -> None:
    mark = guest.mark
    update = hands.update(guest.name, plan.TEST_TAG)
    begun = guest.wait_for_state("downloading", after=mark)
    written = guest.wait_for_state("verifying", after=mark)
    staged = guest.wait_for_state("staged", after=mark)
    waiting = hands.wait_state(update, ActionState.STAGED)
    entries = guest.wait_for_version(stage.old, rf"\S*cebox_{stage.new}\+3\.efi\S*", after=mark)
    stage.measure("update/download_s", written.seconds - begun.seconds, "s", note="both images, written as they arrive")
    stage.measure("update/write_s", staged.seconds - written.seconds, "s", note="read back, boot entry")
    mark = guest.mark
    done = hands.reboot_and_finish(guest.name, update)
    blessed = guest.wait_until_blessed(stage.new, after=mark)
    stage.measure("update/reboot_s", blessed.seconds - staged.seconds, "s", note="staged to blessed on the new release")
    stage.measure("agent/guest_rss_mib", max(guest.list_memory_mib(), default=None), "MiB", "<= 64")
    source = guest.find_source()
    stage.note(
        "R7",
        "a box away takes the tag's version straight from the cloud; only the restart finalises",
        waiting.state == ActionState.STAGED and done.state == ActionState.DONE and source == "cloud",
        f"from {source}, {entries.text.partition('entries=')[2]} → {blessed.text.partition('entries=')[2]}",
    )


def _fall_back(stage: Stage, hands: Hands, guest: Guest) -> None:
    operator = stage.open_hands(plan.OPERATOR).console
    operator.hand_out_tag(plan.BAD_TAG, str(stage.bad), [stage.get_account(hands).id], "")
    update = hands.update_and_stage(guest.name, plan.BAD_TAG)
    mark = guest.mark
    hands.reboot(guest.name)
    guest.wait_for_version(stage.bad, after=mark)
    ending = judge_fall_back(stage, hands, guest, update, stage.bad, stage.new, after=mark, rule="R8")
    stage.measure("bad/health/outcome", int(ending.is_right), "", "== 1", note=ending.state)
