"""What a published database gives: the time of three typical questions, and of publishing.

    python -m benchmarks.everyday FLYBY_HOME NOW

Each question is timed as opening the file, asking, reading the answer and closing; publishing as flyby does it after
every load, into a folder of its own. Best of five, in seconds. Prints JSON.
"""

import json
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb

from flyby.store.publish import publish

QUESTIONS = Path(__file__).parent / "questions"


def best_of(times: int, act: Callable[[], object]) -> float:
    """The shortest wall of `times` calls, in seconds."""
    walls = []
    for _ in range(times):
        start = time.perf_counter()
        act()
        walls.append(time.perf_counter() - start)
    return min(walls)


def main(home: Path, now: str) -> dict[str, float]:
    """Seconds by what was done: each question by its file's name, and publishing."""
    published, record = home / "flyby.duckdb", home / "record" / "record.duckdb"

    def ask(query: str, parameters: dict[str, str]) -> list[tuple[Any, ...]]:
        with duckdb.connect(published, read_only=True) as db:
            return db.execute(query, parameters).fetchall()

    inside_s = {}
    for path in sorted(QUESTIONS.glob("*.sql")):
        query = path.read_text()
        parameters = {"now": now} if "$now" in query else {}
        inside_s[path.stem.replace("_", " ")] = best_of(5, partial(ask, query, parameters))
    with TemporaryDirectory(dir=home) as folder:
        inside_s["publishing"] = best_of(5, partial(publish, record, Path(folder) / "flyby.duckdb"))
    return inside_s


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]), sys.argv[2])))
