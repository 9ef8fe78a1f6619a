"""The mirror: takes orders, works them off in a thread of its own, and says at any moment how far it is.

The order is saved before the work, so a restart goes on with it. The newest order wins; one that is under way or done
already is not begun again. Between orders the same thread keeps the metadata of what it holds fresh.
"""

import threading
from collections.abc import Collection
from pathlib import Path

import msgspec
import structlog

from cebox.errors import CeboxError, Exhausted, Unavailable
from cebox.kit.clock import Clock, format_utc
from cebox.protocol.device import Problem
from cebox.protocol.problems import describe_problem
from cebox.protocol.site import MirrorPhase, MirrorState, PrepareRequest
from cebox.wrs.counter import DurableCounter
from cebox.wrs.following import Following
from cebox.wrs.orders import verify_order
from cebox.wrs.patience import Superseded
from cebox.wrs.phases import MirrorEvent, next_phase, not_prepared
from cebox.wrs.preparation import refresh_metadata
from cebox.wrs.record import MirrorRecord, load_record, save_record
from cebox.wrs.reference_clock import ReferenceClock
from cebox.wrs.run import MirrorRun, disk_errors
from cebox.wrs.settings import WrsSettings
from cebox.wrs.store import ReleaseStore
from cebox.wrs.upstream import UpstreamSource

_log = structlog.get_logger("cebox.wrs")


