"""How much longer somebody's work takes, from what a machine says on its console."""

import pytest

from bench.machines.courtesy import Sample, compare, list_samples
from cebox.lab.vm.serial import Line


def take(cpu_ms: float, io_ms: float, count: int) -> list[Sample]:
    return [Sample(float(number), cpu_ms, io_ms) for number in range(count)]


def test_work_is_found_among_whatever_else_is_said() -> None:
    lines = [
        Line(1.0, "work: cpu_ms=101.5 io_ms=40.0"),
        Line(2.0, '{"event": "state"}'),
        Line(3.5, "[   12.1] work: cpu_ms=99 io_ms=41"),
    ]

    assert list_samples(lines) == [Sample(1.0, 101.5, 40.0), Sample(3.5, 99.0, 41.0)]


def test_one_slow_round_is_not_the_measure() -> None:
    before, during = take(100, 40, 12), [*take(120, 60, 11), Sample(99.0, 5000, 9000)]

    ratios = compare(before, during)

    assert (ratios["cpu"].value, ratios["io"].value) == (1.2, 1.5)
    assert ratios["cpu"].note.startswith("100 ms usually, 120 ms meanwhile, medians of 12 and 12")


@pytest.mark.parametrize(("before", "during"), [(4, 12), (12, 4), (12, 0)])
def test_too_few_rounds_measure_nothing(before: int, during: int) -> None:
    ratio = compare(take(100, 40, before), take(100, 40, during))["io"]

    assert ratio.value is None
    assert ratio.note == f"only {before} and {during} samples"
