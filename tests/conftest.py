"""In CI nothing is passed over: what a test misses on that machine is a failure there."""

import os
from collections.abc import Generator
from functools import partial

import pytest

from tests.made_once import MakeOnce, find_common_room, make_once

# What takes minutes: the whole procedure in real processes, kills, lost lines, firmware, large images; one more engine.
_LONG = (
    "/e2e/",
    "killed",
    "test_bad_luck.py",
    "test_build_resumed.py",
    "test_boot_loader.py",
    "release/test_memory.py",
    "[postgresql",
    "-postgresql",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """`make test` leaves the `long` ones to `make test-long`."""
    for item in items:
        if any(sign in item.nodeid for sign in _LONG):
            item.add_marker(pytest.mark.long)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if os.environ.get("CI") and report.skipped and not hasattr(report, "wasxfail") and call.excinfo is not None:
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was passed over in CI: {call.excinfo.value}"
    return report


@pytest.fixture(scope="session", name="make_once")
def make_in_common_room(tmp_path_factory: pytest.TempPathFactory) -> MakeOnce:
    return partial(make_once, find_common_room(tmp_path_factory))
