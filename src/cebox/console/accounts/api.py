"""Admin API: accounts, their tags and migrations."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter
from pydantic import Field

from cebox.console.accounts import service
from cebox.console.accounts.records import NotedTag
from cebox.console.accounts.service import AccountService
from cebox.console.gate import Administrator, ChosenPage, ChosenScope, TheConsole, VendorOperator, Viewer
from cebox.console.wire import Answer, Asked, Identifier, Line, Listing, VersionText, make_listing
from cebox.domain.ids import AccountId
from cebox.domain.migration import Phase
from cebox.domain.notice import Notice, make_notice
from cebox.domain.tag import TagKind
from cebox.domain.version import Version

router = APIRouter(tags=["accounts"])


class NoticeAnswer(Answer):
    """Of a restart or shutdown to the people signed in; a countdown of 0 is none. `postpone_minutes` is how long one
    postponement puts it off.
    """

    countdown_minutes: int
    postpone_minutes: int
    most_postponements: int


class NoticeBody(Asked):
    """All three: nothing is reset because it was not named."""

    countdown_minutes: int = Field(examples=[5])
    postpone_minutes: int = Field(examples=[30])
    most_postponements: int = Field(examples=[3])

    def make(self) -> Notice:
        return make_notice(self.countdown_minutes, self.postpone_minutes, self.most_postponements)


class AccountAnswer(Answer):
    """`version` is what the account's tag points at: the default wherever no tag is given."""

    id: str
    name: str
    is_vendor: bool
    tag_name: str
    version: VersionText
    phase: Phase
    created_at: datetime
    notice: NoticeAnswer


class AccountBody(Asked):
    """Without `tag_name`, the account's tag is made of its name."""

    name: Line
    version: VersionText
    tag_name: str | None = None
    is_vendor: bool = False


class MigrationBody(Asked):
    version: VersionText


class MigrationAnswer(Answer):
    id: str
    account_id: str
    from_version: VersionText
    to_version: VersionText
    user_id: str
    at: datetime


class MigratedAnswer(Answer):
    """`migration` is null when the account was on that version already: nothing was changed or announced."""

    account: AccountAnswer
    migration: MigrationAnswer | None


class TagAnswer(Answer):
    """`account_ids` are the holders the caller may know of: for a customer, only itself."""

    name: str
    kind: TagKind
    version: VersionText
    account_ids: list[str]
    note: str
    created_at: datetime


class TagBody(Asked):
    name: str
    version: VersionText
    account_ids: Annotated[list[Identifier], Field(min_length=1, max_length=500)]
    note: str = ""


@router.get("/accounts", summary="The accounts I see: mine, or for the vendor all")
async def list_accounts(console: TheConsole, scope: ChosenScope, page: ChosenPage) -> Listing[AccountAnswer]:
    async with console.database.read() as connection:
        listed = await service.list_accounts(connection, scope, page)
    return make_listing(listed, AccountAnswer.model_validate)


@router.post("/accounts", status_code=201, summary="Open an account on a published release")
async def create_account(caller: VendorOperator, console: TheConsole, body: AccountBody) -> AccountAnswer:
    version = Version.parse(body.version)
    async with console.database.write() as unit:
        accounts = AccountService(unit, caller, console.clock)
        account = await accounts.create_account(body.name, version, tag_name=body.tag_name, is_vendor=body.is_vendor)
    return AccountAnswer.model_validate(account)


@router.get("/accounts/{account_id}", summary="One account: its version, tag and phase")
async def show_account(caller: Viewer, console: TheConsole, account_id: str) -> AccountAnswer:
    async with console.database.read() as connection:
        account = await service.get_account(connection, caller.scope, AccountId(account_id))
    return AccountAnswer.model_validate(account)


@router.get("/accounts/{account_id}/notice", summary="What people are told before a restart or shutdown")
async def show_notice(caller: Viewer, console: TheConsole, account_id: str) -> NoticeAnswer:
    async with console.database.read() as connection:
        account = await service.get_account(connection, caller.scope, AccountId(account_id))
    return NoticeAnswer.model_validate(account.notice)


@router.put("/accounts/{account_id}/notice", summary="Set what people are told before a restart or shutdown")
async def set_notice(caller: Administrator, console: TheConsole, account_id: str, body: NoticeBody) -> NoticeAnswer:
    async with console.database.write() as unit:
        accounts = AccountService(unit, caller, console.clock)
        return NoticeAnswer.model_validate(await accounts.set_notice(AccountId(account_id), body.make()))


@router.post("/accounts/{account_id}/migration", summary="Move the account to another release and open production")
async def migrate_account(
    caller: VendorOperator, console: TheConsole, account_id: str, body: MigrationBody
) -> MigratedAnswer:
    version = Version.parse(body.version)
    async with console.database.write() as unit:
        accounts = AccountService(unit, caller, console.clock)
        return MigratedAnswer.model_validate(await accounts.migrate_account(AccountId(account_id), version))


@router.get("/accounts/{account_id}/migrations", summary="The account's migrations, the latest first")
async def list_migrations(caller: Viewer, console: TheConsole, account_id: str) -> Listing[MigrationAnswer]:
    scope = caller.scope_of(account_id)
    async with console.database.read() as connection:
        await service.get_account(connection, scope, AccountId(account_id))
        migrations = await service.list_migrations(connection, scope)
    return Listing(items=[MigrationAnswer.model_validate(migration) for migration in migrations])


@router.get("/tags", summary="The tags open to my account; for the vendor, all or one account's")
async def list_tags(console: TheConsole, scope: ChosenScope) -> Listing[TagAnswer]:
    async with console.database.read() as connection:
        return Listing(items=[_answer_tag(noted) for noted in await service.list_noted_tags(connection, scope)])


@router.post("/tags", status_code=201, summary="Hand out a version tag for a test, or move it to another release")
async def hand_out_tag(caller: VendorOperator, console: TheConsole, body: TagBody) -> TagAnswer:
    version = Version.parse(body.version)
    account_ids = [AccountId(account_id) for account_id in body.account_ids]
    async with console.database.write() as unit:
        accounts = AccountService(unit, caller, console.clock)
        return _answer_tag(await accounts.hand_out_tag(body.name, version, account_ids, body.note))


def _answer_tag(noted: NotedTag) -> TagAnswer:
    return TagAnswer(
        name=noted.tag.name,
        kind=noted.tag.kind,
        version=str(noted.tag.version),
        account_ids=sorted(noted.tag.account_ids),
        note=noted.note,
        created_at=noted.created_at,
    )
