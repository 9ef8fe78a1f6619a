"""Keys that may no longer be used, and roles that may not."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from cebox.domain.device import PRESENCE, DeviceKind, is_on
from cebox.domain.ids import AccountId, KeyId
from cebox.domain.key import Key, verify_usable
from cebox.domain.role import GRANTS, Permission, Role, may, verify_permitted
from cebox.domain.version import Version
from cebox.errors import NotAuthenticated, NotPermitted

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
KEY = Key(
    KeyId("key_1"), AccountId("acc_1"), None, DeviceKind.CEBOX, Version.parse("2026.11.1"), NOON + timedelta(days=1), 1
)


def test_a_fresh_key_is_usable() -> None:
    verify_usable(KEY, NOON)


@pytest.mark.parametrize(
    ("key", "code"),
    [
        (replace(KEY, is_revoked=True), "key_revoked"),
        (replace(KEY, expires_at=NOON), "key_expired"),
        (replace(KEY, uses_left=0), "key_used_up"),
    ],
)
def test_a_key_that_is_over_is_refused_with_its_reason(key: Key, code: str) -> None:
    with pytest.raises(NotAuthenticated, match=code):
        verify_usable(key, NOON)


def test_every_role_may_view_and_only_some_may_act() -> None:
    assert set(GRANTS) == set(Role)
    assert all(may(role, Permission.VIEW) for role in Role)
    assert {role for role in Role if may(role, Permission.ACT)} == {
        Role.VENDOR_OPERATOR,
        Role.ACCOUNT_ADMIN,
        Role.ACCOUNT_OPERATOR,
    }
    with pytest.raises(NotPermitted, match="role_may_not"):
        verify_permitted(Role.VENDOR_SUPPORT, Permission.ACT)


def test_a_device_is_on_while_it_is_heard_and_off_at_its_goodbye() -> None:
    assert not is_on(None, False, NOON)
    assert is_on(NOON - PRESENCE, False, NOON)
    assert not is_on(NOON - PRESENCE - timedelta(seconds=1), False, NOON)
    assert not is_on(NOON, True, NOON)
