"""The floor: the least work that puts a range of NeoWs into DuckDB, with nothing of what flyby keeps.

    python -m benchmarks.floor a|b FROM TO DATABASE

a: every answer into a file, then one `CREATE TABLE AS … read_json`.
b: every answer decoded by msgspec into typed columns, through Arrow into DuckDB.
Both leave one row per object and day in `asteroids`, numbers as numbers. Prints the requests and rows as JSON.
"""

import json
import sys
from datetime import date
from pathlib import Path
from typing import Any

import duckdb

from benchmarks.download import each_window
from flyby.days import Window

FLOOR_A = (Path(__file__).parent / "floor_a.sql").read_text()


def floor_a(first: date, last: date, database: Path) -> int:
    """Load `first` to `last` into `database` with one DuckDB statement; the number of requests."""
    # Left there: where many files were removed just before, ext4 makes new ones slowly, which would cost the next contender.
    folder = database.with_name("answers")
    folder.mkdir()
    with duckdb.connect(database) as db:

        def keep(window: Window, body: bytes) -> None:
            (folder / f"{window.start}.json").write_bytes(body)

        requests = sum(1 for _ in each_window(first, last, keep))
        db.execute(FLOOR_A, {"answers": f"{folder}/*.json"})
    return requests


def floor_b(first: date, last: date, database: Path) -> int:
    """Load `first` to `last` into `database` by way of msgspec and Arrow; the number of requests."""
    # Not at the top: floor A needs neither, and would pay for the import.
    import pyarrow as pa

    from benchmarks.typed_feed import table

    def read(_: Window, body: bytes) -> pa.Table:
        return table(body)

    tables = list(each_window(first, last, read))
    asteroids = pa.concat_tables(tables)  # noqa: F841  DuckDB finds it by its name
    with duckdb.connect(database) as db:
        db.execute("CREATE TABLE asteroids AS FROM asteroids")
    return len(tables)


def main(which: str, first: str, last: str, database: str) -> dict[str, Any]:
    """Run one floor; what it did."""
    load = {"a": floor_a, "b": floor_b}[which]
    requests = load(date.fromisoformat(first), date.fromisoformat(last), Path(database))
    with duckdb.connect(database, read_only=True) as db:
        (rows,) = db.execute("SELECT count(*) FROM asteroids").fetchall()[0]
    return {"requests": requests, "rows": rows}


if __name__ == "__main__":
    print(json.dumps(main(*sys.argv[1:])))
