"""The port `Health`: what a new system proves before it is kept.

That the agent runs needs no look. Other services have their say through units that `boot-complete.target` requires.
"""

import os
import time

from cebox.agent.machine import Contact, Examination, Verdict
from cebox.agent.systemd_boot.boot_partition import BootPartition
from cebox.agent.systemd_boot.network import has_network
from cebox.agent.systemd_boot.places import Places
from cebox.agent.systemd_boot.programs import Programs
from cebox.agent.systemd_boot.running import Running
from cebox.agent.systemd_boot.slots import find_entry

_COMPLETE = ("systemctl", "start", "boot-complete.target")
_COMPLETE_SECONDS = 60.0
_SIGN_EVERY_SECONDS = 10.0
_PROBE_BYTES = b"written by the trial of a new system\n"


class SystemdHealth:
    def __init__(self, places: Places, partition: BootPartition, running: Running, programs: Programs) -> None:
        self._places = places
        self._partition = partition
        self._running = running
        self._programs = programs
        self._signed_at: float | None = None

    def examine(self, missed: frozenset[Contact]) -> Examination:
        """Raises OSError when the system's own files cannot be read."""
        self._give_sign()
        if find_entry(self._partition, self._running, self._running.slot) is None:
            return Examination(Verdict.PENDING, "the boot partition does not show the running system")
        reason = self._find_write_error()
        if reason:
            return Examination(Verdict.UNHEALTHY, f"the data partition cannot be written: {reason}")
        if missed:
            names = ", ".join(sorted(contact.replace("_", " ") for contact in missed))
            return Examination(Verdict.PENDING, f"no answer yet from what answered before the update: {names}")
        said = self._programs.run(*_COMPLETE, timeout_seconds=_COMPLETE_SECONDS)
        if not said.is_success:
            return Examination(Verdict.UNHEALTHY, f"boot-complete.target: {said.text}")
        return Examination(Verdict.HEALTHY)

    def has_network(self) -> bool:
        return has_network(self._places)

    def _give_sign(self) -> None:
        now = time.monotonic()
        if self._signed_at is None or now - self._signed_at >= _SIGN_EVERY_SECONDS:
            self._places.trial_sign.touch()
            self._signed_at = now

    def _find_write_error(self) -> str:
        probe = self._places.state_probe
        try:
            with probe.open("wb") as stream:
                stream.write(_PROBE_BYTES)
                stream.flush()
                os.fsync(stream.fileno())
            probe.unlink()
        except OSError as error:
            return error.strerror or str(error)
        return ""
