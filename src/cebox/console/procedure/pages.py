"""The procedure as a guided path: where the account is, what is left, and the one next button."""

from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from cebox.console.accounts.service import list_noted_tags
from cebox.console.database.paging import Page
from cebox.console.devices.records import DeviceFilters
from cebox.console.devices.service import list_devices
from cebox.console.procedure.reading import read_procedure
from cebox.console.procedure.service import MOST_TEST_BOXES, ProcedureService, find_approver, find_next, find_states
from cebox.console.procedure.words import ADVANCE, STEP, list_numbers
from cebox.console.web.visit import Visit, page
from cebox.console.web.words import mark as _
from cebox.domain.device import DeviceKind
from cebox.domain.ids import DeviceId
from cebox.domain.role import Permission
from cebox.domain.tag import TagKind
from cebox.domain.version import Version

_OFFERED_BOXES = 30


@page()
async def show_procedure(visit: Visit) -> Response:
    if visit.account is None:
        return visit.show("devices/no-account.html")
    async with visit.console.database.read() as connection:
        procedure = await read_procedure(connection, visit.account, visit.formats.now)
        approval = procedure.choice.approval
        approver = await find_approver(connection, visit.scope, approval)
    template = "procedure/part.html" if visit.is_fragment else "procedure/procedure.html"
    return visit.show(
        template,
        procedure=procedure,
        plan=procedure.plan,
        next=find_next(procedure),
        states=find_states(procedure),
        approval=approval,
        approver=approver,
        step_statuses=STEP,
        advances=ADVANCE,
        numbers=list_numbers(procedure.places),
    )


@page(Permission.ACT)
async def show_test(visit: Visit) -> Response:
    """Which boxes are offered follows what is searched; those that are ticked stay ticked."""
    ticked = [DeviceId(one) for one in visit.request.query_params.getlist("box")]
    async with visit.console.database.read() as connection:
        account = visit.account
        assert account is not None
        now = visit.formats.now
        procedure = await read_procedure(connection, account, now)
        chosen = procedure.choice.tag_name or ""
        if not visit.asked("again"):
            ticked = [box.view.record.id for box in procedure.boxes]
        filters = DeviceFilters(search=visit.asked("search"), kind=DeviceKind.CEBOX)
        found = await list_devices(connection, visit.scope, filters, Page(_OFFERED_BOXES), now)
        tags = await list_noted_tags(connection, visit.scope)
    shown = {view.record.id for view in found.items}
    return visit.show_dialog(
        "procedure/test.html",
        tags=[one for one in tags if one.tag.kind is TagKind.VERSION and one.tag.version > account.version],
        chosen=visit.asked("tag") if visit.asked("again") else chosen,
        found=found,
        ticked=frozenset(ticked),
        kept=[box for box in ticked if box not in shown],
        search=visit.asked("search"),
        most=MOST_TEST_BOXES,
    )


@page(Permission.ACT)
async def choose_test(visit: Visit) -> Response:
    device_ids = [DeviceId(one) for one in visit.fields("box")]
    async with visit.console.database.write() as unit:
        service = ProcedureService(unit, visit.caller, visit.console.clock)
        procedure = await service.choose_test(visit.account_id, tag=visit.field("tag") or None, device_ids=device_ids)
    words = visit.formats.words.count(
        "%(number)s ceBox is in the test group.", "%(number)s ceBox are in the test group.", len(procedure.boxes)
    )
    return visit.done(words % {"number": visit.formats.number(len(procedure.boxes))}, address="/procedure")


@page(Permission.ADMINISTER)
async def show_approval(visit: Visit) -> Response:
    assert visit.account is not None
    async with visit.console.database.read() as connection:
        procedure = await read_procedure(connection, visit.account, visit.formats.now)
    return visit.show_dialog("procedure/approve.html", procedure=procedure, plan=procedure.plan)


@page(Permission.ADMINISTER)
async def approve(visit: Visit) -> Response:
    version = Version.parse(visit.field("version"))
    async with visit.console.database.write() as unit:
        service = ProcedureService(unit, visit.caller, visit.console.clock)
        await service.approve(visit.account_id, version, visit.field("note"))
    words = visit.say(_("%(version)s is approved: the vendor can migrate the account."), version=version)
    return visit.done(words, address="/procedure")


@page(Permission.ADMINISTER)
async def withdraw_approval(visit: Visit) -> Response:
    async with visit.console.database.write() as unit:
        await ProcedureService(unit, visit.caller, visit.console.clock).withdraw_approval(visit.account_id)
    return visit.done(visit.say(_("The approval is withdrawn: the test goes on.")), address="/procedure")


def build_routes() -> list[BaseRoute]:
    return [
        Route("/procedure", show_procedure, methods=["GET"]),
        Route("/procedure/test", show_test, methods=["GET"]),
        Route("/procedure/test", choose_test, methods=["POST"]),
        Route("/procedure/approval", show_approval, methods=["GET"]),
        Route("/procedure/approval", approve, methods=["POST"]),
        Route("/procedure/approval/withdraw", withdraw_approval, methods=["POST"]),
    ]
