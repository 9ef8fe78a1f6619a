"""What the system is made of, as the folder `os/` says it: packages, files of our own, kernel modules, per variant."""

import tomllib
from dataclasses import dataclass
from pathlib import Path

import msgspec

import cebox
from cebox.errors import InvalidInput

_BESIDE_THE_SOURCES = Path(cebox.__file__).parents[2] / "os"


class _Variant(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`variant.toml`. `modules`: those that reach the disk; `command_line`: words for the kernel; `languages`: whose
    translations of programs are kept, as `fr` or `pt_BR`.
    """

    kernel: str
    modules: tuple[str, ...]
    command_line: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Recipe:
    """`overlays` are laid over the tree in their order; `answers` are to what packages ask, in debconf's words;
    `left_out` are patterns of paths that packages bring for nobody.
    """

    variant: str
    packages: tuple[str, ...]
    modules: tuple[str, ...]
    command_line: tuple[str, ...]
    overlays: tuple[Path, ...]
    masked_units: tuple[str, ...]
    masked_generators: tuple[str, ...]
    initrd_init: Path
    languages: tuple[str, ...] = ()
    answers: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()


def load_recipe(variant: str, folder: Path | None = None) -> Recipe:
    """Without `folder`: the one beside the sources. Raises InvalidInput (`recipe_missing`, `recipe_malformed`,
    `variant_unknown`).
    """
    root = folder or _BESIDE_THE_SOURCES
    _verify_variant(root, variant)
    of_variant = root / "variants" / variant
    try:
        settings = msgspec.convert(tomllib.loads((of_variant / "variant.toml").read_text()), _Variant)
        packages = {*_read_list(root / "packages"), *_read_list(of_variant / "packages"), settings.kernel}
        return Recipe(
            variant=variant,
            packages=tuple(sorted(packages)),
            modules=settings.modules,
            command_line=settings.command_line,
            overlays=tuple(path for path in (root / "overlay", of_variant / "overlay") if path.is_dir()),
            masked_units=_read_list(root / "masked-units"),
            masked_generators=_read_list(root / "masked-generators"),
            initrd_init=root / "initrd/init",
            languages=settings.languages,
            answers=_read_list_if_any(of_variant / "answers"),
            left_out=_read_list_if_any(of_variant / "left-out"),
        )
    except (OSError, ValueError, msgspec.ValidationError) as error:
        raise InvalidInput("recipe_malformed", f"{root}: {error}", hint="Compare it with os/README.md.") from error


def list_variants(folder: Path | None = None) -> list[str]:
    return sorted(path.parent.name for path in (folder or _BESIDE_THE_SOURCES).glob("variants/*/variant.toml"))


def _verify_variant(root: Path, variant: str) -> None:
    known = list_variants(root)
    if not known:
        raise InvalidInput(
            "recipe_missing",
            f"{root} does not say what the system is made of",
            hint="Name the folder os/ of the sources with --os.",
        )
    if variant not in known:
        raise InvalidInput("variant_unknown", f"there is no variant {variant!r}", hint=f"Choose: {', '.join(known)}.")


def _read_list_if_any(path: Path) -> tuple[str, ...]:
    return _read_list(path) if path.is_file() else ()


def _read_list(path: Path) -> tuple[str, ...]:
    """One entry per line; what follows a `#` is for people."""
    lines = (line.partition("#")[0].strip() for line in path.read_text().splitlines())
    return tuple(line for line in lines if line)
