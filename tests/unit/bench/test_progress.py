"""A long proof that is ended goes on where it was, and its table is that of all its runs."""

from pathlib import Path

from bench.machines.progress import Progress, Step, load_progress, save_progress, tabulate
from bench.measures import Row

GOOD = Step((Row("bad/hang/outcome", 1, "", "== 1", "rolled_back"),), 0, 60)
BROKEN = Step((Row("bad/uki/outcome", 0, "", "== 1"),), 1, 30)
CUTS = Step((Row("cuts/count", 14, "", ">= 14"), Row("cuts/bad_states", 0, "", "== 0")), 0, 90)


def test_what_was_done_is_not_done_again(tmp_path: Path) -> None:
    save_progress(tmp_path / "file", Progress("systems-1", {"hang": GOOD}))
    found = load_progress(tmp_path / "file", "systems-1")

    assert found.steps == {"hang": GOOD}
    assert found.list_left(["uki", "hang", "slot"]) == ["uki", "slot"]


def test_what_was_broken_is_done_again() -> None:
    assert Progress("", {"hang": GOOD, "uki": BROKEN}).list_left(["hang", "uki"]) == ["uki"]


def test_of_other_systems_nothing_is_known(tmp_path: Path) -> None:
    save_progress(tmp_path / "file", Progress("systems-1", {"hang": GOOD}))

    assert load_progress(tmp_path / "file", "systems-2") == Progress("systems-2")


def test_a_file_that_nobody_can_read_is_none(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b'{"subject": "systems-1", "ste')

    assert load_progress(tmp_path / "file", "systems-1") == Progress("systems-1")
    assert load_progress(tmp_path / "none", "systems-1") == Progress("systems-1")


def test_steps_that_measure_the_same_make_one_row() -> None:
    rows = tabulate({"hang": GOOD, "uki": BROKEN, "cuts-1": CUTS, "cuts-2": CUTS}, 5)

    assert [(row.name, row.value, row.ok) for row in rows] == [
        ("bad/hang/outcome", 1, True),
        ("bad/uki/outcome", 0, False),
        ("cuts/count", 28, True),
        ("cuts/bad_states", 0, True),
        ("rules/broken", 1, False),
    ]
    assert rows[-1].note == "4 of 5 steps, 4 minutes of machines"


def test_too_few_cuts_miss_their_goal() -> None:
    count = next(row for row in tabulate({"cuts-1": CUTS}, 5) if row.name == "cuts/count")

    assert count.ok is False
