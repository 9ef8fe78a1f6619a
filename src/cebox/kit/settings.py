"""A program's settings: one TOML file in its folder, read once into a frozen model, unknown keys refused."""

import tomllib
from pathlib import Path
from typing import TypeVar, get_type_hints

import msgspec

from cebox.errors import InvalidInput

Model = TypeVar("Model", bound=msgspec.Struct)


def load_toml_settings(path: Path, model: type[Model]) -> Model:
    """Paths in the file count from its folder and are absolute in the answer.

    Raises InvalidInput (`settings_missing`, `settings_invalid`).
    """
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
        settings = msgspec.convert(raw, model, dec_hook=_decode_path)
    except FileNotFoundError as error:
        raise InvalidInput(
            "settings_missing", f"there is no {path}", hint="Name the program's folder with --dir."
        ) from error
    except (ValueError, msgspec.ValidationError) as error:
        raise InvalidInput("settings_invalid", f"{path}: {error}", hint="Compare it with docs/settings.md.") from error
    base = path.absolute().parent
    paths = (name for name, kind in get_type_hints(model).items() if kind is Path)
    return msgspec.structs.replace(settings, **{name: base / getattr(settings, name) for name in paths})


def _decode_path(wanted: type, value: object) -> object:
    if wanted is Path and isinstance(value, str) and value:
        return Path(value)
    raise ValueError(f"{value!r} is no path")