class Mirror:
    """`root` is the trust anchor. Only one mirror may work in a folder: see `main.lock_folder`."""

    def __init__(self, *, settings: WrsSettings, root: bytes, clock: Clock) -> None:
        self.store = ReleaseStore(settings.state_folder)
        self.store.create()
        self._settings = settings
        self._now = ReferenceClock(clock)
        self._source = UpstreamSource(settings, root, self._now)
        self._wan = DurableCounter(self._folder / "wan-bytes")
        self._lan_bytes = 0
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._run: MirrorRun | None = None
        self._next: MirrorRun | None = None
        self._following: Following | None = None
        self._record = MirrorRecord()

    @property
    def _folder(self) -> Path:
        return self._settings.state_folder

    def start(self) -> None:
        """Find the state on disk and go on with an order that was cut short. Raises OSError."""
        record = load_record(self._folder)
        if record.request is not None:
            self._now.recall(record.request.reference_time)
        if record.phase is MirrorPhase.FETCHING and record.request is not None:
            self._next = self._plan_run(record.request, is_continued=True)
        elif record.phase is not MirrorPhase.FAILED:
            is_prepared = self.store.find_prepared() is not None
            phase = MirrorPhase.PREPARED if is_prepared else MirrorPhase.IDLE
            record = msgspec.structs.replace(record, phase=phase)
        self._record = record
        # A daemon: the process may end at any moment, which is harmless, and must end at once when told to.
        threading.Thread(target=self._work, name="mirror", daemon=True).start()

    def prepare(self, request: PrepareRequest) -> MirrorState:
        """Raises InvalidInput for a malformed order, CeboxError (`disk_full`, `disk_failed`)."""
        verify_order(request)
        with self._lock:
            self._now.learn(request.reference_time)
            if not self._is_under_way_or_done(request.version):
                self._begin(request)
            else:
                self._heed(request)
            return self._describe()

    def follow(self, request: PrepareRequest) -> MirrorState:
        """From now on keep, of that release, exactly the patches its site needs; asking the same again is a reminder.

        Raises InvalidInput for a malformed order, CeboxError (`disk_full`, `disk_failed`).
        """
        verify_order(request)
        wish = msgspec.structs.replace(request, reference_time="")
        with self._lock:
            self._now.learn(request.reference_time)
            following = self._following
            if wish != self._record.followed:
                self._save(msgspec.structs.replace(self._record, followed=wish))
                self._stop_following()
                self._wake.set()
            elif following is None or not following.is_done:
                self._wake.set()
            return self._describe()

    def serve(self, version: str) -> MirrorState:
        """Switch to the prepared `version`; harmless when it is served already.

        Raises Conflict (`not_prepared`), CeboxError (`disk_full`, `disk_failed`).
        """
        with self._lock:
            if self._record.phase is MirrorPhase.PREPARED and self.store.find_prepared() == version:
                self._switch(version)
            elif self.store.find_served() != version:
                raise not_prepared()
            return self._describe()

    def get_state(self) -> MirrorState:
        with self._lock:
            return self._describe()

    def count_lan_bytes(self, count: int) -> None:
        """Called from the server's loop only."""
        self._lan_bytes += count

    def _describe(self) -> MirrorState:
        record, gauge = self._record, self._run.gauge if self._run else None
        is_prepared = record.phase is MirrorPhase.PREPARED
        return MirrorState(
            phase=record.phase,
            served=self.store.find_served(),
            preparing=record.request.version if record.request and record.phase is MirrorPhase.FETCHING else None,
            prepared=self.store.find_prepared() if is_prepared else None,
            done_bytes=record.total_bytes if is_prepared else gauge.done_bytes if gauge else 0,
            total_bytes=record.total_bytes if is_prepared else gauge.total_bytes if gauge else 0,
            wan_bytes=self._wan.value,
            lan_bytes=self._lan_bytes,
            waits_until=self._describe_wait(),
            error=record.error,
        )

    def _describe_wait(self) -> str:
        waits_until = self._run.waits_until if self._run else None
        return format_utc(waits_until) if waits_until and self._record.phase is MirrorPhase.FETCHING else ""

    def _is_under_way_or_done(self, version: str) -> bool:
        record = self._record
        if record.phase is MirrorPhase.PREPARED:
            return self.store.find_prepared() == version
        return record.phase is MirrorPhase.FETCHING and record.request is not None and record.request.version == version

    def _heed(self, request: PrepareRequest) -> None:
        """The version is under way or here: where the rest comes from, and how fast, is the newest word's."""
        before = self._record.request
        if before is None:
            return
        heeded = msgspec.structs.replace(
            before,
            repository_url=request.repository_url,
            download_bytes_per_second=request.download_bytes_per_second,
            download_window=request.download_window,
            time_zone=request.time_zone,
        )
        if heeded != before:
            self._save(msgspec.structs.replace(self._record, request=heeded))
            for run in (self._run, self._next):
                if run is not None and run.request.version == heeded.version:
                    run.request = heeded

    def _begin(self, request: PrepareRequest) -> None:
        last = self._record
        is_same = last.request is not None and last.request.version == request.version
        is_continued = is_same and last.phase is MirrorPhase.FAILED
        phase = next_phase(last.phase, MirrorEvent.PREPARE)
        self._save(MirrorRecord(phase=phase, request=request))
        self._stop_following()
        for run in (self._run, self._next):
            if run is not None:
                run.stop()
        self._run, self._next = None, self._plan_run(request, is_continued=is_continued)
        self._wake.set()

    def _stop_following(self) -> None:
        if self._following is not None:
            self._following.stop()

    def _plan_run(self, request: PrepareRequest, *, is_continued: bool) -> MirrorRun:
        return MirrorRun(request, source=self._source, store=self.store, wan=self._wan, is_continued=is_continued)

    def _switch(self, version: str) -> None:
        phase = next_phase(self._record.phase, MirrorEvent.SERVE)
        with disk_errors():
            self.store.switch(version, self._now())
        self._note(msgspec.structs.replace(self._record, phase=phase))
        self._wake.set()
        _log.info("release_served", version=version)

    def _save(self, record: MirrorRecord) -> None:
        with disk_errors():
            save_record(self._folder, record)
        self._record = record

    def _note(self, record: MirrorRecord) -> None:
        """Save what has happened already: true now even if the disk refuses it, and found again after a restart."""
        try:
            self._save(record)
        except CeboxError as error:
            self._record = record
            _log.error("record_not_saved", code=error.code, message=error.message)

    def _work(self) -> None:
        while True:
            self._wake.clear()
            try:
                self._work_once()
            except Exception:
                # The thread must outlive a mistake of ours: it is the only one that takes orders.
                _log.exception("mirror_broken")
            self._wake.wait(self._settings.refresh_metadata_seconds)

    def _work_once(self) -> None:
        with self._lock:
            run, self._next = self._next, None
            self._run = run or self._run
        if run is not None:
            self._work_off(run)
        else:
            self._tidy(self._follow_site())
            self._refresh()

    def _work_off(self, run: MirrorRun) -> None:
        log = _log.bind(version=run.request.version)
        log.info("preparation_begun", box_versions=run.request.box_versions)
        try:
            run.work()
        except Superseded:
            log.info("preparation_superseded")
        except CeboxError as error:
            log.warning("preparation_failed", code=error.code, message=error.message)
            self._fail(run, error)
        except Exception as error:
            self._fail(run, Unavailable("mirror_broken", f"the preparation broke: {type(error).__name__}"))
            raise
        else:
            self._end(run, MirrorEvent.COMPLETE)
            log.info("preparation_complete", wan_bytes=self._wan.value, total_bytes=run.gauge.total_bytes)

    def _fail(self, run: MirrorRun, error: CeboxError) -> None:
        if isinstance(error, Exhausted):
            # The room goes back to the machine; what it holds of the release is not worth a full disk.
            self._sweep()
        self._end(run, MirrorEvent.FAIL, describe_problem(error))

    def _end(self, run: MirrorRun, event: MirrorEvent, error: Problem | None = None) -> None:
        with self._lock:
            if self._run is not run:
                return
            phase = next_phase(self._record.phase, event)
            total_bytes = run.gauge.total_bytes
            self._note(msgspec.structs.replace(self._record, phase=phase, error=error, total_bytes=total_bytes))

    def _follow_site(self) -> Collection[str]:
        """The hashes to keep for it in the pool, whether it came to its end or not."""
        with self._lock:
            request = self._record.followed
            if request is None or request.version not in (self.store.find_served(), self.store.find_prepared()):
                return ()
            following = self._following = Following(request, source=self._source, store=self.store)
        log = _log.bind(version=request.version)
        try:
            following.work()
        except Superseded:
            log.info("following_superseded")
        except CeboxError as error:
            log.warning("site_not_followed", code=error.code, message=error.message)
        return following.wanted

    def _tidy(self, wanted: Collection[str]) -> None:
        if self._record.phase in (MirrorPhase.IDLE, MirrorPhase.PREPARED):
            self._sweep(wanted)

    def _sweep(self, wanted: Collection[str] = ()) -> None:
        try:
            self.store.sweep(versions={self.store.find_served(), self.store.find_prepared()}, blobs=wanted)
        except OSError as error:
            _log.error("sweep_failed", message=str(error))

    def _refresh(self) -> None:
        """Metadata expires; a site whose boxes trust it must not depend on how rarely it is updated."""
        request = self._record.request
        versions = [version for version in (self.store.find_served(), self.store.find_prepared()) if version]
        if request is None or not versions:
            return
        try:
            with self._source.open(lambda: request, threading.Event(), is_patient=False) as upstream:
                refresh_metadata(versions, upstream=upstream, store=self.store)
            _log.info("metadata_refreshed")
        except (CeboxError, OSError) as error:
            _log.warning("metadata_not_refreshed", message=str(error))
