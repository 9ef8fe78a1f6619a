"""Who uses a release: which accounts' devices run it, and which tags point at it."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from cebox.console.accounts.records import NotedTag
from cebox.console.accounts.service import list_noted_tags
from cebox.console.database.scope import Scope
from cebox.console.releases.usage_repository import Runner, UsageRepository
from cebox.domain.version import Version


@dataclass(frozen=True, slots=True)
class Usage:
    """As far as the scope sees. `runners`: the accounts with most devices first."""

    runners: tuple[Runner, ...] = ()
    tags: tuple[NotedTag, ...] = ()

    @property
    def device_count(self) -> int:
        return sum(runner.boxes + runner.servers for runner in self.runners)


NOBODY = Usage()


async def load_usage(connection: AsyncConnection, scope: Scope) -> Mapping[Version, Usage]:
    """Of every release that somebody in scope runs or has a tag for."""
    runners = await UsageRepository(connection, scope).list_runners()
    tags: dict[Version, list[NotedTag]] = {}
    for noted in await list_noted_tags(connection, scope):
        tags.setdefault(noted.tag.version, []).append(noted)
    return {
        version: Usage(tuple(runners.get(version, ())), tuple(tags.get(version, ())))
        for version in runners.keys() | tags.keys()
    }
