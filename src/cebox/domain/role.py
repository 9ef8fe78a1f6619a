"""Who may do what. A user is the vendor's, or belongs to one account."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from cebox.errors import NotPermitted


class Role(StrEnum):
    VENDOR_OPERATOR = "vendor-operator"
    VENDOR_SUPPORT = "vendor-support"
    ACCOUNT_ADMIN = "account-admin"
    ACCOUNT_OPERATOR = "account-operator"
    ACCOUNT_VIEWER = "account-viewer"


class Permission(StrEnum):
    VIEW = "view"
    ACT = "act"
    ADMINISTER = "administer"
    VENDOR = "vendor"


_VIEW = frozenset({Permission.VIEW})
GRANTS: Mapping[Role, frozenset[Permission]] = MappingProxyType(
    {
        Role.VENDOR_OPERATOR: frozenset(Permission),
        Role.VENDOR_SUPPORT: _VIEW,
        Role.ACCOUNT_ADMIN: _VIEW | {Permission.ACT, Permission.ADMINISTER},
        Role.ACCOUNT_OPERATOR: _VIEW | {Permission.ACT},
        Role.ACCOUNT_VIEWER: _VIEW,
    }
)


class TokenScope(StrEnum):
    """How much of what its user may do an API token may do; each holds the one before."""

    READ = "read"
    ACT = "act"
    MANAGE = "manage"


SCOPE_GRANTS: Mapping[TokenScope, frozenset[Permission]] = MappingProxyType(
    {
        TokenScope.READ: _VIEW,
        TokenScope.ACT: _VIEW | {Permission.ACT},
        TokenScope.MANAGE: frozenset(Permission),
    }
)
VENDOR_ROLES = frozenset({Role.VENDOR_OPERATOR, Role.VENDOR_SUPPORT})


def may(role: Role, permission: Permission) -> bool:
    """VIEW reads; ACT sends actions; ADMINISTER changes sites, keys and users; VENDOR publishes, tags, migrates."""
    return permission in GRANTS[role]


def find_administering_role(role: Role) -> Role:
    """Who administers where `role` belongs: one of them must always remain."""
    return Role.VENDOR_OPERATOR if role in VENDOR_ROLES else Role.ACCOUNT_ADMIN


def verify_scope(scope: TokenScope, permission: Permission) -> None:
    """Raises NotPermitted (`token_scope_too_narrow`)."""
    if permission not in SCOPE_GRANTS[scope]:
        raise NotPermitted(
            "token_scope_too_narrow",
            f"a token of the scope {scope} may not {permission}",
            hint="Make a token of a wider scope.",
        )


def verify_permitted(role: Role, permission: Permission) -> None:
    """Raises NotPermitted (`role_may_not`)."""
    if not may(role, permission):
        raise NotPermitted(
            "role_may_not",
            f"the role {role} may not {permission}",
            hint="Ask an administrator of the account, or the vendor.",
        )
