"""The WRS as a process: settings, one mirror, two listeners, until it is told to stop."""

import asyncio
import fcntl
import os
import resource
from pathlib import Path

import structlog

from cebox.errors import InvalidInput, Unavailable
from cebox.kit.clock import utc_now
from cebox.kit.log import configure_log
from cebox.wrs.control_app import ControlApp
from cebox.wrs.lan_app import LanApp
from cebox.wrs.mirror import Mirror
from cebox.wrs.server import open_control_socket, open_lan_socket, serve_until_stopped
from cebox.wrs.settings import WrsSettings, load_settings
from cebox.wrs.statement import SiteSigner

_log = structlog.get_logger("cebox.wrs")


def run_wrs(folder: Path) -> int:
    """Serve until SIGTERM; the exit code is 0 then.

    Raises CeboxError when it cannot start: `settings_…`, `root_missing`, `mirror_in_use`, `address_unavailable` …
    """
    configure_log()
    settings = load_settings(folder)
    root = _load_root(settings.root_file)
    settings.state_folder.mkdir(parents=True, exist_ok=True)
    lock = lock_folder(settings.state_folder)
    try:
        _serve(settings, Mirror(settings=settings, root=root, clock=utc_now))
    finally:
        os.close(lock)
    return 0


def lock_folder(folder: Path) -> int:
    """One mirror per folder, as long as the descriptor stays open. Raises Unavailable (`mirror_in_use`)."""
    descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        raise Unavailable(
            "mirror_in_use",
            f"another WRS works in {folder}",
            hint="Only one WRS runs per folder; stop the other one first.",
        ) from error
    return descriptor


def allow_many_boxes() -> None:
    """A box that reads has three descriptors here; the usual soft limit of 1024 is meant for programs with `select`."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _load_root(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InvalidInput(
            "root_missing",
            f"the trust anchor {path} cannot be read: {error.strerror}",
            hint="Copy the vendor's root.json there; without it nothing can be verified.",
        ) from error


def _serve(settings: WrsSettings, mirror: Mirror) -> None:
    allow_many_boxes()
    signer = SiteSigner(device_key_file=settings.device_key_file, identity_file=settings.identity_file)
    lan = open_lan_socket(settings.listen_host, settings.listen_port)
    control = open_control_socket(settings.control_socket)
    mirror.start()
    host, port = lan.getsockname()[:2]
    _log.info("listening", host=host, port=port, control=str(settings.control_socket))
    asyncio.run(serve_until_stopped([(LanApp(mirror, signer).build(), lan), (ControlApp(mirror).build(), control)]))
    settings.control_socket.unlink(missing_ok=True)
    _log.info("stopped", lan_bytes=mirror.get_state().lan_bytes)
