"""When a box and its console talk: two threads, from the first word to goodbye.

The listener holds the long-poll, which brings orders the moment they are given. The reporter sends what cannot wait for
the poll's end: results, and progress at the pace the console asked for. Either may fail for hours; nothing is lost, for
results stay in the journal until the console says it has them.
"""

import threading
from collections.abc import Callable, Iterator

import structlog

from cebox.agent.box import Box
from cebox.agent.sync import Exchange
from cebox.errors import CeboxError
from cebox.kit.backoff import wait_times
from cebox.protocol.device import LONGEST_WAIT_SECONDS

_log = structlog.get_logger()


class Conversation:
    """`enrol` makes the box known; it is called until it succeeds, before anything else is said."""

    def __init__(self, box: Box, exchange: Exchange, enrol: Callable[[], object]) -> None:
        self._box = box
        self._exchange = exchange
        self._enrol = enrol
        self._is_over = threading.Event()
        self._is_heard = threading.Event()

    def start(self) -> None:
        for target, name in ((self._listen, "listener"), (self._report, "reporter")):
            threading.Thread(target=target, name=name, daemon=True).start()

    def stop(self) -> None:
        """Begin nothing more; what is on its way may still arrive."""
        self._is_over.set()
        self._is_heard.set()
        self._box.live.changed.set()

    def say_goodbye(self) -> None:
        """The last word before power goes. Takes `goodbye_seconds` at most, whatever the network does. Never raises."""
        self.stop()
        last = threading.Thread(target=self._say_last, name="goodbye", daemon=True)
        last.start()
        last.join(self._box.settings.goodbye_seconds)

    def _say_last(self) -> None:
        try:
            self._enrol()
            self._exchange.say_goodbye()
        except CeboxError as error:
            _log.info("goodbye_not_heard", code=error.code)

    def _listen(self) -> None:
        is_known, is_first, waits = False, True, self._new_waits()
        while not self._is_over.is_set():
            try:
                if not is_known:
                    self._enrol()
                    is_known = True
                # After silence the first question is not held, so that the reporter need not wait for its answer.
                self._exchange.poll(0 if is_first else self._wait_seconds())
            except CeboxError as error:
                _log.info("console_not_heard", code=error.code, reason=error.message)
                self._lose_console()
                is_first = True
                self._is_over.wait(next(waits))
            else:
                is_first, waits = False, self._new_waits()
                self._find_console()

    def _report(self) -> None:
        live, waits = self._box.live, self._new_waits()
        while not self._is_over.is_set():
            live.changed.wait()
            # A console that is away is tried by the listener alone.
            self._is_heard.wait()
            live.changed.clear()
            if self._is_over.is_set():
                return
            try:
                self._exchange.report()
            except CeboxError as error:
                _log.info("report_not_heard", code=error.code, reason=error.message)
                live.changed.set()
                self._is_over.wait(next(waits))
            else:
                waits = self._new_waits()
            self._is_over.wait(self._box.facts.settings.progress_interval_milliseconds / 1000)

    def _find_console(self) -> None:
        self._box.live.is_console_heard = True
        if not self._is_heard.is_set():
            self._is_heard.set()
            self._box.live.changed.set()

    def _lose_console(self) -> None:
        self._box.live.is_console_heard = False
        if not self._is_over.is_set():
            self._is_heard.clear()

    def _wait_seconds(self) -> int:
        return max(1, min(self._box.facts.settings.wait_seconds, LONGEST_WAIT_SECONDS))

    def _new_waits(self) -> Iterator[float]:
        settings = self._box.settings
        return wait_times(first_seconds=settings.first_retry_seconds, most_seconds=settings.most_retry_seconds)
