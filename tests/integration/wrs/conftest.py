"""A vendor with its repository on a real server, and a site server that knows it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.wrs.site_server import SiteServer
from tests.integration.wrs.vendor import Vendor
from tests.servers.range_server import RangeServer


@pytest.fixture
def vendor(tmp_path: Path) -> Vendor:
    return Vendor(tmp_path / "repository")


@pytest.fixture
def cloud(vendor: Vendor) -> Iterator[RangeServer]:
    with RangeServer(vendor.repository) as server:
        yield server


@pytest.fixture
def site(tmp_path: Path, vendor: Vendor) -> Iterator[SiteServer]:
    with SiteServer(tmp_path / "wrs", vendor.root) as server:
        yield server
