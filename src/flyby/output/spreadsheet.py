"""CSV that a spreadsheet shows and does not run."""

import csv
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from io import StringIO
from math import isfinite
from typing import Any

#: What a spreadsheet takes for the beginning of a formula, also in wide letters.
RUNS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def table(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """The rows below their column names (RFC 4180, with the line ends of this system's tools)."""
    written = StringIO()
    writer = csv.writer(written, lineterminator="\n")
    writer.writerow([cell(column) for column in columns])
    writer.writerows([cell(value) for value in row] for row in rows)
    return written.getvalue()


def cell(value: Any) -> str:
    """A value as a cell; text that a spreadsheet would run has an apostrophe before it, which makes it text."""
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case int() | Decimal():
            return str(value)
        case float():
            return repr(value) if isfinite(value) else ""
        case datetime():
            return (value.astimezone(UTC) if value.tzinfo else value).isoformat().replace("+00:00", "Z")
        case date():
            return value.isoformat()
        case list() | tuple():
            return _text("; ".join(map(str, value)))
    return _text(str(value))


def _text(text: str) -> str:
    # Blanks before it do not keep a spreadsheet from running it.
    return f"'{text}" if text.startswith(RUNS) or text.lstrip().startswith(RUNS) else text
