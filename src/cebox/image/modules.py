"""Kernel modules: which files a list of names means, and in which order they can be inserted."""

from collections.abc import Iterable
from pathlib import Path

from cebox.errors import InvalidInput


def list_modules(folder: Path, wanted: Iterable[str]) -> list[Path]:
    """Of the modules' folder of one kernel; what is built into the kernel is left out.

    Raises InvalidInput (`module_unknown`) and OSError.
    """
    needs = _read_needs(folder)
    places = {_plain(Path(path).name): path for path in needs}
    built_in = {_plain(Path(line).name) for line in (folder / "modules.builtin").read_text().splitlines()}
    ordered: dict[str, None] = {}
    for name in wanted:
        plain = _plain(name)
        if plain in places:
            ordered.update(dict.fromkeys(needs[places[plain]]))
        elif plain not in built_in:
            raise InvalidInput(
                "module_unknown",
                f"the kernel {folder.name} has no module {name}",
                hint="Correct the list `modules` of the variant, or choose another kernel package.",
            )
    return [folder / path for path in ordered]


def _read_needs(folder: Path) -> dict[str, list[str]]:
    """`modules.dep`: a module, a colon, what it needs; inserted from the last to the first."""
    needs = {}
    for line in (folder / "modules.dep").read_text().splitlines():
        path, _, rest = line.partition(":")
        needs[path] = [*reversed(rest.split()), path]
    return needs


def _plain(module: str) -> str:
    """As `/proc/modules` has it."""
    return module.partition(".ko")[0].replace("-", "_")
