"""The pages' tables are complete: statuses, findings, refusals, roles; and every icon they name is there."""

import ast
import re
from pathlib import Path

import cebox.console
import cebox.domain
import cebox.errors
from cebox.console.campaigns.records import EventKind
from cebox.console.campaigns.words import EVENT_LOOKS
from cebox.console.web.assets import STATIC_FOLDER
from cebox.console.web.pieces import ROLE_WORDS
from cebox.console.web.refusals import REFUSALS
from cebox.console.web.render import TEMPLATE_FOLDER
from cebox.console.web.status import (
    ACCOUNT_PHASE,
    ACTION,
    BOX,
    CAMPAIGN,
    FINDING,
    KEY,
    MEMBER,
    PRESENCE,
    WAVE,
    KeyState,
    WaveState,
)
from cebox.domain.action import ActionState
from cebox.domain.campaign import CampaignState, MemberState
from cebox.domain.migration import Phase
from cebox.domain.preflight import Finding
from cebox.domain.role import Role
from cebox.protocol.device import BoxPhase

_CONSOLE = Path(cebox.console.__file__).parent
_DOMAIN = Path(cebox.domain.__file__).parent
_SPRITE = STATIC_FOLDER / "vendor" / "tabler-icons.svg"
_FAMILIES = {family.__name__ for family in cebox.errors.CeboxError.__subclasses__()}
# Codes said by others than pages: to boxes, to the API's callers, to whoever starts the console.
_NOT_PAGES = re.compile(
    r"^(boxes|jobs|live)/|/api\.py$|^(app|main|opening|provider|secret|settings)\.py$|^database/engine\.py$"
)
_NOT_SAID = {"observed_out_of_range"}


def test_every_state_has_its_status() -> None:
    assert set(ACTION) == set(ActionState)
    assert set(PRESENCE) == {True, False}
    assert set(BOX) == set(BoxPhase)
    assert set(FINDING) == set(Finding)
    assert set(ACCOUNT_PHASE) == set(Phase)
    assert set(KEY) == set(KeyState)
    assert set(CAMPAIGN) == set(CampaignState)
    assert set(MEMBER) == set(MemberState)
    assert set(WAVE) == set(WaveState)
    assert set(EVENT_LOOKS) == set(EventKind)
    assert set(ROLE_WORDS) == set(Role)


def test_every_code_a_page_may_meet_has_its_words() -> None:
    said = _read_codes(_CONSOLE) | _read_codes(_DOMAIN)
    assert sorted(said - set(REFUSALS) - _NOT_SAID) == []


def test_every_icon_is_in_the_sprite_and_every_one_there_is_used() -> None:
    there = set(re.findall(r'<symbol id="([\w-]+)"', _SPRITE.read_text()))
    sources = [*TEMPLATE_FOLDER.rglob("*.html"), *(_CONSOLE / "web").glob("*.py")]
    text = "\n".join(path.read_text() for path in sources)
    named = set(re.findall(r'ui\.(?:icon|pill|empty)\("([\w-]+)"|ui\.box\([^,]+, "([\w-]+)"|Status\("([\w-]+)"', text))
    assert {name for names in named for name in names if name} <= there
    assert sorted(name for name in there if f'"{name}"' not in text) == []


def _read_codes(folder: Path) -> set[str]:
    codes = set()
    for path in folder.rglob("*.py"):
        if not _NOT_PAGES.search(path.relative_to(folder).as_posix()):
            codes |= {code for node in ast.walk(ast.parse(path.read_text())) if (code := _code_of(node))}
    return codes


def _code_of(node: ast.AST) -> str | None:
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _FAMILIES and node.args):
        return None
    first = node.args[0]
    return first.value if isinstance(first, ast.Constant) and isinstance(first.value, str) else None
