"""dlt into DuckDB, merged on (id, close_approach_date), 8-day windows.

    python -m benchmarks.dlt_merge json|arrow FROM TO DATABASE

json: dlt is given NeoWs' objects as they come, the way its documentation starts, and finds the types and the nested
table itself.
arrow: dlt is given the typed Arrow tables that floor B makes, its fastest way in of those tried (objects as they come
and flat rows, each as INSERT statements and as Parquet; Arrow; merging by delete-insert and by upsert).
Both download in parallel and load the whole range in one run. Prints the requests and rows as JSON.
"""

import json
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import dlt
import duckdb
import orjson

from benchmarks.download import each_window
from benchmarks.typed_feed import table
from flyby.days import Window


def as_it_comes(_: Window, body: bytes) -> list[dict[str, Any]]:
    """One answer's objects, whole; the day is the key that they stand under."""
    days: dict[str, list[dict[str, Any]]] = orjson.loads(body)["near_earth_objects"]
    return [neo | {"close_approach_date": day} for day, neos in days.items() for neo in neos]


def as_arrow(_: Window, body: bytes) -> Any:
    """One answer as a typed Arrow table."""
    return table(body)


def main(shape: str, first: str, last: str, database: str) -> dict[str, Any]:
    """Run dlt over the range; what it did."""
    read = {"json": as_it_comes, "arrow": as_arrow}[shape]
    requests = 0

    @dlt.resource(name="asteroids", write_disposition="merge", primary_key=("id", "close_approach_date"))  # type: ignore[untyped-decorator]
    def asteroids() -> Iterator[Any]:
        nonlocal requests
        for answer in each_window(date.fromisoformat(first), date.fromisoformat(last), read):
            requests += 1
            yield answer

    pipeline = dlt.pipeline(
        "neows",
        pipelines_dir=str(Path(database).parent / "dlt"),
        destination=dlt.destinations.duckdb(database),
        dataset_name="neows",
    )
    pipeline.run(asteroids())
    with duckdb.connect(database, read_only=True) as db:
        (rows,) = db.execute("SELECT count(*) FROM neows.asteroids").fetchall()[0]
    return {"requests": requests, "rows": rows}


if __name__ == "__main__":
    print(json.dumps(main(*sys.argv[1:])))
