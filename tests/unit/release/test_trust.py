from datetime import timedelta

import pytest
from tuf.api.metadata import DelegatedRole  # type: ignore[attr-defined]  # tuf offers it there without naming it

from cebox.domain.version import Version
from cebox.errors import Untrusted
from cebox.release.trust import policy

NOVEMBER = Version.parse("2026.11.1")


def test_a_version_below_the_floor_is_refused() -> None:
    with pytest.raises(Untrusted) as refusal:
        policy.verify_not_below_floor(Version.parse("2026.11.1-rc.1"), NOVEMBER)

    assert refusal.value.code == "below_floor"


@pytest.mark.parametrize("floor", [None, NOVEMBER, Version.parse("2026.10.9")])
def test_a_version_at_or_above_the_floor_may_be_installed(floor: Version | None) -> None:
    policy.verify_not_below_floor(NOVEMBER, floor)


def test_a_target_path_names_its_release_and_back() -> None:
    assert policy.find_version(policy.manifest_path(NOVEMBER)) == NOVEMBER


@pytest.mark.parametrize(
    "path",
    ["", "releases", "releases/x/manifest.json", "releases/2026.11.1/other", "a/releases/2026.11.1/manifest.json"],
)
def test_another_target_path_names_no_release(path: str) -> None:
    assert policy.find_version(path) is None


@pytest.mark.parametrize(
    ("path", "is_delegated"),
    [
        ("releases/2026.11.1/manifest.json", True),
        ("releases/2026.11.1/blob", False),
        ("releases/2026.11.1/deeper/manifest.json", False),
        ("manifest.json", False),
        ("boxes/2026.11.1/manifest.json", False),
    ],
)
def test_the_publishers_key_can_name_manifests_and_nothing_else(path: str, is_delegated: bool) -> None:
    role = DelegatedRole(policy.RELEASES, ["a"], 1, terminating=True, paths=[policy.RELEASES_PATTERN])

    assert role.is_delegated_path(path) is is_delegated


def test_the_offline_signatures_outlive_the_online_ones() -> None:
    online = max(policy.LIFETIMES[role] for role in policy.ONLINE_ROLES)

    assert all(policy.LIFETIMES[role] > 3 * online for role in policy.OFFLINE_ROLES)
    assert policy.LIFETIMES[policy.TIMESTAMP] >= timedelta(days=60)
