"""Release notes: Markdown in, safe HTML out. Raw HTML in the notes is shown as text, links leave with no referrer."""

from markdown_it import MarkdownIt
from markupsafe import Markup

_MARKDOWN = MarkdownIt("commonmark", {"html": False}).disable("image")


_DEEPEST = 6
_HIGHEST = 3


def render_notes(text: str) -> Markup:
    """The HTML of `text`, its headings right below those of the page, whatever level its writer began with; images are
    left out: a page loads nothing foreign.
    """
    tokens = _MARKDOWN.parse(text)
    headings = [token for token in tokens if token.type in ("heading_open", "heading_close")]
    below = _HIGHEST - min((int(token.tag[1]) for token in headings), default=_HIGHEST)
    for token in headings:
        token.tag = f"h{min(int(token.tag[1]) + below, _DEEPEST)}"
    html = _MARKDOWN.renderer.render(tokens, _MARKDOWN.options, {})
    return Markup(html)  # noqa: S704 - the renderer escapes; html is off
