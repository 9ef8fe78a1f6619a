"""What may stand in a line that people type or read."""

# French puts them before its signs; Python counts them among what cannot be printed.
_SPACES = str.maketrans("", "", "\u00a0\u2009\u202f")


def is_printable(text: str) -> bool:
    """Without control characters, line ends and what turns the direction of reading."""
    return text.translate(_SPACES).isprintable()
