"""A bad release of each kind that a box must survive, and releases that are built for it."""

from bench.machines.kinds import KINDS
from bench.machines.systems import NEW, SYSTEMS
from bench.soak import STEPS


def test_every_kind_is_proved() -> None:
    assert {kind.name for kind in KINDS} == {"health", "panic", "hang", "slot", "uki"}
    assert {f"bad-{kind.name}" for kind in KINDS} <= set(STEPS)


def test_a_good_release_is_spoilt_on_the_disk_and_a_bad_one_needs_nobody() -> None:
    assert all(bool(kind.spoils) is (kind.system is NEW) for kind in KINDS)


def test_a_release_can_be_reached_from_the_one_before_it() -> None:
    versions = [system.version for system in SYSTEMS]

    assert versions == sorted(versions)
    assert all(system.before in versions[: versions.index(system.version)] for system in SYSTEMS[1:])
