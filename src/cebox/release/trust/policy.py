"""Who vouches for what, how long, and how far back a box may go. Pure: the policy of the signed chain.

    root (offline) ── targets (offline) ── releases (publisher) ── targets/releases/<version>/manifest.json
       └── snapshot, timestamp (online)

Lifetimes are long on the offline side and short online, yet a box that was off for half a year asks for the newest
metadata anyway: what must not expire while nobody works is only the newest root, targets and timestamp.
"""

from datetime import timedelta

from cebox.domain.version import Version
from cebox.errors import InvalidInput, Untrusted

ROOT = "root"
TARGETS = "targets"
RELEASES = "releases"
SNAPSHOT = "snapshot"
TIMESTAMP = "timestamp"
OFFLINE_ROLES = (ROOT, TARGETS)
ONLINE_ROLES = (RELEASES, SNAPSHOT, TIMESTAMP)

LIFETIMES: dict[str, timedelta] = {
    ROOT: timedelta(days=10 * 365),
    TARGETS: timedelta(days=5 * 365),
    RELEASES: timedelta(days=365),
    SNAPSHOT: timedelta(days=365),
    TIMESTAMP: timedelta(days=90),
}
# Metadata is signed anew when less than this part of its life is left.
RENEW_WITHIN = 1 / 2

# TUF matches path by path: `*` never crosses a slash, so the publisher's key can name manifests and nothing else.
RELEASES_PATTERN = "releases/*/manifest.json"

METADATA_FOLDER = "metadata"
TARGETS_FOLDER = "targets"
BLOBS_FOLDER = "blobs"

MOST_ROOT_ROTATIONS = 256
MOST_ROOT_BYTES = 512 << 10
MOST_TIMESTAMP_BYTES = 16 << 10
MOST_SNAPSHOT_BYTES = 256 << 10
MOST_TARGETS_BYTES = 5 << 20


def manifest_path(version: Version) -> str:
    """The TUF target path; the file lies below `targets/` under this very name."""
    return f"releases/{version}/manifest.json"


def find_version(target_path: str) -> Version | None:
    """The release a target path names; None when it names none."""
    folder, _, rest = target_path.partition("/")
    text, _, name = rest.partition("/")
    if folder != "releases" or name != "manifest.json":
        return None
    try:
        return Version.parse(text)
    except InvalidInput:
        return None


def verify_not_below_floor(version: Version, floor: Version | None) -> None:
    """`floor` is the highest floor of all releases seen. Raises Untrusted (`below_floor`)."""
    if floor is not None and version < floor:
        raise Untrusted(
            "below_floor",
            f"{version} is below {floor}, the lowest version this machine may go back to",
            hint="Choose a release at or above the floor.",
        )
