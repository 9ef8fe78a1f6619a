import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from cebox.errors import Untrusted
from cebox.release.codecs import CODECS, get_codec
from tests.unit.release import hostile_payloads as hostile

WINDOW_BYTES = 1 << 24


@pytest.mark.parametrize("codec_id", CODECS)
@pytest.mark.parametrize("size", [1, 4096, 300_000])
def test_every_codec_gives_back_what_it_was_given(codec_id: str, size: int) -> None:
    chance = random.Random(size)
    codec = get_codec(codec_id)
    dictionary = chance.randbytes(100_000) if codec.needs_dictionary else b""
    data = (dictionary[500:] + chance.randbytes(size))[:size]

    payload = codec.encode(data, dictionary, 3)

    assert codec.decode(payload, dictionary, size, WINDOW_BYTES) == data


def test_a_large_dictionary_is_used_from_its_first_byte() -> None:
    """With zstd's own table sizes only the tail of a large dictionary is loaded."""
    chance = random.Random(1)
    dictionary = chance.randbytes(8 << 20)
    codec = get_codec("zstd-dict")

    assert len(codec.encode(dictionary[: 1 << 20], dictionary, 19)) < 10_000


@pytest.mark.parametrize("codec_id", CODECS)
@pytest.mark.parametrize("wrong_size", [0, 999, 1001, 1 << 40])
def test_a_payload_of_another_size_is_refused_before_it_is_allocated(codec_id: str, wrong_size: int) -> None:
    codec = get_codec(codec_id)
    dictionary = b"like this " * 50 if codec.needs_dictionary else b""
    payload = codec.encode(bytes(1000), dictionary, 3)
    with pytest.raises(Untrusted) as refusal:
        codec.decode(payload, dictionary, wrong_size, WINDOW_BYTES)

    assert refusal.value.code == "payload_undecodable"


@pytest.mark.parametrize("codec_id", hostile.FAMILIES)
def test_the_payloads_that_hostile_ones_are_made_of_are_sound(codec_id: str) -> None:
    codec = get_codec(codec_id)
    payload = codec.encode(hostile.NEW, hostile.OLD if codec.needs_dictionary else b"", 3)

    assert hostile.decode(codec_id, payload) == hostile.NEW
    assert hostile.diff_with() == hostile.sound_diff()
    assert hostile.decode("hdiff-lzma", hostile.pack_diff(hostile.sound_diff())) == hostile.NEW


@pytest.mark.parametrize(("codec_id", "name"), hostile.CASES)
def test_a_hostile_payload_is_refused(codec_id: str, name: str) -> None:
    with pytest.raises(Untrusted) as refusal:
        hostile.decode(codec_id, hostile.FAMILIES[codec_id][name]())

    assert refusal.value.code == "payload_undecodable"


MEASURE = """
import resource
from pathlib import Path
from cebox.errors import Untrusted
from tests.unit.release import hostile_payloads as hostile

def read(name):
    return int(Path("/proc/self/status").read_text().partition(name + ":")[2].split()[0]) << 10

def limit(size):
    resource.setrlimit(resource.RLIMIT_AS, (size, resource.RLIM_INFINITY))

hostile.decode("hdiff-lzma", hostile.pack_diff(hostile.sound_diff()))
payloads = [(codec_id, name, hostile.FAMILIES[codec_id][name]()) for codec_id, name in hostile.CASES]
before = read("VmSize")
limit(before + (16 << 20))
for codec_id, name, payload in payloads:
    try:
        hostile.decode(codec_id, payload)
    except Untrusted as refusal:
        assert not isinstance(refusal.__cause__, MemoryError), (codec_id, name)
limit(resource.RLIM_INFINITY)
print(read("VmSize") - before)
"""


def test_no_hostile_payload_makes_its_decoder_ask_for_more_memory_than_was_declared() -> None:
    """The limit is on address space: what is only asked for counts too. The outputs have some thousand bytes."""
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[3])}
    done = subprocess.run([sys.executable, "-c", MEASURE], capture_output=True, text=True, env=environment)

    assert done.returncode == 0, done.stderr
    assert int(done.stdout) <= 16 << 20


def test_an_unknown_codec_is_refused() -> None:
    with pytest.raises(Untrusted) as refusal:
        get_codec("lzma-of-tomorrow")

    assert refusal.value.code == "patch_codec_unknown"
