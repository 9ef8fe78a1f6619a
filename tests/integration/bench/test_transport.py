"""The comparison on two small images, with the methods that need no tool of their own."""

import hashlib
import random
from pathlib import Path

import pytest

from bench.measures import Measures
from bench.pairs import Pair, read_given
from bench.rivals.chunks import RaucModel
from bench.transport import compare

pytestmark = pytest.mark.skipif(not Path("/usr/bin/time").exists(), reason="the Debian package `time` is not installed")


@pytest.fixture
def pair(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Pair:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    content = bytearray(random.Random(1).randbytes(1 << 20))
    (tmp_path / "old.img").write_bytes(content)
    content[5000:5100] = bytes(100)
    (tmp_path / "new.img").write_bytes(content)
    return read_given(f"{tmp_path}/old.img:{tmp_path}/new.img")


def test_a_given_pair_is_measured_with_every_method_on_images(pair: Pair, capsys: pytest.CaptureFixture[str]) -> None:
    measures = Measures("bench-transport")

    compare(pair, measures, [RaucModel()], is_fresh=False)

    rows = {row.name: row.value for row in measures.rows}
    assert 0 < (rows["given/ours/bytes"] or 0) < 10_000
    assert (rows["given/rauc-4k/bytes"] or 0) > 4096
    assert rows["given/rauc-4k/make_s"] is None
    assert rows["given/ours/apply_ratio"]
    assert "model" in capsys.readouterr().out


def test_what_another_method_gave_is_kept(pair: Pair, capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(2):
        compare(pair, Measures("bench-transport"), [RaucModel()], is_fresh=False)

    assert "cached from" in capsys.readouterr().out


def test_a_pair_is_known_by_the_content_of_its_images(pair: Pair) -> None:
    assert pair.new.sha256 == hashlib.sha256(pair.new.image.read_bytes()).hexdigest()
