"""Release notes: Markdown in, safe HTML out. Raw HTML in the notes is shown as text, links leave with no referrer."""

from markdown_it import MarkdownIt
from markupsafe import Markup

_MARKDOWN = MarkdownIt("commonmark", {"html": False}).disable("image")


def render_notes(text: str) -> Markup:
    """The HTML of `text`; images are left out, for a page loads nothing from elsewhere."""
    return Markup(_MARKDOWN.render(text))  # noqa: S704 - the renderer escapes; html is off
