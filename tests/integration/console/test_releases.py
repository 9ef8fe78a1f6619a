"""The catalogue: imported from a real signed repository, announced once, withdrawn (R1, R14)."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from starlette.applications import Starlette

from cebox.console.access import local_operator
from cebox.console.accounts.service import AccountService
from cebox.console.announcements.service import list_announcements
from cebox.console.app import build_app
from cebox.console.database.paging import Page
from cebox.console.database.scope import Scope
from cebox.console.journal.service import list_entries
from cebox.console.releases.importing import poll_repository, refresh_repository
from cebox.console.releases.service import import_offers, load_catalogue
from cebox.console.state import Console
from cebox.domain.role import Role
from cebox.domain.version import Version
from cebox.errors import CeboxError, Conflict, NotPermitted
from cebox.release.making.build import build_release
from cebox.release.making.ways import Effort
from cebox.release.manifest import Notes
from cebox.release.publishing.publish import publish_release
from cebox.release.publishing.sign import Keyring
from tests.integration.console.box import add_box
from tests.integration.console.office import (
    NEW,
    NEXT,
    OLD,
    hand_out,
    hire,
    make_offer,
    open_account,
    open_client,
    publish,
    sign_in,
)
from tests.integration.console.test_pages import browse
from tests.servers.clock import HandClock

pytestmark = pytest.mark.anyio


class Publisher:
    """A vendor with keys and a repository of its own, and very small releases."""

    def __init__(self, folder: Path, clock: HandClock) -> None:
        self._folder = folder
        self._clock = clock
        self.repository = folder / "repository"
        self.keyring = Keyring.init(folder / "keys", self.repository, clock=clock)

    def publish(self, version: Version, content: bytes = b"the system") -> None:
        source = self._folder / f"{version}.source"
        source.write_bytes(content * 1000)
        build_release(
            source=source,
            version=version,
            floor=version,
            notes=Notes(fr=f"Nouveau dans {version}", en=f"New in {version}"),
            output=self._folder / str(version),
            created=self._clock(),
            effort=Effort(level=1),
        )
        publish_release(self._folder / str(version), self.repository, self.keyring, clock=self._clock)


@pytest.fixture
def publisher(tmp_path: Path, clock: HandClock) -> Publisher:
    folder = tmp_path / "vendor"
    folder.mkdir()
    return Publisher(folder, clock)


@pytest.fixture
def reading(console: Console, publisher: Publisher) -> Console:
    """The console, told of the publisher's repository."""
    changes = {"repository": str(publisher.repository), "root_metadata": publisher.keyring.anchor_path}
    return replace(console, settings=console.settings.model_copy(update=changes))


async def _told(console: Console, scope: Scope) -> list[str]:
    async with console.database.read() as connection:
        return [one.subject for one in (await list_announcements(connection, scope, Page())).items]


async def test_what_is_published_is_imported_and_announced_to_every_customer_once(
    reading: Console, publisher: Publisher, console: Console
) -> None:
    nord = await open_account(console, "Nord", OLD)
    sud = await open_account(console, "Sud", OLD)
    publisher.publish(Version.parse("2027.1.1"))

    async with console.hub.subscribe("releases") as waiter:
        for _ in range(2):
            await poll_repository(reading)
        assert await waiter.wait(0) == {"releases"}

    async with console.database.read() as connection:
        release = (await load_catalogue(connection))[Version.parse("2027.1.1")]
    assert release.full_bytes > 0
    for account in (nord, sud):
        assert await _told(console, Scope.account(account.id)) == ["release:2027.1.1"]


async def test_two_replicas_that_import_at_once_announce_once(reading: Console, publisher: Publisher) -> None:
    nord = await open_account(reading, "Nord", OLD)
    publisher.publish(Version.parse("2027.1.1"))

    await asyncio.gather(*(poll_repository(reading) for _ in range(4)))

    assert await _told(reading, Scope.account(nord.id)) == ["release:2027.1.1"]
    async with reading.database.read() as connection:
        entries = (await list_entries(connection, Scope.everything(), Page())).items
    assert [entry.verb for entry in entries if entry.subject == "2027.1.1"] == ["release_imported"]


