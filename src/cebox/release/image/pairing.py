"""Finds for every file of a new image the old file it most likely came from. Pure."""

import re
from collections.abc import Iterable, Mapping

from cebox.release.image.erofs import FilePlace

_DIGITS = re.compile(r"\d+")


def pair_files(old: Iterable[FilePlace], new: Iterable[FilePlace]) -> Mapping[FilePlace, FilePlace]:
    """By the same path, else the same path but for its numbers, else the same name but for its numbers.

    Of several candidates the one nearest in size is taken: two libraries of one name may lie in one image.
    """
    candidates = _Candidates(old)
    return {file: like for file in new if (like := candidates.find(file)) is not None}


class _Candidates:
    def __init__(self, files: Iterable[FilePlace]) -> None:
        self._by_path: dict[str, FilePlace] = {}
        self._by_shape: dict[str, list[FilePlace]] = {}
        self._by_name: dict[str, list[FilePlace]] = {}
        for file in files:
            shape = _shape(file.path)
            self._by_path[file.path] = file
            self._by_shape.setdefault(shape, []).append(file)
            self._by_name.setdefault(_name(shape), []).append(file)

    def find(self, file: FilePlace) -> FilePlace | None:
        shape = _shape(file.path)
        same = self._by_path.get(file.path)
        if same is not None:
            return same
        alike = self._by_shape.get(shape) or self._by_name.get(_name(shape)) or []
        return min(alike, key=lambda one: (abs(one.size - file.size), one.offset), default=None)


def _shape(path: str) -> str:
    return _DIGITS.sub("#", path)


def _name(path: str) -> str:
    return path.rpartition("/")[2]
