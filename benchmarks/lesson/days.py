"""The lesson's job for one day after the other, in one process.

    python -m benchmarks.lesson.days FROM TO

FROM and TO are data days. Prints the requests and rows as JSON.
"""

import json
import sys
from datetime import date, timedelta

import dagster as dg
import duckdb

from benchmarks.lesson.definitions import defs, folder


def run(first: date, last: date) -> int:
    """Run the job for every data day from `first` to `last`; the number of runs, each of which is one request."""
    job = defs.resolve_job_def("asteroid_job")
    days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    with dg.DagsterInstance.ephemeral() as instance:  # one for all: making it anew for every run costs time
        for day in days:
            tick = (day + timedelta(days=1)).isoformat()
            job.execute_in_process(run_config={"ops": {"asteroids": {"config": {"date": tick}}}}, instance=instance)
    return len(days)


if __name__ == "__main__":
    made = run(*map(date.fromisoformat, sys.argv[1:]))
    with duckdb.connect(folder() / "lesson.duckdb", read_only=True) as db:
        (rows,) = db.execute("SELECT count(*) FROM raw_asteroid_data").fetchall()[0]
    print(json.dumps({"requests": made, "rows": rows}))
