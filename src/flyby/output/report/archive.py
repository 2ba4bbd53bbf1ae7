"""The whole record for the page: every flyby in few figures, and all that was said of some of them.

In columns, so that it packs well: the page unpacks it when somebody searches or opens an asteroid.
"""

from collections.abc import Sequence
from datetime import date
from importlib.resources import files
from itertools import groupby
from typing import Any

import duckdb

from flyby.query.sure import NARROW

#: What is said of an asteroid, and of a flyby of its: columns of `flybys_ever.sql`.
OF_ASTEROIDS = ("designation", "name", "h", "least_dm", "most_dm", "hazardous")
OF_FLYBYS = ("days_on", "km", "least_km", "most_km", "speed", "state", "revisions")


def archive(connection: duckdb.DuckDBPyConnection, first: date, last: date) -> dict[str, Any]:
    """Every flyby that was ever listed, and all that was said of those between `first` and `last`, or within the Moon's
    distance."""
    flybys = _records(connection, "flybys_ever", narrow=NARROW)
    asteroids = [list(of) for _, of in groupby(flybys, key=lambda row: row["designation"])]
    place = {row["flyby_id"]: n for n, row in enumerate(flybys)}
    versions = _records(connection, "versions", first=first, last=last)
    for version in versions:
        version["flyby"] = place[version.pop("flyby_id")]
    return {
        # What an asteroid is called, and how large it is, is what was said with the last of its flybys.
        "asteroids": _columns(OF_ASTEROIDS, [of[-1] for of in asteroids]) | {"flybys": [len(of) for of in asteroids]},
        "flybys": _columns(OF_FLYBYS, flybys),
        "versions": _columns(tuple(versions[0]) if versions else (), versions),
    }


def _columns(names: Sequence[str], rows: Sequence[dict[str, Any]]) -> dict[str, list[Any]]:
    return {name: [row[name] for row in rows] for name in names}


def _records(connection: duckdb.DuckDBPyConnection, query: str, **values: Any) -> list[dict[str, Any]]:
    text = files("flyby.output.report").joinpath("queries", f"{query}.sql").read_text(encoding="utf-8")
    result = connection.execute(text, values)
    names = [column[0] for column in result.description or ()]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]
