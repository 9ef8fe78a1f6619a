from xml.etree import ElementTree

from bench.plot import list_panels, render

_PANELS = [("big", [("xdelta3", 125e6), ("ours", 77e6)]), ("tiny", [("ours", 0.19e6), ("full-zstd19", 350e6)])]


def test_the_picture_is_well_formed_and_the_same_every_time() -> None:
    picture = render(_PANELS)

    assert ElementTree.fromstring(picture).tag.endswith("svg")
    assert picture == render(_PANELS)


def test_bars_are_ordered_by_their_bytes_and_ours_has_its_own_colour() -> None:
    picture = render(_PANELS[:1])

    assert picture.index(">ours<") < picture.index(">xdelta3<")
    assert picture.count('class="ours"') == 1


def test_what_was_not_measured_has_no_bar() -> None:
    rows: list[dict[str, object]] = [
        {"name": "big/ours/bytes", "value": 5},
        {"name": "big/zstd-patch-from-19/bytes", "value": None},
        {"name": "big/ours/make_s", "value": 7.5},
        {"name": "big/copy_baseline_s", "value": 1.5},
    ]

    assert list_panels(rows) == [("big", [("ours", 5.0)])]
