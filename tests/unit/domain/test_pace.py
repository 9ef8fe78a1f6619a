"""How long a download takes: what was measured on the device, else on its site, else what is allowed, else unknown."""

import pytest

from cebox.domain.pace import NO_RATES, Basis, Duration, Rates, plan_duration
from cebox.domain.resolution import Source

FAST, SLOW = 10_000_000, 1_000_000


@pytest.mark.parametrize(
    ("source", "device", "site", "limit", "expected"),
    [
        (Source.CLOUD, Rates(cloud=SLOW), Rates(cloud=FAST), None, Duration(40, Basis.DEVICE)),
        (Source.CLOUD, NO_RATES, Rates(cloud=FAST), None, Duration(4, Basis.SITE)),
        (Source.CLOUD, NO_RATES, NO_RATES, SLOW, Duration(40, Basis.LIMIT)),
        (Source.CLOUD, Rates(cloud=FAST), NO_RATES, SLOW, Duration(40, Basis.DEVICE)),
        (Source.CLOUD, Rates(wrs=FAST), Rates(wrs=FAST), None, None),
        (Source.WRS, Rates(wrs=FAST), NO_RATES, SLOW, Duration(4, Basis.DEVICE)),
        (Source.WRS, NO_RATES, NO_RATES, SLOW, None),
    ],
)
def test_the_best_that_is_known_counts(
    source: Source, device: Rates, site: Rates, limit: int | None, expected: Duration | None
) -> None:
    assert plan_duration(40_000_000, source, device=device, site=site, limit_bytes_per_second=limit) == expected


def test_nothing_to_download_takes_no_time_that_is_worth_saying() -> None:
    known = Rates(FAST, FAST)
    assert plan_duration(0, Source.CLOUD, device=known, site=known, limit_bytes_per_second=None) is None


def test_a_duration_is_never_rounded_down_to_nothing() -> None:
    known = Rates(FAST, FAST)
    duration = plan_duration(1, Source.CLOUD, device=known, site=known, limit_bytes_per_second=None)
    assert duration == Duration(1, Basis.DEVICE)
