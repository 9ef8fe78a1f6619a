"""The one root of every error the product raises.

An error says what went wrong (its message), which case it is (`code`, stable for ever, in `docs/errors.md`), what
the operator can do (`hint`) and whether the same call may succeed later (`is_transient`). It knows no HTTP status and
no exit code: each edge has one table for that.

    CeboxError
    ├── InvalidInput        the caller's words are wrong; trying again changes nothing
    ├── NotFound            no such thing, or not for this caller: the two look alike on purpose
    ├── NotPermitted        the caller is known but may not
    ├── NotAuthenticated    the caller is not known
    ├── Conflict            true at another time: somebody else changed the state
    ├── Untrusted           bytes or words that the signed chain does not vouch for
    ├── Unavailable         the other side, the network or a resource is missing now (transient)
    └── Exhausted           no room: disk full, slot too small
"""

from typing import ClassVar


class CeboxError(Exception):
    """Root of the tree; raise a family below it, with a code of its own.

    The families are for `except`; the code is for people, logs and tables.
    """

    is_transient: ClassVar[bool] = False

    def __init__(self, code: str, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} [{self.code}]"

    def __reduce__(self) -> tuple[object, ...]:
        return (_rebuild, (type(self), self.code, self.message, self.hint))


def _rebuild(family: type[CeboxError], code: str, message: str, hint: str) -> CeboxError:
    return family(code, message, hint=hint)


class InvalidInput(CeboxError):
    """The caller's words are wrong; trying again changes nothing."""


class NotFound(CeboxError):
    """No such thing, or not for this caller: the two look alike on purpose."""


class NotPermitted(CeboxError):
    """The caller is known but may not."""


class NotAuthenticated(CeboxError):
    """The caller is not known, or no longer."""


class Conflict(CeboxError):
    """True at another time: the state does not allow it now."""


class Untrusted(CeboxError):
    """Bytes or words that the signed chain does not vouch for."""


class Unavailable(CeboxError):
    """The other side, the network or a resource is missing now; the same call may succeed later."""

    is_transient = True


class Exhausted(CeboxError):
    """No room left: a full disk, a slot too small."""
