"""Where a box is and where it takes a release from: its site's WRS, the mirror on its own machine, or the cloud.

Bytes and words are two things here. Any source may send bytes, for they are checked one by one; what a release *is*
comes from signed metadata, and when the site's is unusable the cloud's is taken, with the bytes still from the site.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog
from msgspec.structs import replace

from cebox.agent.box import Box
from cebox.agent.journal import Journal, Update
from cebox.agent.line import Line, add_bytes, open_source
from cebox.domain.device import DeviceKind, Place
from cebox.domain.resolution import SiteServer
from cebox.domain.version import Version
from cebox.errors import CeboxError, InvalidInput, NotFound, Unavailable, Untrusted
from cebox.protocol.device import SiteInfo, SiteServerInfo
from cebox.protocol.site_client import fetch_statement
from cebox.release.manifest import Manifest

if TYPE_CHECKING:
    from cebox.release.trust.repository import TrustedRepository

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


def get_manifest(box: Box, line: Line, version: str) -> Manifest:
    """What `version` is, from the repository that `line` leads to or, if its metadata is of no use, from the cloud's.

    Remembers the floor. Raises what `release.fetch` raises.
    """
    wanted = Version.parse(version)
    if box.manifest is not None and box.manifest.version == wanted:
        return box.manifest
    lines = dict.fromkeys((line, Line.CLOUD) if box.facts.repository_url else (line,))
    failure: CeboxError | None = None
    for candidate in lines:
        try:
            box.manifest = _fetch_manifest(box, candidate, wanted)
        except (Untrusted, NotFound, Unavailable) as error:
            # A source that is away may have it; that the other lacks it is then no last word.
            failure = error if failure is None or error.is_transient else failure
            _log.warning("metadata_not_usable", code=error.code, reason=error.message, line=candidate)
        else:
            return box.manifest
    assert failure is not None
    raise failure


def _fetch_manifest(box: Box, line: Line, version: Version) -> Manifest:
    # Imported late: see `runner`.
    from cebox.release.trust.repository import TrustedRepository

    with open_source(box, line, str(version)) as transport:
        repository = TrustedRepository(transport, box.trust_folder / line, _read_root(box, line), now=box.now)
        manifest = repository.get_manifest(version)
        _remember_floor(box, manifest.floor)
        newest = repository.list_versions()[-1]
        if newest != version:
            _remember_newest_floor(box, repository, newest)
        add_bytes(box, line, transport.received_bytes)
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


def _read_root(box: Box, line: Line) -> bytes:
    """For the cloud the root this box was given; for others the newest the cloud has shown, so that a mirror cannot
    bring back keys the vendor has replaced.
    """
    newest = box.trust_folder / Line.CLOUD / "root.json"
    is_cloud = line is Line.CLOUD
    try:
        return newest.read_bytes() if not is_cloud and newest.exists() else box.settings.root_file.read_bytes()
    except OSError as error:
        raise InvalidInput(
            "root_missing",
            f"the trust anchor cannot be read: {error.strerror or error}",
            hint="Install the box again, or put the vendor's root.json back.",
        ) from error
