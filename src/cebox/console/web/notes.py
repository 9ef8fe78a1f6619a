"""Release notes: Markdown in, safe HTML out. Raw HTML in the notes is shown as text, links leave with no referrer."""

from markdown_it import MarkdownIt
from markupsafe import Markup

_MARKDOWN = MarkdownIt("commonmark", {"html": False}).disable("image")


_DEEPEST = 6
_BELOW_THE_PAGE = 2


def render_notes(text: str) -> Markup:
    """The HTML of `text`, its headings below those of the page; images are left out: a page loads nothing foreign."""
    tokens = _MARKDOWN.parse(text)
    for token in tokens:
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(int(token.tag[1]) + _BELOW_THE_PAGE, _DEEPEST)}"
    html = _MARKDOWN.renderer.render(tokens, _MARKDOWN.options, {})
    return Markup(html)  # noqa: S704 - the renderer escapes; html is off
