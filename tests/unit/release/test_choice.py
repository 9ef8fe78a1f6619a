import random
import struct

import pytest

from cebox.release.codecs import CODECS, get_codec
from cebox.release.making.choice import Profile, encode_best, get_recipe, is_alike

LEVEL = 3
PROFILES: tuple[Profile, ...] = ("smallest", "light", "quick")


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


def kind_of(name: str) -> bytes:
    return {"prose": prose(2, 10_000), "code": machine_code(), "noise": noise(50_000), "edited": edited(prose())}[name]


KINDS = ("prose", "code", "noise", "edited")
DICTIONARIES = (b"", prose(), noise(1000))


@pytest.mark.parametrize("kind", KINDS)
def test_the_quick_profile_takes_nothing_that_is_slow_to_unpack(kind: str) -> None:
    for dictionary in DICTIONARIES:
        assert not get_codec(encode_best(kind_of(kind), dictionary, "quick", LEVEL)[0]).is_slow


@pytest.mark.parametrize("kind", KINDS)
def test_the_light_profile_unpacks_slowly_only_what_saves_an_eighth(kind: str) -> None:
    data = kind_of(kind)
    for dictionary in DICTIONARIES:
        codec, payload = encode_best(data, dictionary, "light", LEVEL)
        quick = encode_best(data, dictionary, "quick", LEVEL)[1]

        assert not get_codec(codec).is_slow or len(payload) < 0.88 * len(quick)
        assert len(payload) <= len(quick)


def test_what_lzma_saves_decides_whether_it_is_taken() -> None:
    """Of filtered machine code a third, of prose a few hundredths."""
    assert encode_best(machine_code(), b"", "light", LEVEL)[0] == "lzma-x86"
    assert encode_best(prose(words=10_000), b"", "light", 19)[0] == "zstd"


def test_a_difference_that_lzma_does_not_make_smaller_is_packed_with_zstd() -> None:
    old = noise(200_000)
    data = b"".join(old[at : at + 2000] + noise(200, at) for at in range(0, len(old), 2000))

    assert encode_best(data, old, "smallest", LEVEL)[0] == "hdiff-zstd"


def test_what_is_made_of_many_short_pieces_of_its_dictionary_has_it_as_one() -> None:
    """A difference has to name each of them, and keeps nearly all of the data."""
    old = noise(100_000)
    chance = random.Random(3)
    data = b"".join(old[at : at + 8] for at in (chance.randrange(len(old) - 8) for _ in range(7500)))
    codec, payload = encode_best(data, old, "smallest", LEVEL)

    assert codec == "zstd-dict"
    assert len(payload) < len(data) / 3


def test_a_recipe_names_its_profile_its_level_and_the_libraries() -> None:
    recipes = {get_recipe(profile, level) for profile in PROFILES for level in (3, 19)}

    assert len(recipes) == 2 * len(PROFILES)
    assert all("hdiffpatch 2." in recipe and "zstandard 0." in recipe for recipe in recipes)


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("size", [1, 4096, 100_001])
@pytest.mark.parametrize("dictionary", [b"", b"x", noise(10_000, 2)], ids=["none", "one byte", "noise"])
def test_whatever_is_chosen_gives_the_bytes_back(profile: Profile, size: int, dictionary: bytes) -> None:
    for data in (noise(size), bytes(size), (dictionary * (size // max(len(dictionary), 1) + 1))[:size] or b"a"):
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
