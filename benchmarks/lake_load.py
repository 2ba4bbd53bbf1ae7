"""Many small transactions into one warehouse, by one process of several.

    python -m benchmarks.lake_load prepare COUNT     land and stage COUNT answers, days apart from each other
    python -m benchmarks.lake_load load N OF [--without-turns]     this process's share of them
    python -m benchmarks.lake_load check             what is held against what lies in raw/

FLYBY_HOME, FLYBY_WAREHOUSE and FLYBY_NEOWS_URL say where. `load` prints `ready`, waits for a line, and prints JSON when
it is done, as `check` does.
"""

import json
import sys
import time
from collections import Counter
from contextlib import nullcontext
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import count

from flyby.days import DAY, WINDOW_DAYS, Window
from flyby.errors import BusyError
from flyby.fetch.fetch import asking
from flyby.fetch.raw import landed, read
from flyby.query.database import opened
from flyby.record import Record
from flyby.record.staging import opened as staged
from flyby.record.staging import stage, typed
from flyby.settings import Settings
from flyby.sources.neows import feed
from flyby.store.warehouse import warehouse

FIRST = date(1996, 1, 1)
#: So far apart that no answer says anything of another's days.
APART = 3 * WINDOW_DAYS * DAY
ASKED_AT = datetime(2026, 11, 1, 6, tzinfo=UTC)


def prepare(settings: Settings, batches: int) -> None:
    """One answer a batch, each a sitting of its own, none loaded."""
    with asking(replace(settings, lake=None), purpose="backfill") as client:
        for n in range(batches):
            first = FIRST + n * APART
            client.fetch(Window(first, first + (WINDOW_DAYS - 1) * DAY), requested_at=ASKED_AT + timedelta(seconds=n))
    for answer in landed(settings.raw):
        [batch] = typed([answer])
        stage(batch, settings.home / "batches")
    place = warehouse(settings).place
    Record(place).close()  # makes the tables


def load(settings: Settings, n: int, of: int, *, without_turns: bool) -> dict[str, float]:
    """Every `of`th batch from the `n`th on, each in its own turn and transaction; how often that had to be repeated."""
    house = warehouse(settings)
    mine = sorted((settings.home / "batches").iterdir())[n::of]
    print("ready", flush=True)
    sys.stdin.readline()
    repeated = 0
    begun = time.monotonic()
    for batch in mine:
        for attempt in count():
            try:
                with nullcontext() if without_turns else house.turn(), Record(house.place) as record:
                    record.load([staged(batch)], by=f"worker {n + 1}")
            except BusyError:
                repeated += 1
                # Where nobody waits for a turn, whoever lost waits ever longer, and not as long as the others.
                time.sleep(0.01 * (n + 1) * min(attempt + 1, 20))
            else:
                break
    return {"transactions": len(mine), "repeated": repeated, "wall_s": time.monotonic() - begun}


def check(settings: Settings) -> dict[str, int]:
    """Answers and flybys in raw/ that are not held, and those that are held more than once."""
    answers: Counter[str] = Counter()
    said: set[tuple[str, date]] = set()
    for answer in landed(settings.raw):
        answers[answer.request_id] += 1
        said |= {(row.entity, row.day) for row in feed.decode(read(answer), answer.window).rows}
    with opened(warehouse(settings).place) as held:
        requests = Counter(row[0] for row in held.execute("SELECT request_id FROM requests").fetchall())
        flybys = Counter(
            held.execute("SELECT designation, close_approach_date, ordinal FROM revisions WHERE listed").fetchall()
        )
        days = Counter(row[0] for row in held.execute("SELECT day FROM days").fetchall())
    there = {(designation, day) for designation, day, _ in flybys}
    doubled = [counter.total() - len(counter) for counter in (requests, flybys, days)]
    return {
        "answers": len(answers),
        "rows": flybys.total(),
        "lost": len(answers - requests) + len(said - there) + len(answers) * WINDOW_DAYS - len(days),
        "doubled": sum(doubled) + len(requests - answers) + len(there - said),
    }


def main(what: str, *words: str) -> None:
    settings = Settings.load()
    if what == "prepare":
        prepare(settings, int(words[0]))
    elif what == "load":
        n, of, *options = words
        print(json.dumps(load(settings, int(n), int(of), without_turns="--without-turns" in options)))
    else:
        print(json.dumps(check(settings)))


if __name__ == "__main__":
    main(*sys.argv[1:])
