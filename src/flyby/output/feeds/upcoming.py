"""`upcoming.json`, for programs, and the JSON Schema that says what is in it."""

import json
from collections.abc import Sequence
from datetime import date, datetime
from importlib.resources import files

from flyby.output.feeds import words
from flyby.query.plain import plain

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
        "as_of": plain(as_of),
        "simulated": simulated,
        "first_day": plain(first),
        "last_day": plain(last),
        "flybys": [{**plain(flyby), "url": words.link(flyby, site)} for flyby in flybys],
    }
    return json.dumps(told, indent=1, allow_nan=False).encode() + b"\n"


def schema() -> bytes:
    """The schema of it."""
    return files("flyby.output.feeds").joinpath("upcoming.schema.json").read_bytes()
