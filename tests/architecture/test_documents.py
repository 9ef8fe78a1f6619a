"""The generated pages are current, and the pages people read tell the truth about the tree."""

import re
import subprocess
import sys
from pathlib import Path

from scripts import document_settings
from scripts.document_errors import PAGE, list_raised, render_page
from scripts.draw_states import render_pages

ROOT = Path(__file__).parents[2]
CODE = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")


def test_the_page_of_errors_is_current() -> None:
    assert PAGE.read_text() == render_page(), "run: make docs"


def test_the_drawn_state_tables_are_current() -> None:
    for path, page in render_pages().items():
        assert path.read_text() == page, "run: make docs"


def test_the_page_of_settings_is_current() -> None:
    assert document_settings.PAGE.read_text() == document_settings.render_page(), "run: make docs"


def test_every_error_code_is_snake_case_and_belongs_to_one_family() -> None:
    families: dict[str, set[str]] = {}
    for raised in list_raised():
        assert CODE.fullmatch(raised.code), raised
        families.setdefault(raised.code, set()).add(raised.family)
    assert {code: found for code, found in families.items() if len(found) > 1} == {}


def test_every_link_in_the_readable_pages_leads_somewhere() -> None:
    for page in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]:
        for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text()):
            if "://" not in target:
                assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_make_help_lists_every_target_that_people_type() -> None:
    listed = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for target in ("demo", "test", "check", "fix", "real", "help"):
        assert f"make {target} " in listed


def test_no_source_file_has_outgrown_one_page_of_thought() -> None:
    longest = {path: len(path.read_text().splitlines()) for path in (ROOT / "src").rglob("*.py")}
    assert {str(path): lines for path, lines in longest.items() if lines > 450} == {}


def test_the_agent_starts_without_the_servers_libraries_and_those_of_an_update() -> None:
    heavy = "fastapi,sqlalchemy,starlette,uvicorn,jinja2,pydantic,typer,alembic,tuf,hdiffpatch,cebox.release.codecs"
    program = (
        "import sys; import cebox.agent.main; "
        f"found = sorted(set('{heavy}'.split(',')) & set(sys.modules)); sys.exit(str(found) if found else 0)"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
