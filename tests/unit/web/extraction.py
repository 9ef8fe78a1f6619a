"""Every message the console's code and templates say, found the way a translator's tool finds them."""

from pathlib import Path

from babel.messages.extract import extract_from_dir

import cebox.console

_FOLDER = Path(cebox.console.__file__).parent
_METHODS = [("web/templates/**.html", "jinja2"), ("**.py", "python")]
_OPTIONS = {"web/templates/**.html": {"trimmed": "true", "silent": "false"}}
_KEYWORDS: dict[str, tuple[int, ...] | None] = {"_": None, "mark": None, "ngettext": (1, 2), "count": (1, 2)}

Message = str | tuple[str, str]


def extract_messages() -> set[Message]:
    """A text, or a pair of texts for one and for many."""
    found: set[Message] = set()
    extracted = extract_from_dir(_FOLDER, _METHODS, _OPTIONS, _KEYWORDS, directory_filter=_is_source)
    for _file, _line, message, _comments, _context in extracted:
        if isinstance(message, str):
            found.add(message)
        elif message:
            found.add((message[0], message[1]))
    return found


def _is_source(folder: str) -> bool:
    return Path(folder).name not in ("static", "locale", "__pycache__")
