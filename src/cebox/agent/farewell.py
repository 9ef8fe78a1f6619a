"""What a machine that goes off shows while it still installs: somebody waits in front of it."""

from cebox.agent.box import Box
from cebox.agent.machine import PowerKind
from cebox.agent.words import Word, say
from cebox.protocol.device import Progress

_EVERY_SECONDS = 1.0


class Farewell:
    """For one download; shows nothing unless a shutdown waits for it."""

    def __init__(self, box: Box) -> None:
        self._box = box
        self._shown_at: float | None = None

    def show(self, progress: Progress) -> None:
        power = self._box.journal.now.power
        if power is None or power.kind is not PowerKind.SHUTDOWN:
            return
        now, people = self._box.monotonic(), self._box.machine.people
        text = say(Word.KEEP_ON, version=progress.version)
        if self._shown_at is None:
            people.announce(text)
        elif now - self._shown_at < _EVERY_SECONDS:
            return
        self._shown_at = now
        people.show_farewell(text, describe_progress(progress))


def describe_progress(progress: Progress) -> str:
    """Nobody is told of minutes that nobody knows."""
    percent = 100 * progress.done_bytes // progress.total_bytes if progress.total_bytes else 0
    if progress.seconds_left is None:
        return say(Word.INSTALLING, version=progress.version, percent=percent)
    minutes = -(-progress.seconds_left // 60)
    return say(Word.INSTALLING_LEFT, version=progress.version, percent=percent, minutes=minutes)
