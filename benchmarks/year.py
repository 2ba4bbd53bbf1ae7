"""What lies behind a year of mornings costs: an answer that comes late, making the record again, asking what is published.

    python -m benchmarks.year MORNINGS      FLYBY_HOME (a new one), FLYBY_NEOWS_URL, FLYBY_CAD_URL

The mornings are those of `benchmarks.decade`, done by flyby itself, without Dagster. Prints JSON.
"""

import json
import sys
import time
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from functools import partial
from pathlib import Path
from statistics import median

import duckdb

from benchmarks.decade import MORNING_AT, at, pad, really
from benchmarks.results import (
    ANSWERS,
    LATE,
    MORNING_S,
    MORNINGS,
    QUESTIONS_ASKED,
    READ,
    REBUILD_ANSWER_S,
    REBUILD_CPU_S,
    REBUILD_S,
    TEN_YEARS,
)
from benchmarks.survey import SURVEY_BEGAN
from flyby.days import DAY
from flyby.jobs.daily import gather
from flyby.record.load import rebuild, take_in
from flyby.settings import Settings

#: Mornings that are timed, after the others.
TIMED = 9
#: Readings of every question; the best counts.
READINGS = 25
#: Revisions and answers that ten years of mornings leave, ten times those of `benchmarks.decade paper 1 1`.
LEFT_BY_TEN_YEARS = 2_000_000, 91_000
QUESTIONS = (
    """
        SELECT name, close_approach_at, miss_distance_ld, diameter_max_m, relative_velocity_km_s
        FROM {flybys} WHERE close_approach_date BETWEEN DATE '{day}' - 30 AND DATE '{day}'
        ORDER BY miss_distance_ld LIMIT 10""",
    """
        SELECT year(close_approach_date) AS year, count(*), min(miss_distance_km)
        FROM {flybys} WHERE miss_distance_ld < 1 GROUP BY year ORDER BY year""",
    "SELECT * FROM {flybys} WHERE designation = '{designation}' ORDER BY close_approach_date",
    "SELECT count(*) FROM {flybys}",
)


def main(mornings: int) -> dict[str, float]:
    """Ratios and seconds by what they are of."""
    settings = Settings.load()
    really(mornings)
    tick = SURVEY_BEGAN + mornings * DAY
    morning_s = median(_took_s(partial(_morning, now)) for now in _next_mornings(settings, tick))
    last = at(settings, datetime.combine(tick + (TIMED - 1) * DAY, MORNING_AT) + timedelta(hours=1))
    late_s = {by: _late_s(last, last.now().date() - by * DAY) for by in LATE}
    begun_s = time.process_time()
    rebuild_wall_s = _took_s(lambda: rebuild(last))
    rebuild_cpu_s = time.process_time() - begun_s
    with duckdb.connect(settings.published, read_only=True) as db:
        [(readings, answers)] = db.execute(
            "SELECT count(DISTINCT (source, requested_at)), count(*) FROM requests"
        ).fetchall()
    return {
        MORNINGS: mornings,
        READ: readings,
        ANSWERS: answers,
        MORNING_S: morning_s,
        **{LATE[by]: taken_s / morning_s for by, taken_s in late_s.items()},
        REBUILD_CPU_S: rebuild_cpu_s / readings,
        REBUILD_ANSWER_S: rebuild_cpu_s / answers,
        REBUILD_S: rebuild_wall_s,
        **_asked(settings.published, str(tick)),
        **_asked_after_ten_years(settings.published, str(tick)),
    }


def _next_mornings(settings: Settings, tick: date) -> Iterator[Settings]:
    for n in range(TIMED):
        yield at(settings, datetime.combine(tick + n * DAY, MORNING_AT))


def _morning(settings: Settings) -> None:
    gather(settings, settings.now().date())
    take_in(settings)


def _late_s(settings: Settings, day: date) -> float:
    """How long it takes to take in one of the answers of that morning once more, as if it had been asked for a minute
    later and had lain somewhere ever since."""
    asked = datetime.combine(day, MORNING_AT)
    folder = settings.raw / "neows" / f"{asked:%Y}" / f"{asked:%m}"
    answer = max(folder.glob(f"{asked:%Y%m%dT%H%M%S}.*.json.zst"), key=lambda path: path.name.split("_")[1])
    moment, _, rest = answer.name.partition("_")
    late = folder / f"{asked + timedelta(minutes=1):%Y%m%dT%H%M%S}{moment[15:]}_{rest}"
    late.write_bytes(answer.read_bytes())
    return _took_s(lambda: take_in(settings))


def _asked_after_ten_years(published: Path, day: str) -> dict[str, float]:
    pad(*LEFT_BY_TEN_YEARS)
    return {asked + TEN_YEARS: ratio for asked, ratio in _asked(published, day).items()}


def _asked(published: Path, day: str) -> dict[str, float]:
    """Every question to the published file, against the same to a plain table of the same rows, sorted by their day."""
    plain = published.with_name("plain.duckdb")
    with duckdb.connect(plain) as db:
        db.execute(f"ATTACH '{published}' AS published (READ_ONLY)")
        db.execute(
            "CREATE TABLE flybys AS FROM published.close_approaches ORDER BY close_approach_date, close_approach_at"
        )
        [(designation,)] = db.execute("SELECT mode(designation) FROM flybys").fetchall()
    ratios = {}
    with duckdb.connect(published, read_only=True) as one, duckdb.connect(plain, read_only=True) as other:
        for name, question in zip(QUESTIONS_ASKED, QUESTIONS, strict=True):
            its, plainly = (
                question.format(flybys=flybys, day=day, designation=designation)
                for flybys in ("close_approaches", "flybys")
            )
            assert one.execute(its).fetchall() == other.execute(plainly).fetchall(), name
            # In turns, so that what else the machine does is shared.
            walls = [
                (
                    _took_s(partial(_read, one, its)),
                    _took_s(partial(_read, other, plainly)),
                )
                for _ in range(READINGS)
            ]
            ratios[name] = min(wall for wall, _ in walls) / min(wall for _, wall in walls)
    plain.unlink()
    return ratios


def _read(connection: duckdb.DuckDBPyConnection, question: str) -> None:
    connection.execute(question).fetchall()


def _took_s(act: Callable[[], object]) -> float:
    begun = time.perf_counter()
    act()
    return time.perf_counter() - begun


if __name__ == "__main__":
    print(json.dumps(main(int(sys.argv[1]))))
