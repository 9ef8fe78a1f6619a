"""The messages between a box and the console (device API, version 1).

JSON over HTTPS, validated with msgspec. Unknown fields are ignored on both sides, so that an old box talks to a new
console and the other way round. Times are UTC in ISO 8601, sizes are bytes, versions are text as `Version` prints it.

    POST /device/v1/enrol   EnrolRequest  -> EnrolResponse     once, with an installation key's token
    POST /device/v1/token   TokenRequest  -> TokenResponse     a signed assertion for a short bearer token
    POST /device/v1/sync    SyncRequest   -> SyncResponse      `Prefer: wait=N` holds the answer up to N seconds

Delivery of orders is at-least-once: the console repeats an order until it is acknowledged, the box executes an id once.
Results are repeated by the box until `SyncResponse.received_results` names them.
"""

from datetime import datetime
from enum import StrEnum

import msgspec

PROTOCOL = 1
ENROL_PATH = "/device/v1/enrol"
TOKEN_PATH = "/device/v1/token"  # noqa: S105 - a path
SYNC_PATH = "/device/v1/sync"
LONGEST_WAIT_SECONDS = 55


class Message(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Base of all messages: immutable, unknown fields ignored, defaults left out."""


class EnrolRequest(Message, frozen=True, kw_only=True):
    """`public_key` is the box's Ed25519 key, 32 bytes in base64url without padding; it never leaves the box whole."""

    token: str
    public_key: str
    name: str
    kind: str
    agent_version: str
    protocol: int = PROTOCOL
    serial: str = ""


class EnrolResponse(Message, frozen=True, kw_only=True):
    """`console_id` is the audience of every assertion this box will sign.

    Enrolling again with the same key pair and token gives the same device id (the first answer may have been lost).
    """

    device_id: str
    console_id: str
    account: str
    site: str | None = None


class TokenRequest(Message, frozen=True, kw_only=True):
    """`assertion` is a JWT (alg Ed25519): iss = sub = device id, aud = console id, iat, exp (at most 5 min), jti."""

    device_id: str
    assertion: str


class TokenResponse(Message, frozen=True, kw_only=True):
    token: str
    expires_in_seconds: int


class BoxPhase(StrEnum):
    """What the box is doing, for people; the agent's own states are finer."""

    IDLE = "idle"
    DOWNLOADING = "downloading"
    INSTALLING = "installing"
    STAGED = "staged"
    REBOOTING = "rebooting"
    ON_TRIAL = "on_trial"
    SHUTTING_DOWN = "shutting_down"


class Progress(Message, frozen=True, kw_only=True):
    """Live progress of the update under way. `action_id` is None when a shutdown triggered it.

    The rate is the box's, smoothed, for it sees every byte; None while it is unknown, as `total_bytes` is 0.
    """

    version: str
    done_bytes: int
    total_bytes: int
    rate_bytes_per_second: int | None = None
    action_id: str | None = None
    waits_until: str = ""
    """When the site's download window opens; empty while bytes may come."""

    @property
    def waiting_until(self) -> datetime | None:
        """`waits_until` as a time; None for what is none."""
        try:
            moment = datetime.fromisoformat(self.waits_until)
        except ValueError:
            return None
        return moment if moment.tzinfo else None

    @property
    def seconds_left(self) -> int | None:
        """At the present rate; None while nobody can know."""
        if not self.rate_bytes_per_second or self.total_bytes < self.done_bytes:
            return None
        return -(-(self.total_bytes - self.done_bytes) // self.rate_bytes_per_second)


class Observed(Message, frozen=True, kw_only=True):
    """What the box sees of itself. `sequence` grows with every report within a boot, `boot` with every boot."""

    boot: int
    sequence: int
    phase: BoxPhase
    place: str
    running: str | None = None
    staged: str | None = None
    previous: str | None = None
    failed_versions: tuple[str, ...] = ()
    slot_bytes: int | None = None
    agent_version: str = ""
    clock: str = ""
    is_leaving: bool = False
    """The last word before power goes: the console shows the box off at once."""
    wrs_reachable: bool | None = None
    """Whether the site's WRS answered the last time this box asked; None when it did not ask."""
    served: str | None = None
    """On a WRS: the version it serves to its site."""
    server_url: str | None = None
    """On a WRS: the address its site reaches it at, such as http://10.20.4.2:8480."""
    lan_addresses: tuple[str, ...] = ()
    """The hardware addresses of its wired network cards: what its site's WRS can start it by."""


class ReportedEvent(StrEnum):
    """What became of an order; the values are `domain.action.ActionEvent`'s."""

    DOWNLOAD = "download"
    STAGE = "stage"
    REBOOT = "reboot"
    TRY = "try"
    FINISH = "finish"
    REFUSE = "refuse"
    FAIL = "fail"
    ROLL_BACK = "roll_back"
    CANCEL = "cancel"


class Taken(Message, frozen=True, kw_only=True):
    """What an update took: the evidence beside what was asked."""

    version: str
    source: str
    reason: str
    wan_bytes: int = 0
    lan_bytes: int = 0
    way: str = ""
    """`full`, or `patch from <version>`."""


class Result(Message, frozen=True, kw_only=True):
    """One step of one order, kept by the box until the console has it. `id` makes repeats harmless.

    `action_id` is None for what nobody ordered (an update at shutdown, a fallback seen at boot).
    """

    id: str
    event: ReportedEvent
    at: str
    action_id: str | None = None
    taken: Taken | None = None
    code: str = ""
    detail: str = ""


class SyncRequest(Message, frozen=True, kw_only=True):
    """One exchange. `acknowledged` are the ids of orders the box has saved and will execute."""

    observed: Observed
    acknowledged: tuple[str, ...] = ()
    results: tuple[Result, ...] = ()
    progress: Progress | None = None


class Order(Message, frozen=True, kw_only=True):
    """One action for this box. For an update, `version` is what `tag` (or no tag) points at now; the box resolves.

    A `start` is told to the WRS: another machine of its site, with these `lan_addresses`, is to be started. It answers
    with `reboot` when the packets are on their way, else with `fail`; an agent that knows no such order refuses.
    """

    id: str
    kind: str
    version: str | None = None
    tag: str | None = None
    lan_addresses: tuple[str, ...] = ()


class SiteServerInfo(Message, frozen=True, kw_only=True):
    """The site's WRS. `url` is its address on the LAN, `public_key` checks its `site.json` (same form as enrolment).

    `version` is its last committed version: what the site runs when the WRS does not answer.
    """

    device_id: str
    url: str
    public_key: str
    version: str | None = None


class SiteInfo(Message, frozen=True, kw_only=True):
    id: str
    name: str
    server: SiteServerInfo | None = None
    networks: tuple[str, ...] = ()
    """CIDR blocks of the site's LAN; a box with an address in one of them is on the site."""
    box_versions: tuple[str, ...] = ()
    """On a WRS: the versions its boxes run, hence the patches worth mirroring."""


class Settings(Message, frozen=True, kw_only=True):
    """The three about downloads are the site's, for what its machines fetch from the cloud; a box away from it need not
    mind. `download_window` is `22:00-06:00` or empty, by the clocks of `time_zone` (IANA name).

    The last three are the account's, for people who are signed in when a restart or shutdown is ordered.
    """

    wait_seconds: int = 25
    progress_interval_milliseconds: int = 250
    download_bytes_per_second: int | None = None
    download_window: str = ""
    time_zone: str = "UTC"
    countdown_seconds: int = 300
    postpone_seconds: int = 1800
    most_postponements: int = 3


class SyncResponse(Message, frozen=True, kw_only=True):
    """`time` is the console's clock: the reference for expiry on a box whose own clock is wrong."""

    time: str
    account_version: str
    orders: tuple[Order, ...] = ()
    cancelled: tuple[str, ...] = ()
    """Ids of orders that were withdrawn; the box drops those it has not begun."""
    received_results: tuple[str, ...] = ()
    site: SiteInfo | None = None
    repository_url: str = ""
    settings: Settings = Settings()


class Problem(Message, frozen=True, kw_only=True):
    """Every refusal, on every API: an HTTP status and this body."""

    code: str
    message: str
    hint: str = ""
