"""The three pairs that transports are compared on: trees of real Debian workstations, and their images.

    old  ── big ──► new        everything that bookworm has changed since it came out
    old  ── middle ──► middle  the same with the kernel and the browser of the old one
    new  ── tiny ──► tiny      two small packages and three edited files more

In every tree the distribution's initrd is replaced by a small one of our own (see `initrd`), the same for all methods.
"""

import hashlib
import inspect
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench import initrd
from bench.debian import COMMON, SYSTEM, build_tree, get_cache, make_once
from cebox.release.image import tree as image_maker

PACKAGES = (
    *SYSTEM,
    "linux-image-amd64",
    "firefox-esr",
    *COMMON,
    "xserver-xorg",
    "xinit",
    "openbox",
    "lightdm",
    "pipewire",
    "vim-tiny",
    "busybox-static",
)
_REPLACED = ("vmlinuz*", "initrd.img*", "boot/System.map*", "boot/initrd.img*")
# Left out by every builder of images: the packager's own backups and caches.
_DROPPED = ("var/lib/dpkg/*-old", "var/cache/*/*-old", "var/cache/ldconfig/*")
_KEPT_IN_MIDDLE = (
    "boot",
    "usr/lib/modules",
    "usr/lib/firefox-esr",
    "usr/share/firefox-esr",
    "usr/bin/firefox-esr",
    "etc/firefox-esr",
)
_ADDED_IN_TINY = ("htop", "tree")
_EDITED_IN_TINY = {
    "etc/environment": "http_proxy=http://proxy.example:3128\n",
    "etc/NetworkManager/NetworkManager.conf": "\n[connection]\nwifi.powersave=2\n",
    "etc/lightdm/lightdm.conf": "\n[Seat:*]\ngreeter-hide-users=true\n",
}
# Modules that the maker of images imports for their names and types alone.
_NOT_OF_IMAGES = {"manifest", "slot", "patch"}


@dataclass(frozen=True, slots=True)
class System:
    """One system as an image and, where it is known, as the tree the image was made from."""

    image: Path
    sha256: str
    tree: Path | None = None

    @property
    def size_bytes(self) -> int:
        return self.image.stat().st_size


@dataclass(frozen=True, slots=True)
class Pair:
    """What every method is given: make `new` on a machine that has `old`."""

    name: str
    old: System
    new: System

    def get_trees(self) -> tuple[Path, Path]:
        """Raises FileNotFoundError when the images were given without the trees they were made from."""
        if self.old.tree is None or self.new.tree is None:
            raise FileNotFoundError(f"the trees of the pair {self.name} are not known")
        return self.old.tree, self.new.tree


def build_pairs() -> Iterator[Pair]:
    """Big, middle and tiny, each as soon as its images exist. Raises CalledProcessError with the tool's words."""
    old_tree = _prepare("old", with_updates=False)
    new_tree = _prepare("new", with_updates=True)
    old = _make_image("old", old_tree, like=None)
    new = _make_image("new", new_tree, like=old)
    yield Pair("big", old, new)
    yield Pair("middle", old, _make_image("middle", _make_middle(old_tree, new_tree), like=old))
    yield Pair("tiny", new, _make_image("tiny", _make_tiny(new_tree), like=new))


def read_given(text: str) -> Pair:
    """A pair of images named as OLD:NEW. Raises FileNotFoundError."""
    old, _, new = text.partition(":")
    return Pair("given", _read_image(Path(old)), _read_image(Path(new)))


def _prepare(name: str, *, with_updates: bool) -> Path:
    source = build_tree(f"workstation-{name}", with_updates=with_updates, packages=PACKAGES)

    def prepare(target: Path) -> None:
        _copy_tree(source, target)
        _drop(target, (*_REPLACED, *_DROPPED))
        for modules in (target / "usr/lib/modules").iterdir():
            initrd.write_initrd(target, modules.name, target / f"boot/initrd.img-{modules.name}")

    code = [inspect.getsource(initrd), initrd.INIT.read_text()]
    return make_once(f"tree-{name}", [source.name, *_REPLACED, *_DROPPED, *code], prepare)


def _make_middle(old: Path, new: Path) -> Path:
    def make(target: Path) -> None:
        _copy_tree(new, target)
        for name in _KEPT_IN_MIDDLE:
            _remove(target / name)
            if (old / name).exists():
                _copy_tree(old / name, target / name)

    return make_once("tree-middle", [old.name, new.name, *_KEPT_IN_MIDDLE], make)


def _make_tiny(new: Path) -> Path:
    def make(target: Path) -> None:
        _copy_tree(new, target)
        _install(target)
        for name, text in _EDITED_IN_TINY.items():
            with (target / name).open("r+") as stream:
                stream.seek(0, 2)
                stream.write(text)
        _drop(target, (*_DROPPED, "var/cache/apt/*", "var/lib/apt/lists/*", "var/log/*"))

    return make_once("tree-tiny", [new.name, *_ADDED_IN_TINY, *_DROPPED, *_EDITED_IN_TINY.values()], make)


def _install(tree: Path) -> None:
    """With the host's apt and the tree's own sources and dpkg: the tree has neither network nor caches."""
    apt = ["apt-get", "-q", "-y", "-o", f"Dir={tree}", "-o", f"DPkg::Chroot-Directory={tree}"]
    for words in (["update"], ["install", "--no-install-recommends", *_ADDED_IN_TINY]):
        subprocess.run([*apt, *words], check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)  # noqa: S603


def _make_image(name: str, tree: Path, like: System | None = None) -> System:
    """`like` is the image of the release before: what is as it was there keeps its place."""

    def make(target: Path) -> None:
        image_maker.make_image(tree, target, "erofs", like.image if like else None)

    ingredients = [tree.name, like.sha256 if like else "", *sorted(_list_code(Path(image_maker.__file__)))]
    return _read_image(make_once(f"image-{name}", ingredients, make), tree)


def _list_code(module: Path) -> set[str]:
    """What decides an image's bytes: the text of the module that makes it, and of those it stands on."""
    code = module.read_text()
    below = set(re.findall(r"^from cebox\.release\.(\w+) import", code, re.MULTILINE)) - _NOT_OF_IMAGES
    return {code}.union(*(_list_code(module.with_name(f"{name}.py")) for name in below))


def _read_image(path: Path, tree: Path | None = None) -> System:
    with path.open("rb") as stream:
        return System(path, hashlib.file_digest(stream, "sha256").hexdigest(), tree)


def _copy_tree(source: Path, target: Path) -> None:
    subprocess.run(["cp", "-a", "--reflink=auto", str(source), str(target)], check=True)  # noqa: S603, S607


def _drop(tree: Path, patterns: Iterable[str]) -> None:
    for pattern in patterns:
        for path in tree.glob(pattern):
            _remove(path)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


@contextmanager
def open_workspace() -> Iterator[Path]:
    """An empty folder to unpack in, beside the images and on the same disk; gone afterwards."""
    get_cache().mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="work-", dir=get_cache(), ignore_cleanup_errors=True) as folder:
        yield Path(folder)
