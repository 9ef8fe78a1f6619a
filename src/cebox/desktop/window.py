"""The window, in GTK: in front of all others, on every desktop, and never in the way of what is being typed."""

import threading
from typing import Any

import gi

from cebox.desktop.notice import Notice
from cebox.desktop.view import View

gi.require_version("Gtk", "3.0")

from gi.repository import GLib, Gtk  # noqa: E402 - its version comes first

_EVERY_MILLISECONDS = 1000
_MARGIN = 24
_WIDTH = 460


class Window:
    """Shows `notice` until it is over."""

    def __init__(self, notice: Notice, close_label: str) -> None:
        self._notice = notice
        self._headline, self._text = _make_label("large"), _make_label("")
        self._postpone = Gtk.Button(label="")
        self._postpone.connect("clicked", self._on_postpone)
        close = Gtk.Button(label=close_label)
        close.connect("clicked", self._on_close)
        self._window = _make_window([self._headline, self._text, _make_row([close, self._postpone])])
        self._window.connect("delete-event", self._on_close)

    def run(self) -> None:
        """Until the notice is over. Raises nothing: without a screen there is nobody to see it."""
        if self._refresh():
            GLib.timeout_add(_EVERY_MILLISECONDS, self._tick)
            Gtk.main()

    def _tick(self) -> bool:
        is_going_on = self._refresh()
        if not is_going_on:
            Gtk.main_quit()
        return is_going_on

    def _refresh(self) -> bool:
        view = self._notice.look()
        if view is None:
            return False
        self._draw(view)
        if self._notice.is_visible:
            if not self._window.get_visible():
                self._window.show_all()
                self._draw(view)
        elif self._window.get_realized():
            self._window.hide()
            # The same window, once used, would take the keyboard when it comes again: from whoever types then.
            self._window.unrealize()
        return True

    def _draw(self, view: View) -> None:
        self._window.set_title(view.title)
        self._headline.set_text(view.headline)
        self._text.set_text(view.text)
        self._postpone.set_visible(view.button is not None)
        self._postpone.set_label(view.button or "")

    def _on_close(self, *_event: Any) -> bool:
        self._notice.close()
        self._refresh()
        # The window itself stays: it may have to be seen again.
        return True

    def _on_postpone(self, _button: Any) -> None:
        """The agent may be busy, and a window that hangs is taken for broken."""
        self._postpone.set_sensitive(False)
        threading.Thread(target=self._ask, daemon=True).start()

    def _ask(self) -> None:
        self._notice.postpone()
        GLib.idle_add(self._on_answer)

    def _on_answer(self) -> bool:
        self._postpone.set_sensitive(True)
        self._refresh()
        return False


def _make_window(parts: list[Any]) -> Any:
    column = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, spacing=_MARGIN // 2, margin=_MARGIN)
    for part in parts:
        column.pack_start(part, True, True, 0)
    window = Gtk.Window(default_width=_WIDTH, resizable=False, icon_name="system-shutdown", urgency_hint=True)
    window.set_position(Gtk.WindowPosition.CENTER)
    window.set_keep_above(True)
    window.stick()
    # Whoever types a text must not press a button of ours with the next key.
    window.set_focus_on_map(False)
    window.add(column)
    return window


def _make_label(size: str) -> Any:
    label = Gtk.Label(xalign=0.0, wrap=True, max_width_chars=60)
    if size:
        from gi.repository import Pango

        attributes = Pango.AttrList()
        attributes.insert(Pango.attr_scale_new(1.3))
        attributes.insert(Pango.attr_weight_new(Pango.Weight.BOLD))
        label.set_attributes(attributes)
    return label


def _make_row(buttons: list[Any]) -> Any:
    row = Gtk.ButtonBox(orientation=Gtk.Orientation.HORIZONTAL, layout_style=Gtk.ButtonBoxStyle.END, spacing=8)
    for button in buttons:
        row.add(button)
    return row
