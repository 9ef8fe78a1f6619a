"""What a command's exit status says: one number per family of error, the same for every command."""

from collections.abc import Mapping
from types import MappingProxyType

from cebox.errors import (
    CeboxError,
    Conflict,
    Exhausted,
    InvalidInput,
    NotAuthenticated,
    NotFound,
    NotPermitted,
    Unavailable,
    Untrusted,
)

OK = 0
USAGE = 2
ENDED_BADLY = 9
INTERRUPTED = 130

EXIT_CODES: Mapping[type[CeboxError], int] = MappingProxyType(
    {
        InvalidInput: USAGE,
        NotFound: 3,
        NotPermitted: 4,
        NotAuthenticated: 4,
        Conflict: 5,
        Untrusted: 6,
        Unavailable: 7,
        Exhausted: 8,
    }
)

MEANINGS: Mapping[int, str] = MappingProxyType(
    {
        OK: "done",
        1: "a fault of cebox itself; the trace says where",
        USAGE: "the command's words are wrong: an option, a version, a tag, a file",
        3: "no such thing, or not for this user",
        4: "not signed in, or the role may not",
        5: "the state does not allow it now",
        6: "bytes or words that the signed chain does not vouch for",
        7: "the other side or the network is missing; the same command may succeed later",
        8: "no room: a full disk, a slot too small",
        ENDED_BADLY: "an action was sent and ended badly: refused, failed, rolled back, expired or cancelled",
        INTERRUPTED: "interrupted with Ctrl-C; an action already sent goes on",
    }
)


def exit_code(error: CeboxError) -> int:
    """The most specific family decides, so that a subclass needs no row of its own."""
    return next(EXIT_CODES[family] for family in type(error).__mro__ if family in EXIT_CODES)
