"""Where a person sits at a machine: its screen, its keyboard and its pointer, by the emulator's own protocol."""

import time
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from cebox.lab.vm.qemu import SCREEN_HEIGHT, SCREEN_WIDTH, Computer

# A machine in an emulator has to keep up with whoever types.
_BETWEEN_SECONDS = 0.25
_MOST = 0x7FFF
# The emulator names keys by what stands on an American keyboard; the machine takes it for a French one.
_FRENCH: Mapping[str, str] = MappingProxyType(
    {"a": "q", "q": "a", "w": "z", "z": "w", "m": "semicolon", " ": "spc", "-": "6", "\n": "ret"}
)


class Seat:
    """At a `computer` with a screen. Every act raises OSError when it is off."""

    def __init__(self, computer: Computer) -> None:
        self._computer = computer

    def save_picture(self, path: Path) -> None:
        """Of the screen as it is now, as PNG."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self._computer.ask("screendump", filename=str(path.absolute()), format="png")

    def press(self, *chords: str) -> None:
        """One after the other; a chord is `alt+tab`, in QEMU's names."""
        for chord in chords:
            self._computer.ask("send-key", keys=[{"type": "qcode", "data": key} for key in chord.split("+")])
            time.sleep(_BETWEEN_SECONDS)

    def type_text(self, text: str) -> None:
        """Small letters, spaces, hyphens and line ends, on a French keyboard. Raises ValueError at any other."""
        self.press(*list_keys(text))

    def click(self, x: int, y: int) -> None:
        """In points of the screen, from its upper left corner."""
        for axis, value, most in (("x", x, SCREEN_WIDTH), ("y", y, SCREEN_HEIGHT)):
            self._send({"type": "abs", "data": {"axis": axis, "value": value * _MOST // most}})
        time.sleep(_BETWEEN_SECONDS)
        for is_down in (True, False):
            self._send({"type": "btn", "data": {"button": "left", "down": is_down}})
            time.sleep(_BETWEEN_SECONDS)

    def _send(self, event: object) -> None:
        self._computer.ask("input-send-event", events=[event])


def list_keys(text: str) -> list[str]:
    """The keys that write `text` on a French keyboard, in QEMU's names. Raises ValueError."""
    keys = [_FRENCH.get(character, character) for character in text]
    for character, key in zip(text, keys, strict=True):
        if len(key) == 1 and not ("a" <= key <= "z" or character in _FRENCH):
            raise ValueError(f"no key is known for {character!r}")
    return keys
