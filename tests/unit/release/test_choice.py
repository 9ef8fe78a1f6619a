import random
import struct

import pytest

from cebox.release.codecs import CODECS, get_codec
from cebox.release.making.choice import Profile, encode_best, is_alike

LEVEL = 3
PROFILES: tuple[Profile, ...] = ("smallest", "light")


def machine_code(calls: int = 20_000) -> bytes:
    """As in a program: many calls of a few functions, each by its distance from the place of the call."""
    chance = random.Random(1)
    functions = [chance.randrange(1 << 22) for _ in range(50)]
    code = bytearray()
    for _ in range(calls):
        code += b"\x48\x89\xc7"[: chance.randrange(1, 4)] + b"\xe8"
        code += struct.pack("<i", chance.choice(functions) - len(code) - 4)
    return bytes(code)


def prose(seed: int = 1, words: int = 40_000) -> bytes:
    chance = random.Random(seed)
    return b" ".join(b"word%d" % chance.randrange(3000) for _ in range(words))


def edited(data: bytes, every: int = 5000) -> bytes:
    """The same with a short piece put in here and there, so that nothing stands where it did."""
    return b"--new--".join(data[at : at + every] for at in range(0, len(data), every))


def noise(size: int, seed: int = 1) -> bytes:
    return random.Random(seed).randbytes(size)


def test_machine_code_goes_through_the_filter_for_it() -> None:
    codec, payload = encode_best(machine_code(), b"", "smallest", LEVEL)

    assert codec == "lzma-x86"
    assert len(payload) < 0.7 * len(get_codec("lzma").encode(machine_code(), b"", LEVEL))


def test_text_does_not() -> None:
    assert encode_best(prose(), b"", "smallest", LEVEL)[0] == "lzma"


def test_code_behind_a_long_stretch_of_other_things_is_seen() -> None:
    assert encode_best(prose() + machine_code(100_000), b"", "smallest", LEVEL)[0] == "lzma-x86"


@pytest.mark.parametrize("profile", PROFILES)
def test_what_was_edited_is_sent_as_its_difference(profile: Profile) -> None:
    old = prose()
    codec, payload = encode_best(edited(old), old, profile, LEVEL)

    assert codec.startswith("hdiff-")
    assert len(payload) < len(old) / 50


@pytest.mark.parametrize("profile", PROFILES)
def test_a_dictionary_of_no_use_is_left_out(profile: Profile) -> None:
    codec, _ = encode_best(noise(200_000), noise(200_000, 2), profile, LEVEL)

    assert not get_codec(codec).needs_dictionary


@pytest.mark.parametrize("kind", ["prose", "code", "noise", "edited"])
def test_the_light_profile_asks_no_lzma_of_a_slow_processor(kind: str) -> None:
    dictionaries = (b"", prose(), noise(1000))
    data = {"prose": prose(2), "code": machine_code(), "noise": noise(50_000), "edited": edited(prose())}[kind]

    for dictionary in dictionaries:
        assert "lzma" not in encode_best(data, dictionary, "light", LEVEL)[0]


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("size", [1, 4096, 100_001])
@pytest.mark.parametrize("dictionary", [b"", b"x", noise(10_000, 2)], ids=["none", "one byte", "noise"])
def test_whatever_is_chosen_gives_the_bytes_back(profile: Profile, size: int, dictionary: bytes) -> None:
    for data in (noise(size), bytes(size), (dictionary * size)[:size] or b"a"):
        codec, payload = encode_best(data, dictionary, profile, LEVEL)
        beside = dictionary if CODECS[codec].needs_dictionary else b""

        assert get_codec(codec).decode(payload, beside, len(data), 1 << 24) == data


@pytest.mark.parametrize("profile", PROFILES)
def test_the_same_bytes_give_the_same_payload(profile: Profile) -> None:
    data, dictionary = edited(prose()), prose()

    assert encode_best(data, dictionary, profile, LEVEL) == encode_best(data, dictionary, profile, LEVEL)


def test_likeness_is_told_from_what_compresses_well_by_itself() -> None:
    assert is_alike(edited(noise(300_000)), noise(300_000))
    assert not is_alike(noise(300_000), noise(300_000, 2))
    assert not is_alike(bytes(300_000), noise(300_000))
    assert not is_alike(prose(), b"")
