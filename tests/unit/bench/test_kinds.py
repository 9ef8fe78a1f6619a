"""A bad release of each kind that a box must survive, and releases that are built for it."""

import pytest

from bench.machines.kinds import KINDS
from bench.machines.systems import CLOUD, NEW, Family
from bench.machines.workstations import WORKSTATIONS
from bench.soak import STEPS


def test_every_kind_is_proved() -> None:
    assert {kind.name for kind in KINDS} == {"health", "panic", "hang", "slot", "uki"}
    assert {f"bad-{kind.name}" for kind in KINDS} <= set(STEPS)


def test_a_good_release_is_spoilt_on_the_disk_and_a_bad_one_needs_nobody() -> None:
    assert all(bool(kind.spoils) is (kind.system is NEW) for kind in KINDS)


@pytest.mark.parametrize("family", [CLOUD, WORKSTATIONS], ids=lambda family: str(family.variant))
def test_a_release_can_be_reached_from_the_one_before_it(family: Family) -> None:
    versions = [system.version for system in family.systems]

    assert versions == sorted(versions)
    assert all(system.before in versions[: versions.index(system.version)] for system in family.systems[1:])
