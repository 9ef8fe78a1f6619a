"""One order to the mirror, worked off: counts what crosses the WAN, and stops when a newer order comes."""

import contextlib
import errno
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import datetime

from cebox.domain.version import Version
from cebox.errors import Exhausted
from cebox.protocol.site import PrepareRequest
from cebox.wrs.counter import DurableCounter
from cebox.wrs.patience import Superseded
from cebox.wrs.preparation import Gauge, prepare_release
from cebox.wrs.store import ReleaseStore
from cebox.wrs.upstream import Upstream, UpstreamSource

# EFBIG: the process' own file size limit; for the operator it is the same as a full disk.
_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class MirrorRun:
    """`is_continued`: an earlier run of the same order was cut, and what it counted counts still."""

    def __init__(
        self,
        request: PrepareRequest,
        *,
        source: UpstreamSource,
        store: ReleaseStore,
        wan: DurableCounter,
        is_continued: bool,
    ) -> None:
        self.request = request
        """Of its version for good; its address and limits may become newer ones (`Mirror.prepare`)."""
        self.waits_until: datetime | None = None
        self.gauge = Gauge(self._check)
        self._source = source
        self._store = store
        self._wan = wan
        self._is_continued = is_continued
        self._stopped = threading.Event()
        self._count: Callable[[], None] = lambda: None

    def stop(self) -> None:
        self._stopped.set()

    def work(self) -> None:
        """Raises Superseded, and CeboxError for everything that ends the preparation."""
        with disk_errors(), self._open() as upstream:
            before = self._wan.value if self._is_continued else 0
            self._count = lambda: self._wan.set(before + upstream.transport.received_bytes)
            try:
                prepare_release(
                    Version.parse(self.request.version),
                    self.request.box_versions,
                    upstream=upstream,
                    store=self._store,
                    gauge=self.gauge,
                )
            finally:
                self._count()

    def _open(self) -> AbstractContextManager[Upstream]:
        return self._source.open(lambda: self.request, self._stopped, is_patient=True, show_wait=self._show_wait)

    def _show_wait(self, until: datetime | None) -> None:
        self.waits_until = until

    def _check(self) -> None:
        self._count()
        if self._stopped.is_set():
            raise Superseded


@contextlib.contextmanager
def disk_errors() -> Iterator[None]:
    """What the mirror's own disk did, as Exhausted: `disk_full`, or `disk_failed` for everything else."""
    try:
        yield
    except OSError as error:
        if error.errno in _NO_ROOM:
            raise Exhausted(
                "disk_full",
                "the site server's disk is full",
                hint="Make room in the mirror's folder, or give it a larger disk, and update again.",
            ) from error
        raise Exhausted(
            "disk_failed",
            f"the site server's disk does not work: {error.strerror or error}",
            hint="Look at the disk and at who owns the mirror's folder, and update again.",
        ) from error
