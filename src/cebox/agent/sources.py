"""Where a box is and where it takes a release from: its site's WRS, the mirror on its own machine, or the cloud.

Bytes and words are two things here. Any source may send bytes, for they are checked one by one; what a release *is*
comes from signed metadata, and when the site's is unusable the cloud's is taken, with the bytes still from the site.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import httpx
import structlog
from msgspec.structs import replace

from cebox.agent.box import Box
from cebox.agent.journal import Journal, Update
from cebox.domain.device import DeviceKind, Place
from cebox.domain.resolution import SiteServer, Source
from cebox.domain.version import Version
from cebox.errors import CeboxError, InvalidInput, NotFound, Unavailable, Untrusted
from cebox.kit.tls import get_tls_context
from cebox.protocol.device import SiteInfo, SiteServerInfo
from cebox.protocol.site import PREPARED_PATH, REPOSITORY_PATH
from cebox.protocol.site_client import fetch_statement, open_socket_client
from cebox.release.manifest import Manifest
from cebox.release.transport import HttpTransport

if TYPE_CHECKING:
    from cebox.release.fetch import TrustedRepository

_log = structlog.get_logger()

# The WRS gets this many chances per update before the box turns to the cloud.
_WRS_CHANCES = 2


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What `domain.resolve` needs to know of where the box stands."""

    place: Place
    server: SiteServer | None


def look_around(box: Box, update: Update | None) -> Surroundings:
    """Find out where the box is, by asking the site's WRS if there is one to ask.

    A WRS that let `update` down before counts as not reachable. One that is a WRS itself asks nobody.
    """
    site = box.facts.site
    if box.kind is DeviceKind.WRS:
        return Surroundings(Place.SITE, None)
    if site is None:
        return Surroundings(Place.AWAY, None)
    place = box.machine.location.find_place(site)
    if site.server is None or place is Place.AWAY:
        box.live.wrs_reachable = None
        return Surroundings(place or Place.AWAY, None)
    version = _ask_server(box, site, site.server)
    box.live.wrs_reachable = version is not None
    known = version or box.facts.site_version or site.server.version
    if place is None:
        place = Place.SITE if version else Place.AWAY
    if known is None:
        return Surroundings(place, None)
    is_reachable = version is not None and (update is None or update.source_failures < _WRS_CHANCES)
    return Surroundings(place, SiteServer(Version.parse(known), is_reachable))


def _ask_server(box: Box, site: SiteInfo, server: SiteServerInfo) -> str | None:
    """The version the site's WRS serves; None when it serves none, does not answer, or its word does not hold."""
    try:
        statement = fetch_statement(server, site_id=site.id, timeout_seconds=box.settings.wrs_timeout_seconds)
    except CeboxError as error:
        _log.warning("wrs_not_usable", code=error.code, reason=error.message)
        return None
    if statement.version is not None:
        box.journal.change(lambda now: _note_site_version(now, statement.version))
    return statement.version


def _note_site_version(journal: Journal, version: str | None) -> Journal:
    return replace(journal, facts=replace(journal.facts, site_version=version))


def source_url(box: Box, source: Source, version: str) -> str:
    """Raises Unavailable (`repository_unknown`) before the first word from the console."""
    if box.kind is DeviceKind.WRS:
        return f"{PREPARED_PATH}/{version}"
    site = box.facts.site
    if source is Source.WRS and site is not None and site.server is not None:
        return site.server.url.rstrip("/") + REPOSITORY_PATH
    return cloud_url(box)


def cloud_url(box: Box) -> str:
    """Raises Unavailable (`repository_unknown`)."""
    if not box.facts.repository_url:
        raise Unavailable(
            "repository_unknown",
            "the console has not said yet where releases are",
            hint="The box goes on when it has reached the console once.",
        )
    return box.facts.repository_url


