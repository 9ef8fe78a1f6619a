"""The vendor's repository as this machine reaches and trusts it."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from cebox.domain.download_window import DownloadWindow
from cebox.kit.clock import Clock
from cebox.protocol.site import PrepareRequest
from cebox.release.network.hours import WindowGate, find_window
from cebox.release.trust.repository import HttpTransport, Transport, TrustedRepository
from cebox.wrs.patience import PatientTransport, Superseded
from cebox.wrs.settings import WrsSettings

# One try of the transport; how long the mirror goes on trying is its own rule.
_TRY_SECONDS = 5.0
# How soon a newer order is noticed while bytes wait for their hours or their rate.
_LOOK_EVERY_SECONDS = 1.0


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
    def open(
        self,
        ask: Callable[[], PrepareRequest],
        stopped: threading.Event,
        *,
        is_patient: bool,
        show_wait: Callable[[datetime | None], None] | None = None,
    ) -> Iterator[Upstream]:
        """`ask` says the newest order: its address and limits hold for what is under way. With `show_wait` bytes come
        in the hours of the site's download window only, and it is told until when the rest waits.
        """
        patience_seconds = self.settings.give_up_after_seconds if is_patient else 0.0

        def pause(seconds: float) -> None:
            if stopped.wait(min(seconds, _LOOK_EVERY_SECONDS)):
                raise Superseded

        transport = HttpTransport(
            lambda: ask().repository_url,
            timeout_seconds=self.settings.timeout_seconds,
            bytes_per_second=lambda: self._find_limit(ask()),
            give_up_after_seconds=min(_TRY_SECONDS, self.settings.give_up_after_seconds),
            pause=pause,
            gate=WindowGate(lambda: _find_window(ask()), self.now, pause=pause, show=show_wait) if show_wait else None,
        )
        with transport:
            yield Upstream(
                transport=PatientTransport(transport, give_up_after_seconds=patience_seconds, stopped=stopped),
                trust_folder=self.settings.state_folder / "trust",
                root=self.root,
                now=self.now,
            )

    def _find_limit(self, request: PrepareRequest) -> int | None:
        limits = (self.settings.download_bytes_per_second, request.download_bytes_per_second)
        return min((limit for limit in limits if limit is not None), default=None)


def _find_window(request: PrepareRequest) -> DownloadWindow | None:
    return find_window(request.download_window, request.time_zone)
