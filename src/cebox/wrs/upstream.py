"""The vendor's repository as this machine reaches and trusts it."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from cebox.kit.clock import Clock
from cebox.protocol.site import PrepareRequest
from cebox.release.fetch import HttpTransport, Transport, TrustedRepository
from cebox.wrs.patience import PatientTransport
from cebox.wrs.settings import WrsSettings

# One try of the transport; how long the mirror goes on trying is its own rule.
_TRY_SECONDS = 5.0


@dataclass(frozen=True)
class Upstream:
    transport: Transport
    trust_folder: Path
    root: bytes = field(repr=False)
    now: Clock

    def open_trusted(self) -> TrustedRepository:
        return TrustedRepository(self.transport, self.trust_folder, self.root, now=self.now)


@dataclass(frozen=True)
class UpstreamSource:
    """Makes an `Upstream` for each piece of work; the clock and the state of trust are the same for all."""

    settings: WrsSettings
    root: bytes = field(repr=False)
    now: Clock

    @contextmanager
    def open(self, request: PrepareRequest, stopped: threading.Event, *, is_patient: bool) -> Iterator[Upstream]:
        patience_seconds = self.settings.give_up_after_seconds if is_patient else 0.0
        limits = (self.settings.download_bytes_per_second, request.download_bytes_per_second)
        transport = HttpTransport(
            request.repository_url,
            timeout_seconds=self.settings.timeout_seconds,
            bytes_per_second=min((limit for limit in limits if limit is not None), default=None),
            give_up_after_seconds=min(_TRY_SECONDS, self.settings.give_up_after_seconds),
        )
        with transport:
            yield Upstream(
                transport=PatientTransport(transport, give_up_after_seconds=patience_seconds, stopped=stopped),
                trust_folder=self.settings.state_folder / "trust",
                root=self.root,
                now=self.now,
            )
