"""The whole record for the page: every flyby in few figures, and all that was said of some of them.

In columns, so that it packs well: the page unpacks it when somebody searches or opens an asteroid.
"""

from collections.abc import Sequence
from datetime import date
from importlib.resources import files
from itertools import groupby
from typing import Any

import duckdb

from flyby.query.database import with_values
from flyby.query.sure import NARROW

#: What is said of an asteroid, and of a flyby of its: columns of `flybys_ever.sql`.
OF_ASTEROIDS = ("designation", "name", "h", "least_dm", "most_dm", "hazardous")
OF_FLYBYS = ("days_on", "km", "least_km", "most_km", "speed", "state", "revisions")


def archive(connection: duckdb.DuckDBPyConnection, first: date, last: date) -> dict[str, Any]:
    """Every flyby that was ever listed, and all that was said of those between `first` and `last`, or within the Moon's
    distance."""
    flybys = _columns(connection, "flybys_ever", narrow=NARROW)
    asteroids = [list(of) for _, of in groupby(range(len(flybys["flyby_id"])), key=flybys["designation"].__getitem__)]
    place = {flyby_id: n for n, flyby_id in enumerate(flybys["flyby_id"])}
    versions = _columns(connection, "versions", first=first, last=last)
    versions["flyby"] = [place[flyby_id] for flyby_id in versions.pop("flyby_id")]
    return {
        # What an asteroid is called, and how large it is, is what was said with the last of its flybys.
        "asteroids": {name: [flybys[name][of[-1]] for of in asteroids] for name in OF_ASTEROIDS}
        | {"flybys": [len(of) for of in asteroids]},
        "flybys": {name: flybys[name] for name in OF_FLYBYS},
        "versions": versions,
    }


def _columns(connection: duckdb.DuckDBPyConnection, query: str, **values: Any) -> dict[str, Sequence[Any]]:
    """What the query gives, in columns: there can be a hundred thousand rows."""
    text = files("flyby.output.report").joinpath("queries", f"{query}.sql").read_text(encoding="utf-8")
    result = connection.execute(with_values(text, values))
    names = [column[0] for column in result.description or ()]
    rows = result.fetchall()
    return dict(zip(names, zip(*rows, strict=True) if rows else [()] * len(names), strict=True))
