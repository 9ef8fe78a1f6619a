"""What the mirror remembers of its task across a restart: the last request and how it ended (`mirror.json`)."""

from pathlib import Path

import msgspec

from cebox.kit.files import replace_file
from cebox.protocol.device import Problem
from cebox.protocol.site import MirrorPhase, PrepareRequest

_FILE = "mirror.json"
_FORMAT = 1


class MirrorRecord(msgspec.Struct, frozen=True, kw_only=True):
    """Which release is served or prepared is not in here: the store's links alone say it."""

    format: int = _FORMAT
    phase: MirrorPhase = MirrorPhase.IDLE
    request: PrepareRequest | None = None
    total_bytes: int = 0
    error: Problem | None = None
    followed: PrepareRequest | None = None
    """The release whose patches follow the site, and the site's versions; None until the agent has said them."""


def load_record(folder: Path) -> MirrorRecord:
    """A missing, damaged or future record is an empty one: the agent asks again, and nothing fetched is lost."""
    try:
        record = msgspec.json.decode((folder / _FILE).read_bytes(), type=MirrorRecord)
    except (OSError, msgspec.DecodeError):
        return MirrorRecord()
    if record.format != _FORMAT or (record.phase is MirrorPhase.FETCHING and record.request is None):
        return MirrorRecord()
    return record


def save_record(folder: Path, record: MirrorRecord) -> None:
    """Raises OSError."""
    replace_file(folder / _FILE, msgspec.json.encode(record))
