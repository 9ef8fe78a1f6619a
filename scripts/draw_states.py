"""Draws the pages of the state tables: docs/box-states.md and docs/mirror-phases.md."""

from pathlib import Path

from cebox.agent import states
from cebox.wrs import phases

DOCS = Path(__file__).parents[1] / "docs"
_MIRROR_HEAD = """# The phases of a mirror

Drawn from `cebox.wrs.phases.TRANSITIONS`. What a WRS serves is apart from this: a release is served from the moment its
box has proved it until another has, whatever is being prepared beside it.
"""


def render_pages() -> dict[Path, str]:
    mirror = f"{_MIRROR_HEAD}\n```mermaid\n{phases.render_diagram().rstrip()}\n```\n"
    return {DOCS / "box-states.md": states.render_diagram(), DOCS / "mirror-phases.md": mirror}


if __name__ == "__main__":
    for path, page in render_pages().items():
        path.write_text(page)
