"""Bringing the patches of a whole release in line with its site: one piece of work, stopped by a newer order."""

import threading
from contextlib import AbstractContextManager

import structlog

from cebox.protocol.site import PrepareRequest
from cebox.wrs.patches import drop_surplus, fetch_missing, load_manifest, plan_adjustment
from cebox.wrs.patience import Superseded
from cebox.wrs.run import disk_errors
from cebox.wrs.store import ReleaseStore
from cebox.wrs.upstream import Upstream, UpstreamSource

_log = structlog.get_logger("cebox.wrs")


class Following:
    """`wanted`: hashes the pool is to keep for it, complete or not. `is_done`: the site has what it needs."""

    def __init__(self, request: PrepareRequest, *, source: UpstreamSource, store: ReleaseStore) -> None:
        self.request = request
        self.wanted: frozenset[str] = frozenset()
        self.is_done = False
        self._source = source
        self._store = store
        self._stopped = threading.Event()

    def stop(self) -> None:
        self._stopped.set()

    def work(self) -> None:
        """Raises Superseded, and CeboxError for what keeps it from its end; what was fetched is kept."""
        version = self.request.version
        with disk_errors():
            manifest = load_manifest(self._store, version)
            adjustment = plan_adjustment(manifest, self.request.box_versions, self._store.list_blobs(version))
            self.wanted = frozenset(blob.sha256 for blob in adjustment.wanted)
            if adjustment.missing:
                with self._open() as upstream:
                    fetch_missing(
                        adjustment, version, transport=upstream.transport, store=self._store, check=self._check
                    )
                _log.info("patches_fetched", version=version, wan_bytes=upstream.transport.received_bytes)
            drop_surplus(adjustment, version, self._store)
        self.is_done = True

    def _open(self) -> AbstractContextManager[Upstream]:
        """In the hours of the site's line, as any image; nobody is told of the wait, for nobody waits for a patch."""
        return self._source.open(lambda: self.request, self._stopped, is_patient=False, show_wait=lambda _until: None)

    def _check(self) -> None:
        if self._stopped.is_set():
            raise Superseded