async def test_the_vendors_own_account_is_not_written_to(console: Console) -> None:
    customer = await open_account(console, "Nord", OLD)
    async with console.database.write() as unit:
        lab = await AccountService(unit, local_operator(), console.clock).create_account("Lab", OLD, is_vendor=True)
    await publish(console, Version.parse("2027.2.1"))

    assert await _told(console, Scope.account(lab.id)) == []
    assert await _told(console, Scope.account(customer.id)) == ["release:2027.2.1"]


async def test_a_release_whose_content_changed_is_refused_and_the_others_are_imported(console: Console) -> None:
    await publish(console, OLD)
    async with console.database.write() as unit:
        offers = [make_offer(OLD, content="altered"), make_offer(NEW)]
        imported = await import_offers(unit, offers, at=console.clock())

    assert (imported.added, imported.differing) == ((NEW,), (OLD,))


async def test_a_forged_release_in_the_repository_is_told_to_the_vendor(
    reading: Console, publisher: Publisher, console: Console
) -> None:
    await publish(console, OLD)
    publisher.publish(OLD, b"other content under a known name")

    with pytest.raises(Conflict) as caught:
        await refresh_repository(reading, local_operator())

    assert caught.value.code == "release_differs"
    async with console.database.read() as connection:
        assert (await load_catalogue(connection))[OLD].image_bytes == 64_000_000


async def test_a_repository_signed_by_another_key_is_believed_nothing(
    reading: Console, publisher: Publisher, tmp_path: Path, clock: HandClock
) -> None:
    (tmp_path / "impostor").mkdir()
    impostor = Publisher(tmp_path / "impostor", clock)
    impostor.publish(NEW)
    misled = replace(reading, settings=reading.settings.model_copy(update={"repository": str(impostor.repository)}))

    with pytest.raises(CeboxError) as caught:
        await poll_repository(misled)

    assert caught.value.code == "metadata_invalid"
    async with reading.database.read() as connection:
        assert await load_catalogue(connection) == {}


async def test_a_repository_that_went_stale_is_told(reading: Console, publisher: Publisher, clock: HandClock) -> None:
    publisher.publish(NEW)
    clock.advance(timedelta(days=4000))

    with pytest.raises(CeboxError) as caught:
        await poll_repository(reading)

    assert caught.value.code == "metadata_expired"


async def test_without_a_repository_the_poll_does_nothing_and_the_vendor_is_told(
    console: Console, app: Starlette
) -> None:
    await poll_repository(console)
    vendor = await sign_in(app, await hire(console, Role.VENDOR_OPERATOR))

    answer = await vendor.post("/api/v1/releases/refresh")

    assert (answer.status_code, answer.json()["code"]) == (422, "repository_not_set")


async def test_only_the_vendors_operator_asks_for_a_refresh(reading: Console) -> None:
    nord = await open_account(reading, "Nord")
    user = await hire(reading, Role.ACCOUNT_ADMIN, nord)

    with pytest.raises(NotPermitted):
        await refresh_repository(reading, user.to_caller())


async def test_the_catalogue_is_read_and_changed_over_the_api(reading: Console, publisher: Publisher) -> None:
    app = build_app(reading)
    publisher.publish(OLD)
    publisher.publish(NEW)
    vendor = await sign_in(app, await hire(reading, Role.VENDOR_OPERATOR))

    first = (await vendor.post("/api/v1/releases/refresh")).json()
    second = (await vendor.post("/api/v1/releases/refresh")).json()

    assert (first, second) == ({"added": ["2026.10.1", "2026.11.1"]}, {"added": []})
    nord = await open_account(reading, "Nord", OLD)
    viewer = await sign_in(app, await hire(reading, Role.ACCOUNT_VIEWER, nord))
    listed = (await viewer.get("/api/v1/releases")).json()["items"]
    assert [one["version"] for one in listed if one["version"] != "2026.12.1"] == ["2026.11.1", "2026.10.1"]
    whole = (await viewer.get("/api/v1/releases/2026.11.1")).json()
    assert whole["notes_fr"] == "Nouveau dans 2026.11.1"
    assert whole["components"] == []
    withdrawn = [await vendor.post("/api/v1/releases/2026.11.1/withdraw") for _ in range(2)]
    assert [answer.json()["is_withdrawn"] for answer in withdrawn] == [True, True]
    entries = (await vendor.get("/api/v1/journal")).json()["items"]
    assert [entry["verb"] for entry in entries].count("release_withdrawn") == 1
    unknown = await viewer.get("/api/v1/releases/2030.1.1")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "release_unknown")


