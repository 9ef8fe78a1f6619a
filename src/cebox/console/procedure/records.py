"""What is chosen for an account's procedure, and the procedure as it stands."""

from dataclasses import dataclass
from datetime import datetime

from cebox.console.accounts.records import Account, NotedTag
from cebox.console.devices.records import DeviceRecord, DeviceView
from cebox.domain.ids import AccountId, SiteId, TagName
from cebox.domain.procedure import Advance, StagePlan, Step, find_open
from cebox.domain.version import Version


@dataclass(frozen=True, slots=True)
class Approval:
    """The customer's word that a test went well."""

    version: Version
    user_id: str
    at: datetime
    note: str


@dataclass(frozen=True, slots=True)
class ProcedureChoice:
    """What people chose. `tag_name` None: the newest version tag above the account's version."""

    account_id: AccountId
    tag_name: TagName | None = None
    approval: Approval | None = None


@dataclass(frozen=True, slots=True)
class ChosenBox:
    """A box of the test group, and how far it is."""

    view: DeviceView
    advance: Advance


@dataclass(frozen=True, slots=True)
class Place:
    """Devices that take one path: those on a site, or (`site_id` None) those at home, which wait for no WRS.

    `boxes` are listed in a test, and only counted, in the steps, in production. `behind_count`: boxes of the site below
    the account's version, which would take a test version that their WRS serves (R10).
    """

    site_id: SiteId | None
    site_name: str
    wrs: DeviceRecord | None
    steps: tuple[Step, ...]
    boxes: tuple[ChosenBox, ...] = ()
    behind_count: int = 0

    @property
    def open_step(self) -> Step | None:
        return find_open(self.steps)

    @property
    def is_settled(self) -> bool:
        return all(step.is_settled for step in self.steps)

    def find(self, kind: str) -> Step | None:
        """By the step's name, as templates say it."""
        return next((step for step in self.steps if step.kind == kind), None)


@dataclass(frozen=True, slots=True)
class Next:
    """The one thing to do now. `place` is one of the procedure's; `box` the device whose dialog opens, in a test."""

    place: Place
    step: Step
    box: ChosenBox | None = None


@dataclass(frozen=True, slots=True)
class Procedure:
    """An account's, as it stands. `test_tag` is the tag under test; `places` are the test's, `fleet` the whole
    account's on its way to the same version; `already_there` counts boxes there that are not in the test group.
    """

    account: Account
    plan: StagePlan
    choice: ProcedureChoice
    test_tag: NotedTag | None
    places: tuple[Place, ...]
    fleet: tuple[Place, ...]
    already_there: int
    outdated_keys: int

    @property
    def boxes(self) -> tuple[ChosenBox, ...]:
        return tuple(box for place in self.places for box in place.boxes)

    @property
    def there_count(self) -> int:
        return sum(box.advance in (Advance.THERE, Advance.AHEAD) for box in self.boxes)

    @property
    def is_test_over(self) -> bool:
        """Every box of the group proved the version."""
        return bool(self.boxes) and self.there_count == len(self.boxes)
