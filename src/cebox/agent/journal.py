"""What a box must not forget: the model of its journal, and the small pure changes every module makes to it.

`journal_file` keeps it on disk. Fields may be added with a default at any time; an older agent (the one a fallback
starts) ignores those it does not know.
"""

import msgspec
from msgspec.structs import replace

from cebox.agent.machine import Contact, PowerKind, SlotContent, SlotName
from cebox.agent.states import BoxState
from cebox.protocol.device import Order, ReportedEvent, Result, Settings, SiteInfo, Taken

# A console repeats an order only until it is acknowledged; these many are remembered far beyond that.
_EXECUTED_KEPT = 200
_RESULTS_KEPT = 500
_LONGEST_DETAIL = 500
_FAILED_KEPT = 20


class Record(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Base of what stands in the journal."""


class Failure(Record, frozen=True, kw_only=True):
    """Why an update ends without its release; `event` is what the console is told."""

    event: ReportedEvent
    code: str
    detail: str = ""


class Update(Record, frozen=True, kw_only=True):
    """An update on its way to the slot. `order` is None when a shutdown asked for it (R10).

    From `version` on, the fields are known once it is resolved. `wan_bytes` and `lan_bytes` are what all its attempts
    received; `source_failures` counts how often the site's WRS let it down.
    """

    order: Order | None = None
    version: str = ""
    source: str = ""
    reason: str = ""
    sha256: str = ""
    image_bytes: int = 0
    boot_sha256: str = ""
    """The boot image's; empty on machines that start without."""
    boot_bytes: int = 0
    target: SlotName | None = None
    way: str = ""
    has_begun: bool = False
    attempts: int = 0
    source_failures: int = 0
    damages: int = 0
    wan_bytes: int = 0
    lan_bytes: int = 0
    mirror_wan_bytes: int = 0
    """On a WRS: what its mirror fetched for this release."""
    is_cancelled: bool = False
    failure: Failure | None = None

    @property
    def action_id(self) -> str | None:
        return self.order.id if self.order else None

    @property
    def taken(self) -> Taken:
        return Taken(
            version=self.version,
            source=self.source,
            reason=self.reason,
            wan_bytes=self.wan_bytes + self.mirror_wan_bytes,
            lan_bytes=self.lan_bytes,
            way=self.way,
        )


class Staged(Record, frozen=True, kw_only=True):
    """An installed release that waits for a reboot, is on trial or has just proved itself."""

    slot: SlotName
    version: str
    sha256: str
    action_id: str | None = None
    taken: Taken | None = None
    trials: int = 0
    reason: str = ""
    """Why the last trial did not pass."""
    is_cancelled: bool = False
    contacts: tuple[Contact, ...] = ()
    """What answered before the restart: so much must answer after it."""


class PowerRequest(Record, frozen=True, kw_only=True):
    """A reboot or shutdown that was asked for; an update on its way may finish until `deadline` (monotonic seconds)."""

    kind: PowerKind
    deadline: float
    order_id: str | None = None
    is_planned: bool = False
    """R10 has been looked at: what a shutdown installs is installed, or there is nothing."""
    is_under_way: bool = False
    due: float | None = None
    """When an announced one happens (monotonic seconds); None while nobody has been told."""
    postponements: int = 0
    is_reminded: bool = False


class FailedRelease(Record, frozen=True, kw_only=True):
    version: str
    sha256: str


class Partial(Record, frozen=True, kw_only=True):
    """The image whose bytes a slot holds, whole or in part: going on needs only the rest."""

    slot: SlotName
    sha256: str


class Facts(Record, frozen=True, kw_only=True):
    """The console's last words, for the hours it is away. `clock_offset_seconds` is its clock minus the box's."""

    account_version: str | None = None
    repository_url: str = ""
    site: SiteInfo | None = None
    site_version: str | None = None
    """What the site's WRS itself said last that it serves."""
    settings: Settings = Settings()
    clock_offset_seconds: int = 0


class Journal(Record, frozen=True, kw_only=True):
    format: int = 1
    state: BoxState = BoxState.IDLE
    update: Update | None = None
    staged: Staged | None = None
    power: PowerRequest | None = None
    partial: Partial | None = None
    boot: int = 0
    boot_id: str = ""
    floor: str | None = None
    """Lowest version this box still installs: the highest floor any signed manifest told it."""
    queue: tuple[Order, ...] = ()
    to_wake: tuple[Order, ...] = ()
    """On a WRS: machines of its site that are to be started."""
    executed: tuple[str, ...] = ()
    to_acknowledge: tuple[str, ...] = ()
    results: tuple[Result, ...] = ()
    """Not yet received by the console."""
    failed: tuple[FailedRelease, ...] = ()
    facts: Facts = Facts()

    @property
    def failed_versions(self) -> tuple[str, ...]:
        return tuple(release.version for release in self.failed)


def add_result(
    journal: Journal,
    event: ReportedEvent,
    *,
    action_id: str | None,
    at: str,
    taken: Taken | None = None,
    code: str = "",
    detail: str = "",
    turn: int = 0,
) -> Journal:
    """Queue one result. Its id follows from what it reports, so that a step done twice is reported once.

    `turn` tells repeats apart that are meant (the three tries of a trial).
    """
    about = action_id or f"boot-{journal.boot}:{taken.version if taken else ''}"
    result = Result(
        id=f"{about}:{event}:{turn}" if turn else f"{about}:{event}",
        event=event,
        at=at,
        action_id=action_id,
        taken=taken,
        code=code,
        detail=detail[:_LONGEST_DETAIL],
    )
    if any(known.id == result.id for known in journal.results):
        return journal
    return replace(journal, results=(*journal.results, result)[-_RESULTS_KEPT:])


def remember_order(journal: Journal, order_id: str) -> Journal:
    """Mark as executed and to be acknowledged; a repeat is only acknowledged again."""
    executed = journal.executed
    if order_id not in executed:
        executed = (*executed, order_id)[-_EXECUTED_KEPT:]
    waiting = journal.to_acknowledge
    if order_id not in waiting:
        waiting = (*waiting, order_id)
    return replace(journal, executed=executed, to_acknowledge=waiting)


def remember_failed(journal: Journal, staged: Staged) -> Journal:
    others = tuple(release for release in journal.failed if release.version != staged.version)
    failed = (*others, FailedRelease(version=staged.version, sha256=staged.sha256))[-_FAILED_KEPT:]
    return replace(journal, failed=failed)


def forget_failed(journal: Journal, version: str) -> Journal:
    return replace(journal, failed=tuple(release for release in journal.failed if release.version != version))


def adopt_staged(slot: SlotName, content: SlotContent) -> Staged:
    """A release on trial of which the journal knows nothing (it was lost)."""
    return Staged(slot=slot, version=content.version, sha256=content.sha256, reason="journal_lost")
