"""Templates into pages: one environment per language, everything escaped, words and formats at hand."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse

from cebox.console.web.assets import asset_address
from cebox.console.web.formats import Formats
from cebox.console.web.notes import render_notes
from cebox.console.web.security import PAGE_HEADERS
from cebox.console.web.status import (
    ACCOUNT_PHASE,
    ACTION,
    ANNOUNCEMENT,
    BEHIND,
    BOX,
    CAMPAIGN,
    DELIVERY,
    FINDING,
    KEY,
    MEMBER,
    NO_ANSWER,
    PRESENCE,
    READ,
    WAVE,
    WINDOW,
    WITHDRAWN,
)
from cebox.console.web.words import Language, load_words

TEMPLATE_FOLDER = Path(__file__).parent / "templates"


@cache
def make_environment(language: Language) -> Environment:
    words = load_words(language)
    environment = Environment(
        loader=FileSystemLoader(TEMPLATE_FOLDER),
        extensions=["jinja2.ext.i18n", "jinja2.ext.do"],
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.policies["ext.i18n.trimmed"] = True
    environment.install_gettext_callables(  # type: ignore[attr-defined]
        words.get, words.count, newstyle=True, pgettext=words.get_in
    )

    def say(message: str, context: str = "") -> str:
        """A message that a table holds; in French its form may depend on what it is said of."""
        said = words.get_in(context, message) if context else message
        return words.get(message) if said == message else said

    environment.globals.update(
        asset=asset_address,
        say=say,
        notes=render_notes,
        statuses={
            "action": ACTION,
            "announcement": ANNOUNCEMENT,
            "delivery": DELIVERY,
            "read": READ,
            "presence": PRESENCE,
            "box": BOX,
            "phase": ACCOUNT_PHASE,
            "key": KEY,
            "finding": FINDING,
            "window": WINDOW,
            "campaign": CAMPAIGN,
            "member": MEMBER,
            "wave": WAVE,
            "behind": BEHIND,
            "no_answer": NO_ANSWER,
            "withdrawn": WITHDRAWN,
        },
    )
    return environment


def render(
    formats: Formats,
    template: str,
    context: Mapping[str, Any],
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> HTMLResponse:
    """The page `template` for one reader."""
    environment = make_environment(formats.language)
    content = environment.get_template(template).render({**context, "f": formats})
    return HTMLResponse(content, status_code=status, headers={**PAGE_HEADERS, **(headers or {})})
