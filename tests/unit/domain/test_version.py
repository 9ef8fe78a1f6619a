"""Versions: what parses, how they are ordered."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cebox.domain.version import Version
from cebox.errors import InvalidInput

versions = st.builds(
    Version,
    year=st.integers(2000, 2100),
    month=st.integers(0, 99),
    patch=st.integers(0, 999),
).flatmap(
    lambda final: st.one_of(
        st.just(final),
        st.builds(
            lambda stage, number: Version(final.year, final.month, final.patch, stage, number),
            st.sampled_from(["alpha", "beta", "rc"]),
            st.integers(0, 99),
        ),
    )
)


@given(versions)
def test_what_is_printed_is_parsed_back(version: Version) -> None:
    assert Version.parse(str(version)) == version


@given(versions, versions)
def test_any_two_are_ordered_one_way(one: Version, other: Version) -> None:
    assert (one < other) + (one == other) + (one > other) == 1


def test_numbers_count_as_numbers_and_a_prerelease_comes_before_its_release() -> None:
    texts = ["2026.9.10", "2026.11.0-alpha.1", "2026.11.0-beta.2", "2026.11.0-rc.2", "2026.11.0-rc.10", "2026.11.0"]
    assert sorted(set(texts), key=Version.parse) == texts


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026",
        "2026.11",
        "26.1.0",
        "2026.01.0",
        "2026.1.0-",
        "2026.1.0-rc",
        "2026.1.0-dev.1",
        " 2026.1.0",
        "2026.1.0\n",
        "2026.1.00",
        "٢٠٢٦.1.0",
        "../2026.1.0",
        "2026.1.0/..",
        "2026.1.9999999",
    ],
)
def test_what_is_no_version_is_refused_with_a_code(text: str) -> None:
    with pytest.raises(InvalidInput, match="version_malformed"):
        Version.parse(text)


@given(versions, versions)
def test_ranks_are_ordered_as_the_versions_are_and_say_which(one: Version, other: Version) -> None:
    assert (one < other) is (one.rank < other.rank)
    assert Version.from_rank(one.rank) == one
    assert 0 < one.rank < 2**63
