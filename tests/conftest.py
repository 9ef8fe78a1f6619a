"""In CI nothing is passed over: what a test misses on that machine is a failure there."""

import os
from collections.abc import Generator
from functools import partial

import pytest

from tests.made_once import MakeOnce, find_common_room, make_once


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
