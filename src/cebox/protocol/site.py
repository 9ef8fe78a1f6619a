"""The messages of a site: what a WRS says to the LAN, and what the agent on the same machine tells it to do.

GET  /site.json?nonce=…        SignedStatement of a SiteStatement          to anyone on the LAN
GET  /repository/…             the served release, a static repository with Range
GET  /prepared/<version>/…     the release prepared beside the served one  unix socket, owner only
POST /control/v1/prepare       PrepareRequest -> MirrorState               unix socket, owner only
POST /control/v1/follow        PrepareRequest -> MirrorState               unix socket, owner only
POST /control/v1/serve         ServeRequest   -> MirrorState               unix socket, owner only
GET  /control/v1/state         MirrorState                                 unix socket, owner only
"""

from enum import StrEnum

from cebox.protocol.device import Message, Problem

SITE_PATH = "/site.json"
REPOSITORY_PATH = "/repository"
PREPARED_PATH = "/prepared"
PREPARE_PATH = "/control/v1/prepare"
FOLLOW_PATH = "/control/v1/follow"
SERVE_PATH = "/control/v1/serve"
STATE_PATH = "/control/v1/state"


class SiteStatement(Message, frozen=True, kw_only=True):
    """What the site runs. `nonce` is the asker's, so that an old statement cannot be replayed."""

    site: str
    device_id: str
    version: str | None
    since: str
    nonce: str


class SignedStatement(Message, frozen=True, kw_only=True):
    """`statement` is the canonical JSON of a SiteStatement as text; `signature` is Ed25519 over it, base64url."""

    statement: str
    signature: str


class MirrorPhase(StrEnum):
    IDLE = "idle"
    FETCHING = "fetching"
    PREPARED = "prepared"
    FAILED = "failed"


class PrepareRequest(Message, frozen=True, kw_only=True):
    """Fetch `version` beside the served release. Asking again while it runs, or after it is there, is harmless; the
    newest address and limits hold for what is under way.
    """

    version: str
    repository_url: str
    box_versions: tuple[str, ...] = ()
    """Versions the site's boxes and this machine run: their patches are mirrored beside the full image."""
    download_bytes_per_second: int | None = None
    download_window: str = ""
    time_zone: str = "UTC"
    reference_time: str = ""


class ServeRequest(Message, frozen=True, kw_only=True):
    """Switch to a prepared version. Raises `not_prepared` when it is not whole; the served one then stays."""

    version: str


class MirrorState(Message, frozen=True, kw_only=True):
    """The mirror's own account of itself; `wan_bytes` counts what the preparation fetched so far."""

    phase: MirrorPhase
    served: str | None = None
    preparing: str | None = None
    prepared: str | None = None
    done_bytes: int = 0
    total_bytes: int = 0
    wan_bytes: int = 0
    lan_bytes: int = 0
    """Repository bytes served to the LAN since this process started (without this machine's own)."""
    waits_until: str = ""
    """When the download window opens, while the preparation waits for it."""
    error: Problem | None = None
