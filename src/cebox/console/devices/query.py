"""The devices page's address: which filters, order and columns it names, and what they mean.

The same text selects the devices of a group command, and is what a saved view keeps.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final
from urllib.parse import parse_qsl, urlencode

from cebox.console.devices.records import DeviceFilters, Order
from cebox.domain.action import ActionState
from cebox.domain.device import DeviceKind, Place
from cebox.domain.ids import CommandId, SiteId
from cebox.domain.lateness import Lateness
from cebox.domain.version import Version
from cebox.errors import CeboxError
from cebox.protocol.device import BoxPhase

FILTERS: Final = ("search", "site", "place", "version", "on", "update", "late", "kind", "phase", "command")
LOOKS: Final = ("order", "columns")
COLUMNS: Final = ("site", "state", "running", "would_take", "update", "seen", "kind", "serial", "agent")
USUAL_COLUMNS: Final = ("site", "state", "running", "would_take", "update", "seen")
WITHOUT_SITE: Final = "none"
BEHIND: Final = "behind"
UNDER_WAY: Final = "under_way"
ATTENTION: Final = "attention"
LONG_OFF: Final = "long"
LONGEST: Final = 200
LONGEST_QUERY: Final = 2000

ENDINGS: Final[Mapping[str, frozenset[ActionState]]] = MappingProxyType(
    {
        "failed": frozenset({ActionState.FAILED}),
        "rolled_back": frozenset({ActionState.ROLLED_BACK}),
        "refused": frozenset({ActionState.REFUSED}),
        "expired": frozenset({ActionState.EXPIRED}),
    }
)


@dataclass(frozen=True, slots=True)
class Query:
    """What an address asks for. A value that nobody knows counts as none, so that an old address still opens."""

    search: str = ""
    site: str = ""
    place: str = ""
    version: str = ""
    on: str = ""
    update: str = ""
    late: str = ""
    kind: str = ""
    phase: str = ""
    command: str = ""
    order: str = ""
    columns: str = ""

    @classmethod
    def read(cls, parameters: Mapping[str, str]) -> "Query":
        given = {name: parameters.get(name, "").replace("\0", "").strip()[:LONGEST] for name in (*FILTERS, *LOOKS)}
        return cls(**{name: value for name, value in given.items() if _is_known(name, value)})

    @classmethod
    def parse(cls, text: str) -> "Query":
        return cls.read(dict(parse_qsl(text[:LONGEST_QUERY])))

    @property
    def conditions(self) -> dict[str, str]:
        """The filters alone, as an address names them."""
        return {name: getattr(self, name) for name in FILTERS if getattr(self, name)}

    @property
    def where(self) -> str:
        return urlencode(self.conditions)

    @property
    def text(self) -> str:
        looks = {name: getattr(self, name) for name in LOOKS if getattr(self, name)}
        return urlencode(self.conditions | looks)

    @property
    def sorting(self) -> Order:
        return Order(self.order.removeprefix("-")) if self.order else Order.NAME

    @property
    def is_reversed(self) -> bool:
        return self.order.startswith("-")

    @property
    def shown_columns(self) -> tuple[str, ...]:
        chosen = self.columns.split(".") if self.columns else USUAL_COLUMNS
        return tuple(name for name in COLUMNS if name in chosen)

    def toggle_column(self, name: str) -> str:
        """The value of `columns` with that one shown, or hidden; empty for the usual ones."""
        shown = tuple(one for one in COLUMNS if (one in self.shown_columns) != (one == name))
        return "" if set(shown) == set(USUAL_COLUMNS) else ".".join(shown or ("site",))

    def to_filters(self) -> DeviceFilters:
        return DeviceFilters(
            search=self.search,
            site_id=SiteId("" if self.site == WITHOUT_SITE else self.site) if self.site else None,
            kind=DeviceKind(self.kind) if self.kind else None,
            place=Place(self.place) if self.place else None,
            is_on={"1": True, "0": False, LONG_OFF: False}.get(self.on),
            is_long_off=True if self.on == LONG_OFF else None,
            version=Version.parse(self.version) if self.version and self.version != BEHIND else None,
            is_behind=True if self.version == BEHIND else None,
            phase=BoxPhase(self.phase) if self.phase else None,
            last_states=ENDINGS.get(self.update, frozenset()),
            needs_attention=self.update == ATTENTION,
            is_updating=True if self.update == UNDER_WAY else None,
            lateness=Lateness(self.late) if self.late else None,
            command_id=CommandId(self.command) if self.command else None,
            order=self.sorting,
            is_reversed=self.is_reversed,
        )


def _is_known(name: str, value: str) -> bool:
    match name:
        case "version":
            return value == BEHIND or _is_version(value)
        case "on":
            return value in ("1", "0", LONG_OFF)
        case "update":
            return value in ENDINGS or value in (UNDER_WAY, ATTENTION)
        case "late":
            return value in set(Lateness)
        case "place":
            return value in set(Place)
        case "kind":
            return value in set(DeviceKind)
        case "phase":
            return value in set(BoxPhase)
        case "order":
            return value.removeprefix("-") in set(Order)
        case "columns":
            return bool(value) and set(value.split(".")) <= set(COLUMNS)
    return True


def _is_version(text: str) -> bool:
    try:
        Version.parse(text)
    except CeboxError:
        return False
    return True
