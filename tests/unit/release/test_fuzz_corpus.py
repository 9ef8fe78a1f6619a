"""Replays what the fuzzers start from and what they once found, without their engine."""

import importlib
from pathlib import Path

import pytest

from fuzz.run import TARGETS

CORPUS = Path(__file__).parents[3] / "fuzz/corpus"


@pytest.mark.parametrize("name", TARGETS)
def test_no_seed_and_no_kept_input_breaks_its_target(name: str) -> None:
    target = importlib.import_module(f"fuzz.{name}")
    inputs = dict(target.list_seeds())
    assert len(inputs) > 5
    inputs |= {path.name: path.read_bytes() for path in (CORPUS / name).iterdir() if path.is_file()}

    for content in inputs.values():
        target.check(content)


@pytest.mark.parametrize("name", TARGETS)
def test_the_kept_inputs_stay_small(name: str) -> None:
    assert sum(path.stat().st_size for path in (CORPUS / name).iterdir()) < 64 << 10


def test_an_image_packed_as_an_input_is_unpacked_to_the_same_bytes() -> None:
    target = importlib.import_module("fuzz.erofs_layout")
    image = bytes(1024) + b"abc" + bytes(100) + bytes(range(256)) * 3 + bytes(2201)

    assert target.unpack(target.pack(image)) == image
