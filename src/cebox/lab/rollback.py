"""A release whose trial fails: the box falls back by itself, says so, and does not try it again by itself."""

from cebox.domain.action import ActionState
from cebox.lab import plan
from cebox.lab.evidence import Evidence
from cebox.lab.procedure import CLINIC_SECOND, Procedure


def prove_rollback(procedure: Procedure) -> None:
    """Publish it, hand it out to the clinic with a tag, and follow one box through it."""
    world, sud = procedure.world, procedure.actors.sud
    bad = world.vendor.build(plan.BAD)
    world.vendor.publish(bad)
    operator = procedure.actors.operator.console
    operator.refresh_releases()
    account = next(one for one in operator.list_accounts() if one.name == plan.SUD)
    operator.hand_out_tag(plan.BAD_TAG, str(plan.BAD.version), [account.id], "")
    procedure.evidence = Evidence(world, list(world.vendor.list_built()))
    before = procedure.read(CLINIC_SECOND)
    update = sud.update_and_stage(CLINIC_SECOND, plan.BAD_TAG)
    is_staged = (other := procedure.read(CLINIC_SECOND).other) is not None and other.version == plan.BAD.version
    sud.reboot(CLINIC_SECOND)
    ended = sud.wait_state(update, ActionState.ROLLED_BACK)
    after = procedure.read(CLINIC_SECOND)
    procedure.note(
        "R8",
        "a release whose trials fail falls back to the running one, and is reported as rolled back",
        is_staged and after.running == before.running and ended.state == ActionState.ROLLED_BACK,
        f"ended: {ended.state}, {ended.detail}",
    )
    operator.migrate_account(account.id, str(plan.BAD.version))
    machine = world.get_machine(CLINIC_SECOND)
    sud.wait_on([CLINIC_SECOND])
    procedure.power(machine.press_button())
    procedure.note(
        "R10",
        "a shutdown does not try it again by itself, though the account is on it now",
        procedure.read(CLINIC_SECOND).running == before.running
        and not procedure.evidence.would_start(CLINIC_SECOND, plan.BAD.version),
    )
