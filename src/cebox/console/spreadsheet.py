"""Lines of CSV that a spreadsheet opens without calculating anything."""

import csv
import io
from collections.abc import Iterable, Sequence

# What a spreadsheet takes for the beginning of a formula.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")


def write_lines(rows: Iterable[Sequence[str]], delimiter: str = ",") -> str:
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter).writerows([clean_cell(cell) for cell in row] for row in rows)
    return text.getvalue()


def clean_cell(text: str) -> str:
    """Names are their owners' choice: none is to run as a formula on the desk of whoever opens the file."""
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text
