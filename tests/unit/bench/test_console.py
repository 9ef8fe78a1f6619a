"""What bench-console reckons from what it measured."""

from bench.console import Times, Visit, find_p95, report
from bench.measures import Measures


def test_a_p95_is_a_value_that_one_in_twenty_exceeds() -> None:
    assert find_p95([float(number) for number in range(1, 101)]) == 95
    assert find_p95([3.0]) == 3
    assert find_p95([1.0, 9.0, 5.0], 0.5) == 5


def test_a_page_is_as_fast_as_its_slowest_address() -> None:
    measures = Measures("bench-console")
    took = {
        Visit("devices", "all", "/devices"): Times(20.0, 8.0),
        Visit("devices", "by_site", "/devices?order=site"): Times(150.0, 7.0),
        Visit("journal", "first", "/journal"): Times(30.0, 12.0),
    }

    report(measures, "postgresql", took)

    rows = {row.name: (row.value, row.ok, row.note) for row in measures.rows}
    assert rows["postgresql/devices/p95_ms"] == (150.0, False, "worst: by_site")
    assert rows["postgresql/devices/cpu_ms"] == (8.0, None, "")
    assert rows["postgresql/journal/p95_ms"][1] is True
