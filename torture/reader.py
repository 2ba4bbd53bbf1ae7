"""Somebody who keeps flyby.duckdb open: for reading in one connection, and for writing in another process's.

`python -m torture.reader read|write FLYBY_HOME` prints a line for every query that fails, and ends when its stdin does.
"""

import contextlib
import select
import sys
import time
from pathlib import Path

import duckdb

#: After so long it opens the newest edition; in between it holds on to what it has.
HOLD_S = 3.0
PAUSE_S = 0.25
QUERIES = (
    "SELECT count(*), count(DISTINCT (designation, close_approach_date, neo_id)) FROM close_approaches",
    "SELECT count(*) FROM close_approaches_as_of(now())",
    "SELECT state, count(*) FROM days GROUP BY ALL",
    "SELECT verdict, count(*) FROM requests GROUP BY ALL",
)


def main(mode: str, home: Path) -> None:
    published = home / "flyby.duckdb"
    held, asked, failed = 0, 0, 0
    while not _over():
        if not published.exists():
            time.sleep(0.05)
            continue
        try:
            connection = duckdb.connect(published, read_only=mode == "read")
        except duckdb.IOException as error:
            # `flyby status` and the like look into it for a moment, and the other of the two readers may have it.
            if "Could not set lock" in str(error):
                time.sleep(0.02)
                continue
            print(f"FAILED to open: {error}", flush=True)
            return
        held += 1
        with contextlib.closing(connection):
            until = time.monotonic() + HOLD_S
            try:
                if mode == "write":
                    connection.execute("CREATE TABLE IF NOT EXISTS mine (n INTEGER)")
                    connection.execute("BEGIN; INSERT INTO mine VALUES (1)")
                before = [connection.execute(query).fetchall() for query in QUERIES]
                while time.monotonic() < until and not _over():
                    for query, told in zip(QUERIES, before, strict=True):
                        asked += 1
                        if sorted(connection.execute(query).fetchall()) != sorted(told):
                            failed += 1
                            print(f"FAILED: an open edition changed: {query}", flush=True)
                    time.sleep(PAUSE_S)
                if mode == "write":
                    connection.execute("COMMIT")
                    connection.execute("INSERT INTO mine VALUES (2)")
            except duckdb.Error as error:
                failed += 1
                print(f"FAILED: {error}", flush=True)
    print(f"{held} editions held, {asked} queries asked, {failed} failed", flush=True)


def _over() -> bool:
    return bool(select.select([sys.stdin], [], [], 0)[0])


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
