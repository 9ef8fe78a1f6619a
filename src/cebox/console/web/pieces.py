"""Small facts the shell shows: the console's version, the roles in words."""

from collections.abc import Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from types import MappingProxyType

from cebox.console.web.words import mark as _
from cebox.domain.role import Role, TokenScope

ROLE_WORDS: Mapping[Role, str] = MappingProxyType(
    {
        Role.VENDOR_OPERATOR: _("Vendor's operator"),
        Role.VENDOR_SUPPORT: _("Vendor's support"),
        Role.ACCOUNT_ADMIN: _("Administrator"),
        Role.ACCOUNT_OPERATOR: _("Operator"),
        Role.ACCOUNT_VIEWER: _("Viewer"),
    }
)

SCOPE_WORDS: Mapping[TokenScope, str] = MappingProxyType(
    {
        TokenScope.READ: _("Read only"),
        TokenScope.ACT: _("Read and send actions"),
        TokenScope.MANAGE: _("All that its user may"),
    }
)


@cache
def console_version() -> str:
    try:
        return version("cebox")
    except PackageNotFoundError:
        return ""
