"""`cebox demo --once`: the whole procedure on real processes, every rule seen and none broken."""

import re
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.timeout(420)
def test_the_whole_procedure_keeps_every_rule(tmp_path: Path) -> None:
    result = subprocess.run(
        [sys.executable, "-m", "cebox.cli.main", "demo", "--once", "--state", str(tmp_path / "once")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    seen = set(re.findall(r"^(R\d+) +kept", result.stdout, re.MULTILINE))
    assert seen >= {f"R{number}" for number in range(1, 14)}
    assert "BROKEN" not in result.stdout
    assert not (tmp_path / "once").exists()