async def test_who_runs_a_release_and_its_tags_are_told_to_each_as_far_as_they_may_see(
    console: Console, app: Starlette
) -> None:
    nord = await open_account(console, "Nord", NEW)
    sud = await open_account(console, "Sud", OLD)
    await hand_out(console, "essai-2026.12", NEXT, [nord.id])
    client = open_client(app)
    for account, name in ((nord, "one"), (sud, "two"), (sud, "three")):
        await add_box(console, client, account, name)
    viewer = await sign_in(app, await hire(console, Role.ACCOUNT_VIEWER, nord))
    support = await sign_in(app, await hire(console, Role.VENDOR_SUPPORT))

    own = (await viewer.get(f"/api/v1/releases/{OLD}/usage")).json()
    all_of_them = (await support.get(f"/api/v1/releases/{OLD}/usage")).json()
    tried = (await viewer.get(f"/api/v1/releases/{NEXT}/usage")).json()

    assert [(one["account_name"], one["boxes"]) for one in own["runners"]] == [("Nord", 1)]
    assert own["tags"] == []
    assert [(one["account_name"], one["boxes"]) for one in all_of_them["runners"]] == [("Sud", 2), ("Nord", 1)]
    assert all_of_them["tags"] == [sud.tag_name]
    assert (tried["device_count"], tried["tags"]) == (0, ["essai-2026.12"])
    assert (await viewer.get("/api/v1/releases/2020.1.1/usage")).json()["code"] == "release_unknown"


async def test_what_changes_between_two_releases_begins_with_the_kernel(console: Console, app: Starlette) -> None:
    nord = await open_account(console, "Nord", NEW)
    viewer = await sign_in(app, await hire(console, Role.ACCOUNT_VIEWER, nord))

    told = (await viewer.get(f"/api/v1/releases/{NEXT}/changes", params={"since": str(OLD)})).json()
    unknown = await viewer.get(f"/api/v1/releases/{NEXT}/changes", params={"since": "2020.1.1"})

    assert told["kernel"] == {"name": "linux-image-amd64", "before": "6.1.147-1", "after": "6.1.159-1"}
    assert told["changed"][0] == told["kernel"]
    assert ([one["name"] for one in told["added"]], [one["name"] for one in told["removed"]]) == (["pcscd"], ["telnet"])
    assert (unknown.status_code, unknown.json()["code"]) == (404, "release_unknown")


async def test_a_withdrawn_releases_page_says_who_still_runs_it(console: Console, app: Starlette) -> None:
    nord = await open_account(console, "Nord", NEW)
    await add_box(console, open_client(app), nord, "one")
    operator = await hire(console, Role.VENDOR_OPERATOR)
    async with browse(app, operator) as client:
        asked = await client.get(f"/releases/{OLD}/withdraw", headers={"hx-request": "true", "hx-target": "dialog"})
        done = await client.post(f"/releases/{OLD}/withdraw", headers={"hx-request": "true"})
        page = (await client.get(f"/releases/{OLD}")).text
    assert "Nord" in asked.text
    assert "1 périphérique" in asked.text
    assert done.status_code == 204
    assert "1 périphérique l’exécute encore" in page
    assert f"account={nord.id}&amp;version={OLD}" in page
