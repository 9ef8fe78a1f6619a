"""What a witness on a workstation says of the window that tells of a restart."""

import pytest

from bench.machines.person import read_notice
from cebox.lab.vm.serial import Line

PANEL = "[Xfce4-panel|xfce4-panel|0,0 1280x27]"


@pytest.mark.parametrize(("star", "has_keyboard"), [("", False), ("*", True)])
def test_the_window_is_found_among_the_others(star: str, has_keyboard: bool) -> None:
    line = Line(9.0, f"windows: [{star}Cebox-notice|Redémarrage de ce poste|415,361 460x162] {PANEL}")

    notice = read_notice(line)

    assert (notice.right, notice.bottom, notice.has_keyboard) == (875, 523, has_keyboard)
