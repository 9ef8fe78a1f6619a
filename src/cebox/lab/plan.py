"""What the demo's world holds: two customers, their places, people and machines, and two releases with notes."""

from dataclasses import dataclass
from datetime import UTC, datetime

from cebox.domain.device import DeviceKind, Place
from cebox.domain.role import Role
from cebox.domain.version import Version
from cebox.release.manifest import Notes

VENDOR, NORD, SUD = "Wisper", "Atelier Nord", "Clinique Sud"
LYON = "Lyon"
TEST_TAG = "essai-2026.11"
IMAGE_BUDGET_BYTES = 32 << 20
SLOT_BYTES = 64 << 20
FLOOR = Version.parse("2026.10.1")


@dataclass(frozen=True, slots=True)
class PlannedRelease:
    version: Version
    edition: int
    built_at: datetime
    notes: Notes
    trial: str = ""
    """How its trial ends: empty for well, else a word of `agent.virtual.trial`."""


@dataclass(frozen=True, slots=True)
class PlannedMachine:
    name: str
    kind: DeviceKind
    account: str
    site: str | None
    place: Place


@dataclass(frozen=True, slots=True)
class PlannedUser:
    email: str
    name: str
    role: Role
    account: str | None


OLD = PlannedRelease(
    Version.parse("2026.10.1"),
    0,
    datetime(2026, 10, 6, 8, tzinfo=UTC),
    Notes(
        fr="## ceBox OS 2026.10.1\n\n- Corrections de l’affichage sur deux écrans\n- Noyau 6.12.48\n",
        en="## ceBox OS 2026.10.1\n\n- Fixes for two displays\n- Kernel 6.12.48\n",
    ),
)
NEW = PlannedRelease(
    Version.parse("2026.11.1"),
    1,
    datetime(2026, 11, 10, 8, tzinfo=UTC),
    Notes(
        fr=(
            "## ceBox OS 2026.11.1\n\n### Nouveautés\n\n- **Démarrage** plus rapide de ceBox Workspace\n"
            "- Impression sur les copieurs à badge\n\n### Corrections\n\n- Retour du son après une mise en veille\n"
        ),
        en=(
            "## ceBox OS 2026.11.1\n\n### New\n\n- ceBox Workspace **starts** faster\n"
            "- Printing on badge copiers\n\n### Fixed\n\n- Sound after standby\n"
        ),
    ),
)
RELEASES = (OLD, NEW)
BAD = PlannedRelease(
    Version.parse("2026.11.2"),
    2,
    datetime(2026, 11, 20, 8, tzinfo=UTC),
    Notes(fr="## ceBox OS 2026.11.2\n\n- Ne démarre pas\n", en="## ceBox OS 2026.11.2\n\n- Does not start\n"),
    trial="unhealthy",
)
BAD_TAG = "essai-2026.11.2"

WRS = PlannedMachine("LYO-WRS", DeviceKind.WRS, NORD, LYON, Place.SITE)
ON_SITE = tuple(
    PlannedMachine(name, DeviceKind.CEBOX, NORD, LYON, Place.SITE) for name in ("LYO-ACC-01", "LYO-BE-01", "LYO-BE-02")
)
TELEWORK = PlannedMachine("LYO-TT-01", DeviceKind.CEBOX, NORD, LYON, Place.AWAY)
CLINIC = tuple(PlannedMachine(name, DeviceKind.CEBOX, SUD, None, Place.AWAY) for name in ("SUD-ACC-01", "SUD-SOI-01"))
MACHINES = (WRS, *ON_SITE, TELEWORK, *CLINIC)

OPERATOR = PlannedUser("operateur@wisper.example", "Opérateur Wisper", Role.VENDOR_OPERATOR, None)
NORD_ADMIN = PlannedUser("admin@atelier-nord.example", "Administrateur", Role.ACCOUNT_ADMIN, NORD)
NORD_VIEWER = PlannedUser("lecture@atelier-nord.example", "Lecture", Role.ACCOUNT_VIEWER, NORD)
SUD_ADMIN = PlannedUser("admin@clinique-sud.example", "Administrateur", Role.ACCOUNT_ADMIN, SUD)
USERS = (
    OPERATOR,
    PlannedUser("support@wisper.example", "Support Wisper", Role.VENDOR_SUPPORT, None),
    NORD_ADMIN,
    PlannedUser("exploitation@atelier-nord.example", "Exploitation", Role.ACCOUNT_OPERATOR, NORD),
    NORD_VIEWER,
    SUD_ADMIN,
)
