"""`upcoming.json`, for programs, and the JSON Schema that says what is in it."""

import json
from collections.abc import Sequence
from datetime import UTC, date, datetime
from importlib.resources import files
from math import isfinite
from typing import Any

from flyby.output.feeds import words

#: Grows in its first number when what was there is taken away or means something else, in its second when something is
#: added.
VERSION = "1.0"


def upcoming(
    flybys: Sequence[words.Flyby], *, first: date, last: date, as_of: datetime, site: str | None, simulated: bool
) -> bytes:
    """What these rows of `coming.sql` say, as JSON that can also stand in a page."""
    told = {
        "$schema": f"{site}/upcoming.schema.json" if site else "upcoming.schema.json",
        "version": VERSION,
        "as_of": _plain(as_of),
        "simulated": simulated,
        "first_day": _plain(first),
        "last_day": _plain(last),
        "flybys": [
            {**{name: _plain(value) for name, value in flyby.items()}, "url": words.link(flyby, site)}
            for flyby in flybys
        ],
    }
    return json.dumps(told, indent=1, allow_nan=False).encode() + b"\n"


def schema() -> bytes:
    """The schema of it."""
    return files("flyby.output.feeds").joinpath("upcoming.schema.json").read_bytes()


def _plain(value: Any) -> Any:
    match value:
        case datetime():
            return f"{value.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
        case date():
            return value.isoformat()
        case float():
            return value if isfinite(value) else None
    return value
