"""Admin API: an account's procedure as it stands, and what people choose for it."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter
from pydantic import Field

from cebox.console.gate import Administrator, Operator, TheConsole, Viewer
from cebox.console.procedure import service
from cebox.console.procedure.records import ChosenBox, Place, Procedure
from cebox.console.procedure.service import MOST_TEST_BOXES, ProcedureService, find_next
from cebox.console.wire import Answer, Asked, Identifier, VersionText
from cebox.domain.ids import AccountId, DeviceId
from cebox.domain.procedure import Advance, Hindrance, Stage, Step, StepKind, StepState
from cebox.domain.version import Version

router = APIRouter(tags=["procedure"])


class StepAnswer(Answer):
    """`tally` says how many of its devices are how far; `left` how many have not done this step."""

    kind: StepKind
    state: StepState
    total: int
    left: int
    tally: dict[Advance, int]


class BoxAnswer(Answer):
    device_id: str
    name: str
    advance: Advance


class PlaceAnswer(Answer):
    """One path: a site with its steps, or, without `site_id`, the boxes at home, which wait for no WRS. `boxes` are
    listed in the test only.
    """

    site_id: str | None
    site_name: str
    wrs_id: str | None
    steps: list[StepAnswer]
    boxes: list[BoxAnswer]


class NextAnswer(Answer):
    """The one thing to do now; `device_id` is whose dialog it is: the WRS's, or in a test the next box's."""

    site_id: str | None
    kind: StepKind
    device_id: str | None


class ApprovalAnswer(Answer):
    version: VersionText
    user_id: str
    at: datetime
    note: str


class ProcedureAnswer(Answer):
    """`target` is the version the steps lead to. `places` are the test's, `fleet` the whole account's."""

    account_id: str
    stage: Stage
    target: VersionText
    hindrance: Hindrance | None
    tag: str | None
    approval: ApprovalAnswer | None
    is_test_over: bool
    next: NextAnswer | None
    places: list[PlaceAnswer]
    fleet: list[PlaceAnswer]


class TestBody(Asked):
    """`tag` null: the newest version tag above the account's version. The boxes replace those chosen before."""

    tag: Annotated[str | None, Field(max_length=64)] = None
    device_ids: Annotated[list[Identifier], Field(max_length=MOST_TEST_BOXES)]


class ApprovalBody(Asked):
    """`note` is asked for while not every box of the test has proved the version."""

    version: VersionText
    note: Annotated[str, Field(max_length=4000)] = ""


@router.get("/accounts/{account_id}/procedure", summary="Where an account is in its procedure, and what is next")
async def show_procedure(caller: Viewer, console: TheConsole, account_id: str) -> ProcedureAnswer:
    async with console.database.read() as connection:
        procedure = await service.get_procedure(connection, caller.scope, AccountId(account_id), console.clock())
    return _make_answer(procedure)


@router.put("/accounts/{account_id}/procedure/test", summary="Choose the tag under test and the boxes to test it on")
async def choose_test(caller: Operator, console: TheConsole, account_id: str, body: TestBody) -> ProcedureAnswer:
    async with console.database.write() as unit:
        procedures = ProcedureService(unit, caller, console.clock)
        procedure = await procedures.choose_test(
            AccountId(account_id), tag=body.tag, device_ids=map(DeviceId, body.device_ids)
        )
    return _make_answer(procedure)


@router.put("/accounts/{account_id}/procedure/approval", summary="Say that the test went well")
async def approve_test(
    caller: Administrator, console: TheConsole, account_id: str, body: ApprovalBody
) -> ProcedureAnswer:
    version = Version.parse(body.version)
    async with console.database.write() as unit:
        procedures = ProcedureService(unit, caller, console.clock)
        return _make_answer(await procedures.approve(AccountId(account_id), version, body.note))


@router.delete("/accounts/{account_id}/procedure/approval", summary="Take the approval back: the test goes on")
async def withdraw_approval(caller: Administrator, console: TheConsole, account_id: str) -> ProcedureAnswer:
    async with console.database.write() as unit:
        procedures = ProcedureService(unit, caller, console.clock)
        return _make_answer(await procedures.withdraw_approval(AccountId(account_id)))


def _make_answer(procedure: Procedure) -> ProcedureAnswer:
    approval = procedure.choice.approval
    return ProcedureAnswer(
        account_id=procedure.account.id,
        stage=procedure.plan.stage,
        target=str(procedure.plan.target),
        hindrance=procedure.plan.hindrance,
        tag=procedure.test_tag.tag.name if procedure.test_tag else None,
        approval=ApprovalAnswer.model_validate(approval) if approval else None,
        is_test_over=procedure.is_test_over,
        next=_make_next(procedure),
        places=[_make_place(place) for place in procedure.places],
        fleet=[_make_place(place) for place in procedure.fleet],
    )


def _make_next(procedure: Procedure) -> NextAnswer | None:
    found = find_next(procedure)
    if found is None:
        return None
    wrs = found.place.wrs
    of_wrs = wrs.id if wrs and found.step.kind in (StepKind.UPDATE_WRS, StepKind.REBOOT_WRS) else None
    device_id = found.box.view.record.id if found.box else of_wrs
    return NextAnswer(site_id=found.place.site_id, kind=found.step.kind, device_id=device_id)


def _make_place(place: Place) -> PlaceAnswer:
    return PlaceAnswer(
        site_id=place.site_id,
        site_name=place.site_name,
        wrs_id=place.wrs.id if place.wrs else None,
        steps=[_make_step(step) for step in place.steps],
        boxes=[_make_box(box) for box in place.boxes],
    )


def _make_step(step: Step) -> StepAnswer:
    tally = {advance: many for advance, many in step.tally.items() if many}
    return StepAnswer(kind=step.kind, state=step.state, total=step.total, left=step.left, tally=tally)


def _make_box(box: ChosenBox) -> BoxAnswer:
    return BoxAnswer(device_id=box.view.record.id, name=box.view.record.name, advance=box.advance)
