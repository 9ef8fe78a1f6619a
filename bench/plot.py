"""`docs/transport.svg` from the last run of `make bench-transport`: bytes by method, one panel per pair, log scale.

The same figures give the same file. Its colours follow the reader's light or dark scheme.
"""

import json
import math
import sys
from collections.abc import Iterator, Sequence
from html import escape

from bench.measures import FOLDER, ROOT

PICTURE = ROOT / "docs/transport.svg"
_WIDTH, _LABELS, _FIGURES = 760, 150, 90
_BAR, _STEP, _HEAD, _FOOT = 14, 20, 34, 30
_STYLE = """text{font:12px system-ui,sans-serif;fill:#24292f}.head{font-weight:600}.minor{fill:#57606a;font-size:11px}
.grid{stroke:#d0d7de}.other{fill:#8c959f}.ours{fill:#0969da}
@media(prefers-color-scheme:dark){text{fill:#e6edf3}.minor{fill:#9198a1}.grid{stroke:#3d444d}.other{fill:#6e7681}
.ours{fill:#4493f8}}"""

Bars = Sequence[tuple[str, float]]


def render(panels: Sequence[tuple[str, Bars]]) -> str:
    """Panels of (method, bytes) under each other, on one scale; the bytes must be above zero."""
    sizes = [size for _, bars in panels for _, size in bars]
    low, high = math.floor(math.log10(min(sizes))), math.ceil(math.log10(max(sizes)))
    parts: list[str] = []
    top = 0
    for name, bars in panels:
        parts += _draw_panel(name, sorted(bars, key=lambda bar: bar[1]), top, (low, high))
        top += _HEAD + len(bars) * _STEP + _FOOT
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {top}" role="img">'
    title = "<title>Bytes to download for an update, by method and pair of images</title>"
    return "\n".join([head, title, f"<style>{_STYLE}</style>", *parts, "</svg>"]) + "\n"


def _draw_panel(name: str, bars: Bars, top: int, decades: tuple[int, int]) -> Iterator[str]:
    low, high = decades
    unit = (_WIDTH - _LABELS - _FIGURES) / max(1, high - low)
    bottom = top + _HEAD + len(bars) * _STEP
    yield _write(0, top + 20, name, "head")
    for decade in range(low, high + 1):
        x = _LABELS + (decade - low) * unit
        yield f'<line class="grid" x1="{x:.1f}" y1="{top + _HEAD - 6}" x2="{x:.1f}" y2="{bottom}"/>'
        yield _write(x, bottom + 14, f"{10.0 ** (decade - 6):g} MB", "minor", "middle")
    for number, (method, size) in enumerate(bars):
        y = top + _HEAD + number * _STEP
        width = (math.log10(size) - low) * unit
        yield _write(_LABELS - 8, y + 11, method, "head" if method == "ours" else "", "end")
        colour = "ours" if method == "ours" else "other"
        yield f'<rect class="{colour}" x="{_LABELS}" y="{y}" width="{width:.1f}" height="{_BAR}" rx="2"/>'
        yield _write(_LABELS + width + 6, y + 11, f"{size / 1e6:.3g} MB", "minor")


def _write(x: float, y: float, text: str, kind: str, anchor: str = "start") -> str:
    return f'<text class="{kind}" x="{x:.1f}" y="{y}" text-anchor="{anchor}">{escape(text)}</text>'


def list_panels(rows: Sequence[dict[str, object]]) -> list[tuple[str, Bars]]:
    """From the rows `<pair>/<method>/bytes`; what was not measured is left out."""
    panels: dict[str, list[tuple[str, float]]] = {}
    for row in rows:
        parts, size = str(row["name"]).split("/"), row["value"]
        if len(parts) == 3 and parts[2] == "bytes" and isinstance(size, int | float):
            panels.setdefault(parts[0], []).append((parts[1], float(size)))
    return list(panels.items())


def main() -> None:
    source = FOLDER / "bench-transport.json"
    if not source.exists():
        sys.stdout.write("no picture: `make bench-transport` was not run\n")
        return
    PICTURE.write_text(render(list_panels(json.loads(source.read_text())["rows"])))
    sys.stdout.write(f"wrote {PICTURE.relative_to(ROOT)}\n")


if __name__ == "__main__":
    main()
