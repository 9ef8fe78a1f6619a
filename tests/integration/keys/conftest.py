"""One vendor with one release for all tests that only read it."""

import pytest

from tests.machines.key_maker import KeyMaker


@pytest.fixture(scope="session")
def maker(tmp_path_factory: pytest.TempPathFactory) -> KeyMaker:
    maker = KeyMaker(tmp_path_factory.mktemp("vendor"))
    maker.publish()
    return maker
