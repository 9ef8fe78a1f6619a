"""One line whenever the windows on the screen have changed: each one's class, title and place; a star has the keyboard.

Asks the X server itself, as root; ends with it, or when there is none.
"""

import sys
import time
from collections.abc import Iterator
from ctypes import CDLL, CFUNCTYPE, POINTER, Structure, byref, c_char_p, c_int, c_long, c_uint, c_ulong, c_void_p
from pathlib import Path

_SOCKET = Path("/tmp/.X11-unix/X0")  # noqa: S108 - where X servers have theirs
_EVERY_SECONDS = 1.0
_VIEWABLE = 2
# A window manager puts a frame around a program's window, which makes it the frame's child.
_DEEPEST = 2


class ClassHint(Structure):
    _fields_ = (("name", c_char_p), ("kind", c_char_p))


class TextProperty(Structure):
    _fields_ = (("value", c_char_p), ("encoding", c_ulong), ("format", c_int), ("count", c_ulong))


class Attributes(Structure):
    """`XWindowAttributes`; of what is not looked at, the room."""

    _fields_ = (
        ("place", c_int * 2),
        ("size", c_int * 2),
        ("border_and_depth", c_int * 2),
        ("visual", c_void_p),
        ("root", c_ulong),
        ("kind_to_store", c_int * 4),
        ("planes", c_ulong * 2),
        ("save_under", c_int),
        ("colormap", c_ulong),
        ("map_installed", c_int),
        ("map_state", c_int),
        ("rest", c_long * 8),
    )


X = CDLL("libX11.so.6")
X.XOpenDisplay.restype = c_void_p
X.XDefaultRootWindow.restype = X.XInternAtom.restype = c_ulong
# A window may be gone when it is asked about.
go_on = CFUNCTYPE(c_int, c_void_p, c_void_p)(lambda _display, _error: 0)


class Screen:
    def __init__(self, display: int) -> None:
        self._display = c_void_p(display)
        self._has_keyboard: int | None = None
        self._root = c_ulong(X.XDefaultRootWindow(self._display))
        self._title, self._active = (
            c_ulong(X.XInternAtom(self._display, name, 0)) for name in (b"_NET_WM_NAME", b"_NET_ACTIVE_WINDOW")
        )

    def describe(self) -> str:
        self._has_keyboard = self._find_active()
        found = sorted(set(self._list_windows(self._root, 0)))
        return f"windows: {' '.join(found) or 'none'}"

    def _list_windows(self, parent: c_ulong, depth: int) -> Iterator[str]:
        for window in self._list_children(parent):
            attributes = Attributes()
            if not X.XGetWindowAttributes(self._display, window, byref(attributes)):
                continue
            kind = self._find_class(window)
            if kind and attributes.map_state == _VIEWABLE:
                x, y = self._find_place(window)
                width, height = attributes.size
                star = "*" if window.value == self._has_keyboard else ""
                yield f"[{star}{kind}|{self._find_title(window)}|{x},{y} {width}x{height}]"
            elif depth < _DEEPEST:
                yield from self._list_windows(window, depth + 1)

    def _list_children(self, window: c_ulong) -> list[c_ulong]:
        root, parent, children, count = c_ulong(), c_ulong(), POINTER(c_ulong)(), c_uint()
        if not X.XQueryTree(self._display, window, byref(root), byref(parent), byref(children), byref(count)):
            return []
        found = [c_ulong(children[number]) for number in range(count.value)]
        if children:
            X.XFree(children)
        return found

    def _find_active(self) -> int | None:
        kind, size, count, left, found = c_ulong(), c_int(), c_ulong(), c_ulong(), POINTER(c_ulong)()
        what = (self._display, self._root, self._active, c_long(0), c_long(1), 0, c_ulong(0))
        X.XGetWindowProperty(*what, byref(kind), byref(size), byref(count), byref(left), byref(found))
        return found[0] if count.value else None

    def _find_class(self, window: c_ulong) -> str:
        hint = ClassHint()
        return (hint.kind or b"").decode() if X.XGetClassHint(self._display, window, byref(hint)) else ""

    def _find_title(self, window: c_ulong) -> str:
        found = TextProperty()
        if not X.XGetTextProperty(self._display, window, byref(found), self._title):
            return ""
        return (found.value or b"").decode(errors="replace")

    def _find_place(self, window: c_ulong) -> tuple[int, int]:
        x, y, child = c_int(), c_int(), c_ulong()
        X.XTranslateCoordinates(self._display, window, self._root, 0, 0, byref(x), byref(y), byref(child))
        return x.value, y.value


def main() -> int:
    while not _SOCKET.exists():
        time.sleep(_EVERY_SECONDS)
    display = X.XOpenDisplay(b":0")
    if not display:
        return 1
    X.XSetErrorHandler(go_on)
    screen, said = Screen(display), ""
    while True:
        line = screen.describe()
        if line != said:
            said = line
            sys.stdout.write(f"{line}\n")
            sys.stdout.flush()
        time.sleep(_EVERY_SECONDS)


sys.exit(main())