@contextmanager
def open_source(box: Box, url: str) -> Iterator[HttpTransport]:
    """A transport to a repository; a bare path is one on the mirror's unix socket."""
    settings = box.settings
    is_cloud = url == box.facts.repository_url
    if url.startswith("/"):
        client = open_socket_client(settings.control_socket, timeout_seconds=settings.timeout_seconds)
        url = str(client.base_url).rstrip("/") + url
    else:
        client = httpx.Client(
            timeout=settings.timeout_seconds,
            follow_redirects=True,
            verify=get_tls_context(),
            # A proxy leads to the cloud, not to the machine next door.
            trust_env=is_cloud,
        )
    with client:
        yield HttpTransport(
            url,
            bytes_per_second=box.facts.settings.download_bytes_per_second if is_cloud else None,
            give_up_after_seconds=settings.source_give_up_seconds,
            client=client,
            most_wait_seconds=2.0,
        )


def get_manifest(box: Box, url: str, version: str) -> Manifest:
    """What `version` is, from the repository at `url` or, if its metadata is of no use, from the cloud's.

    Remembers the floor. Raises what `release.fetch` raises.
    """
    wanted = Version.parse(version)
    if box.manifest is not None and box.manifest.version == wanted:
        return box.manifest
    urls = dict.fromkeys((url, box.facts.repository_url or url))
    failure: CeboxError | None = None
    for candidate in urls:
        try:
            box.manifest = _fetch_manifest(box, candidate, wanted)
        except (Untrusted, NotFound, Unavailable) as error:
            # A source that is away may have it; that the other lacks it is then no last word.
            failure = error if failure is None or error.is_transient else failure
            _log.warning("metadata_not_usable", code=error.code, reason=error.message, url=candidate)
        else:
            return box.manifest
    assert failure is not None
    raise failure


def _fetch_manifest(box: Box, url: str, version: Version) -> Manifest:
    # Imported late: see `runner`.
    from cebox.release.fetch import TrustedRepository

    with open_source(box, url) as transport:
        folder = box.trust_folder / _trust_name(box, url)
        repository = TrustedRepository(transport, folder, _read_root(box, url), now=box.now)
        manifest = repository.get_manifest(version)
        _remember_floor(box, manifest.floor)
        newest = repository.list_versions()[-1]
        if newest != version:
            _remember_newest_floor(box, repository, newest)
        add_bytes(box, url, transport.received_bytes)
    return manifest


def _remember_newest_floor(box: Box, repository: "TrustedRepository", newest: Version) -> None:
    """A mirror may not have the newest release, only its name; the floor known before stands then."""
    try:
        _remember_floor(box, repository.get_manifest(newest).floor)
    except (NotFound, Untrusted) as error:
        _log.info("newest_manifest_not_usable", code=error.code, version=str(newest))


def _remember_floor(box: Box, floor: Version) -> None:
    known = box.journal.now.floor
    if known is None or Version.parse(known) < floor:
        box.journal.change(lambda now: replace(now, floor=str(floor)))


def add_bytes(box: Box, url: str, received_bytes: int) -> None:
    """Count what came from `url` for the update under way: over the WAN, over the LAN, or from this very machine."""
    is_wan, is_local = url == box.facts.repository_url, url.startswith("/")
    if is_local or not received_bytes:
        return

    def change(journal: Journal) -> Journal:
        update = journal.update
        if update is None:
            return journal
        wan_bytes = update.wan_bytes + (received_bytes if is_wan else 0)
        lan_bytes = update.lan_bytes + (0 if is_wan else received_bytes)
        return replace(journal, update=replace(update, wan_bytes=wan_bytes, lan_bytes=lan_bytes))

    box.journal.change(change)


def _trust_name(box: Box, url: str) -> str:
    """Each repository has its own memory: a mirror may rightly be older than the cloud."""
    if url == box.facts.repository_url:
        return "cloud"
    return "mirror" if url.startswith("/") else "site"


def _read_root(box: Box, url: str) -> bytes:
    """For the cloud the root this box was given; for others the newest the cloud has shown, so that a mirror cannot
    bring back keys the vendor has replaced.
    """
    newest = box.trust_folder / "cloud" / "root.json"
    is_cloud = url == box.facts.repository_url
    try:
        return newest.read_bytes() if not is_cloud and newest.exists() else box.settings.root_file.read_bytes()
    except OSError as error:
        raise InvalidInput(
            "root_missing",
            f"the trust anchor cannot be read: {error.strerror or error}",
            hint="Install the box again, or put the vendor's root.json back.",
        ) from error
