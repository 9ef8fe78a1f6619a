"""What every part of one running console shares: `app.state.console`."""

from dataclasses import dataclass, field

from cebox.console.boxes.heartbeats import Heartbeats
from cebox.console.database.engine import Database
from cebox.console.identity.attempts import Attempts
from cebox.console.identity.oidc import OidcProvider
from cebox.console.identity.passwords import Passwords
from cebox.console.journal.looks import Looks
from cebox.console.keys.preparing import StickShelf
from cebox.console.live.hub import Hub
from cebox.console.settings import ConsoleSettings
from cebox.kit.clock import Clock


@dataclass(frozen=True, slots=True)
class Console:
    """`database` publishes into `hub`. `console_id` is the audience of devices' assertions; `secret` signs tokens.

    What follows them lives in this process alone: a restart forgets it.
    """

    settings: ConsoleSettings
    database: Database
    hub: Hub
    clock: Clock
    console_id: str
    secret: bytes = field(repr=False)
    passwords: Passwords = field(default_factory=Passwords)
    attempts: Attempts = field(default_factory=Attempts)
    heartbeats: Heartbeats = field(default_factory=Heartbeats)
    looks: Looks = field(default_factory=Looks)
    oidc: OidcProvider | None = None
    sticks: StickShelf = field(default_factory=StickShelf)
