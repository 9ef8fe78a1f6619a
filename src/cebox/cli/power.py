"""Where the lab of virtual machines listens: their power and their place are its, never the console's."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from cebox.cli.demo import DEFAULT_STATE

if TYPE_CHECKING:
    from cebox.lab.control import LabControl

LAB_VARIABLE = "CEBOX_LAB"


def find_lab(environment: Mapping[str, str] = os.environ) -> "LabControl":
    """Its calls raise Unavailable (`lab_not_running`) when no lab listens there."""
    from cebox.lab.control import SOCKET_NAME, LabControl

    named = environment.get(LAB_VARIABLE)
    return LabControl(Path(named) if named else DEFAULT_STATE / SOCKET_NAME)
