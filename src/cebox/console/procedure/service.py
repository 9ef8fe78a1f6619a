"""What people choose for an account's test, and their word that it went well."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from cebox.console.access import Caller
from cebox.console.accounts.records import Account
from cebox.console.accounts.repository import AccountRepository, TagRepository
from cebox.console.accounts.service import get_account
from cebox.console.database.engine import Unit
from cebox.console.database.scope import Scope
from cebox.console.devices.records import device_unknown
from cebox.console.devices.repository import DeviceRepository
from cebox.console.identity.repository import UserRepository
from cebox.console.journal import service as journal
from cebox.console.live.hub import account_topic
from cebox.console.procedure.reading import read_procedure
from cebox.console.procedure.records import Approval, ChosenBox, Next, Place, Procedure, ProcedureChoice
from cebox.console.procedure.repository import ProcedureRepository
from cebox.console.texts import clean_note
from cebox.domain.device import DeviceKind
from cebox.domain.ids import AccountId, DeviceId, TagName, UserId
from cebox.domain.procedure import Advance, Hindrance, Stage, Step, StepKind, StepState
from cebox.domain.role import Permission
from cebox.domain.tag import TagKind, parse_tag_name
from cebox.domain.version import Version
from cebox.errors import Conflict, InvalidInput, NotFound
from cebox.kit.clock import Clock

MOST_TEST_BOXES = 200
_STOPS = frozenset({Hindrance.NO_TAG, Hindrance.TAG_GONE, Hindrance.RELEASE_WITHDRAWN})


async def get_procedure(connection: AsyncConnection, scope: Scope, account_id: AccountId, now: datetime) -> Procedure:
    """Raises NotFound (`account_unknown`)."""
    return await read_procedure(connection, await get_account(connection, scope, account_id), now)


async def find_approver(connection: AsyncConnection, scope: Scope, approval: Approval | None) -> str:
    """The name of who approved; empty when that is somebody the account does not know, or nobody."""
    user = await UserRepository(connection, scope).find(UserId(approval.user_id)) if approval else None
    return user.name if user else ""


def find_next(procedure: Procedure) -> Next | None:
    """The one next thing; None when there is nothing to do, or somebody has to choose or wait first."""
    stage = procedure.plan.stage
    if stage is Stage.MIGRATION or procedure.plan.hindrance in _STOPS:
        return None
    for place in procedure.places if stage is Stage.TEST else procedure.fleet:
        step = place.open_step
        if step is not None:
            return Next(place, step, _find_box(place, step))
    return None


def find_states(procedure: Procedure) -> frozenset[StepState]:
    """What the steps of the stage under way are in: with none open, why there is nothing to click."""
    places = procedure.places if procedure.plan.stage is Stage.TEST else procedure.fleet
    return frozenset(step.state for place in places for step in place.steps)


class ProcedureService:
    """Changes by one caller. Every call raises NotPermitted (`role_may_not`) for who may not make it."""

    def __init__(self, unit: Unit, caller: Caller, clock: Clock) -> None:
        self._unit = unit
        self._caller = caller
        self._now = clock()
        self._repository = ProcedureRepository(unit.connection, caller.scope)

    async def choose_test(self, account_id: AccountId, *, tag: str | None, device_ids: Iterable[DeviceId]) -> Procedure:
        """Which tag is tested, and on which boxes; sent again, it changes nothing.

        Raises NotFound (`account_unknown`, `tag_unknown`, `device_unknown`), InvalidInput (`tag_malformed`,
        `tag_not_for_tests`, `test_takes_boxes`, `too_many_test_boxes`).
        """
        self._caller.verify(Permission.ACT)
        account = await self._lock(account_id)
        name = await self._verify_tag(account, tag)
        wanted = await self._verify_boxes(account, device_ids)
        choice = await self._repository.find_choice(account.id)
        held = set(await self._repository.list_box_ids(account.id))
        await self._repository.remove_boxes(account.id, held - wanted)
        await self._repository.add_boxes(account.id, sorted(wanted - held), self._now)
        if choice.tag_name != name:
            await self._repository.keep_choice(replace(choice, tag_name=name))
        if wanted != held or choice.tag_name != name:
            await self._note("test_chosen", account, {"tag": name, "boxes": len(wanted)})
        return await read_procedure(self._unit.connection, account, self._now)

    async def approve(self, account_id: AccountId, version: Version, note: str = "") -> Procedure:
        """The customer's word that the test of `version` went well: the vendor may migrate the account.

        A test that is not over wants a note that says why. Raises NotFound (`account_unknown`), Conflict
        (`test_moved_on`, `test_hindered`), InvalidInput (`approval_note_missing`, `note_malformed`).
        """
        self._caller.verify(Permission.ADMINISTER)
        account = await self._lock(account_id)
        procedure = await read_procedure(self._unit.connection, account, self._now)
        approval = Approval(version, self._caller.user_id, self._now, clean_note(note))
        _verify_approvable(procedure, approval)
        if procedure.choice.approval is None or procedure.choice.approval.version != version:
            await self._keep(account, procedure.choice, approval)
            await self._note("test_approved", account, {"version": str(version), "note": approval.note})
        return await read_procedure(self._unit.connection, account, self._now)

    async def withdraw_approval(self, account_id: AccountId) -> Procedure:
        """Back to the test, as long as the account has not moved. Raises NotFound (`account_unknown`)."""
        self._caller.verify(Permission.ADMINISTER)
        account = await self._lock(account_id)
        choice = await self._repository.find_choice(account.id)
        if choice.approval is not None:
            await self._keep(account, choice, None)
            await self._note("approval_withdrawn", account, {"version": str(choice.approval.version)})
        return await read_procedure(self._unit.connection, account, self._now)

    async def _lock(self, account_id: AccountId) -> Account:
        """Two administrators who choose at the same moment come one after the other."""
        return await AccountRepository(self._unit.connection, self._caller.scope).get(account_id, for_change=True)

    async def _verify_tag(self, account: Account, tag: str | None) -> TagName | None:
        if not tag:
            return None
        name = parse_tag_name(tag)
        found = await TagRepository(self._unit.connection, Scope.account(account.id)).find(name)
        if found is None:
            raise NotFound("tag_unknown", f"no tag {name!r} for this account", hint="List the account's tags.")
        if found.kind is not TagKind.VERSION:
            raise InvalidInput("tag_not_for_tests", f"{name!r} is no version tag", hint="Choose a version tag.")
        return name

    async def _verify_boxes(self, account: Account, device_ids: Iterable[DeviceId]) -> set[DeviceId]:
        wanted = set(device_ids)
        if len(wanted) > MOST_TEST_BOXES:
            raise InvalidInput("too_many_test_boxes", f"a test has at most {MOST_TEST_BOXES} ceBox")
        found = await DeviceRepository(self._unit.connection, Scope.account(account.id)).find_many(wanted)
        for device_id in sorted(wanted):
            if device_id not in found:
                raise device_unknown(device_id)
            if found[device_id].kind is not DeviceKind.CEBOX:
                raise InvalidInput("test_takes_boxes", f"{found[device_id].name} is a WRS: a test is made on ceBox")
        return wanted

    async def _keep(self, account: Account, choice: ProcedureChoice, approval: Approval | None) -> None:
        await self._repository.keep_choice(replace(choice, account_id=account.id, approval=approval))

    async def _note(self, verb: str, account: Account, facts: dict[str, Any]) -> None:
        said = {name: value for name, value in facts.items() if value not in (None, "")}
        await journal.record(self._unit, self._caller, verb, account.id, said, account.id, at=self._now)
        self._unit.notify(account_topic(account.id))


def _verify_approvable(procedure: Procedure, approval: Approval) -> None:
    plan = procedure.plan
    if plan.stage is Stage.PRODUCTION or plan.target != approval.version:
        raise Conflict(
            "test_moved_on", f"{approval.version} is not what is tested now", hint="Look at the procedure again."
        )
    if plan.hindrance in _STOPS:
        raise Conflict("test_hindered", "this test cannot go on", hint="Choose another tag first.")
    if not procedure.is_test_over and not approval.note:
        raise InvalidInput(
            "approval_note_missing",
            "not every box of the test has proved the version",
            hint="Say in a note why it is approved all the same.",
        )


def _find_box(place: Place, step: Step) -> ChosenBox | None:
    """R4: a tag goes to one device at a time, so the first box that is left is the one whose dialog opens."""
    if step.kind is not StepKind.UPDATE_BOXES:
        return None
    return next((box for box in place.boxes if box.advance is Advance.TO_DO), None)
