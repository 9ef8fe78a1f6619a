"""What pages may load and run: their own files, nothing inline, nothing from elsewhere."""

import hashlib
import re
from pathlib import Path

import pytest

from cebox.console.identity.door import local_address
from cebox.console.web.assets import STATIC_FOLDER, asset_address
from cebox.console.web.notes import render_notes
from cebox.console.web.render import TEMPLATE_FOLDER
from cebox.console.web.security import PAGE_HEADERS

_VENDOR = STATIC_FOLDER / "vendor"


def test_the_policy_allows_nothing_inline_and_nothing_from_elsewhere() -> None:
    policy = PAGE_HEADERS["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert "default-src 'none'" in policy
    assert not re.search(r"https?:|\*|data:", policy)


@pytest.mark.parametrize("path", sorted(TEMPLATE_FOLDER.rglob("*.html")), ids=lambda path: path.name)
def test_a_template_has_no_inline_script_style_or_foreign_address(path: Path) -> None:
    text = path.read_text()
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son[a-z]+=|hx-on|javascript:|\|\s*safe", text)
    assert not re.search(r"""(?:src|href|action)=["']?(?:https?:)?//""", text)


def test_vendored_files_are_those_that_were_noted() -> None:
    noted = dict(re.findall(r"^\| ([\w.-]+) \|.*\| ([0-9a-f]{64}) \|$", (_VENDOR / "VENDORED.md").read_text(), re.M))
    files = {path.name for path in _VENDOR.iterdir() if path.is_file() and path.suffix != ".md"}
    assert set(noted) == files
    assert {name: hashlib.sha256((_VENDOR / name).read_bytes()).hexdigest() for name in noted} == noted


def test_an_address_of_a_file_changes_with_its_content() -> None:
    digest = hashlib.sha256((STATIC_FOLDER / "console.css").read_bytes()).hexdigest()
    assert asset_address("console.css") == f"/static/console.css?v={digest[:12]}"


HOSTILE_NOTES = {
    "script": "<script>alert(1)</script>",
    "script_link": "[x](javascript:alert(1))",
    "data_link": "[x](data:text/html;base64,PHNjcmlwdD4=)",
    "tracking_image": "![x](https://tracker.example/pixel.png)",
    "handler": '<a href="/" onclick="alert(1)">x</a>',
}


@pytest.mark.parametrize("text", HOSTILE_NOTES.values(), ids=HOSTILE_NOTES.keys())
def test_hostile_notes_are_shown_as_text(text: str) -> None:
    html = str(render_notes(text))
    assert not re.search(r"<script|<img|href=\"(?:javascript|data):|<a [^>]*onclick", html)


def test_notes_keep_their_structure() -> None:
    assert str(render_notes("# Noyau\n\n- un")) == "<h3>Noyau</h3>\n<ul>\n<li>un</li>\n</ul>\n"


@pytest.mark.parametrize(
    "text",
    [
        "https://elsewhere.example/",
        "//elsewhere.example/",
        "\\\\elsewhere.example",
        "/\\elsewhere.example",
        "javascript:alert(1)",
        "devices",
        "",
        "/devices\r\nSet-Cookie: a=b",
    ],
)
def test_sign_in_sends_nobody_to_another_place(text: str) -> None:
    assert local_address(text) == "/"


def test_sign_in_leads_back_to_the_page_that_was_asked_for() -> None:
    assert local_address("/devices?view=behind") == "/devices?view=behind"
