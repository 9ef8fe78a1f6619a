"""Draws the pages of the state tables: docs/box-states.md, docs/mirror-phases.md and docs/campaign-states.md."""

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any

from cebox.agent import states
from cebox.domain import campaign
from cebox.wrs import phases

DOCS = Path(__file__).parents[1] / "docs"
_MIRROR_HEAD = """# The phases of a mirror

Drawn from `cebox.wrs.phases.TRANSITIONS`. What a WRS serves is apart from this: a release is served from the moment its
box has proved it until another has, whatever is being prepared beside it.
"""

_CAMPAIGN_HEAD = """# The states of a campaign, and of a device in it

Drawn from `cebox.domain.campaign`. `stop` and `complete` are the campaign's own, the others a person's. A device
ends in exactly one of its last states; only silence is corrected, by what the device reports later.
"""


def render_pages() -> dict[Path, str]:
    mirror = f"{_MIRROR_HEAD}\n```mermaid\n{phases.render_diagram().rstrip()}\n```\n"
    drawn = "\n".join(
        f"## {title}\n\n```mermaid\n{_draw(start, table)}\n```\n"
        for title, start, table in (
            ("The campaign", campaign.CampaignState.DRAFT, campaign.TRANSITIONS),
            ("A device in it", campaign.MemberState.PENDING, campaign.MEMBER_TRANSITIONS),
        )
    )
    return {
        DOCS / "box-states.md": states.render_diagram(),
        DOCS / "mirror-phases.md": mirror,
        DOCS / "campaign-states.md": f"{_CAMPAIGN_HEAD}\n{drawn}",
    }


def _draw(start: StrEnum, table: Mapping[Any, StrEnum]) -> str:
    steps = sorted(f"    {state} --> {target}: {event}" for (state, event), target in table.items())
    return "\n".join(["stateDiagram-v2", f"    [*] --> {start}", *steps])


if __name__ == "__main__":
    for path, page in render_pages().items():
        path.write_text(page)
