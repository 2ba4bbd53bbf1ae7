"""Ten years of mornings on paper: what flyby would ask for, be told and write down, on a sky whose discoveries multiply.

    python -m benchmarks.decade paper YEARS TIMES            one row a year, as JSON
    python -m benchmarks.decade paper-mornings N TIMES       after N mornings
    python -m benchmarks.decade really N                     N mornings done by flyby itself: FLYBY_HOME, FLYBY_NEOWS_URL
    python -m benchmarks.decade pad REVISIONS ANSWERS        the record in FLYBY_HOME, padded to so many
    python -m benchmarks.decade costs                        seconds to publish it, and to list one name in raw/

On paper nothing is asked for: flyby's own planning says which windows, the sky what it lists for them, and a flyby that
is not as it was last seen is a revision. Half of that is counted for the sky as it is and half for one further sky of the
survey, which stands for all of them.
"""

import json
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.request import urlopen

from benchmarks.survey import SEED, SURVEY_BEGAN, Further
from flyby.days import DAY, Window, windows
from flyby.fetch.plan import LedgerDay, budget, morning, revisits
from flyby.jobs.compare import HISTORY_EVERY, MOST_A_DAY, around, history_windows
from flyby.sandbox.population import LARGEST_SHIFT_DAYS, Population
from flyby.sources.neows.policy import NEOWS

if TYPE_CHECKING:
    from flyby.settings import Settings

HISTORY_FROM = date(2024, 1, 1)
MORNING_AT = time(6, tzinfo=UTC)
#: JPL is asked later, as `flyby up` does.
SECOND_OPINION_AT = time(7, 30, tzinfo=UTC)


@dataclass(slots=True)
class Told:
    """What one sky told so far, and what of it was new."""

    sky: Population
    neows_rows: int = 0
    cad_rows: int = 0
    neows_revisions: int = 0
    cad_revisions: int = 0
    flybys: int = 0
    #: Rows in the longest answer, since the year began.
    neows_longest: int = 0
    cad_longest: int = 0
    _neows: dict[tuple[str, int], tuple[Any, ...]] = field(default_factory=dict)
    _cad: dict[tuple[str, int], tuple[Any, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        # JPL is asked for whole years: more days than a sky keeps.
        self.sky._flybys = cache(self.sky._make_day)

    def neows(self, window: Window, at: datetime) -> None:
        """One answer of NeoWs."""
        edition = self.sky.edition(at).toordinal()
        rows = 0
        for flyby in self._near(window):
            for row in flyby.rows(edition)[-1:]:
                if window.start <= row.day <= window.end:
                    rows += 1
                    label = (flyby.designation, flyby.day)
                    self.flybys += label not in self._neows
                    said = (row.neo_id, row.at, row.miss_distance_au, row.absolute_magnitude_h)
                    self.neows_revisions += _is_news(self._neows, label, said)
        self.neows_rows += rows
        self.neows_longest = max(self.neows_longest, rows)

    def cad(self, window: Window, at: datetime) -> None:
        """One answer of JPL's."""
        edition, rows = at.toordinal(), 0  # JPL has the day's news by then
        for flyby in self._near(window):
            if not flyby._listed(edition):
                continue
            row = flyby._row(edition, numbered=flyby.number is not None and edition >= flyby.numbered)
            if window.start <= row.day <= window.end:
                rows += 1
                said = (row.name, row.at, row.miss_distance_au, row.absolute_magnitude_h)
                self.cad_revisions += _is_news(self._cad, (flyby.designation, flyby.day), said)
        self.cad_rows += rows
        self.cad_longest = max(self.cad_longest, rows)

    def _near(self, window: Window) -> Iterator[Any]:
        first = window.start.toordinal() - LARGEST_SHIFT_DAYS
        for ordinal in range(first, window.end.toordinal() + LARGEST_SHIFT_DAYS + 1):
            yield from self.sky._flybys(ordinal)


def _is_news(seen: dict[tuple[str, int], tuple[Any, ...]], label: tuple[str, int], said: tuple[Any, ...]) -> bool:
    if seen.get(label) == said:
        return False
    seen[label] = said
    return True


class Paper:
    """flyby's mornings and second opinions without flyby."""

    def __init__(self, skies: Iterable[Population]) -> None:
        self.told = [Told(sky) for sky in skies]
        self.neows_answers = self.cad_answers = 0
        self._ledger: dict[date, LedgerDay] = {}
        self._heard: dict[date, datetime] = {}

    def backfill(self, first: date, last: date, at: datetime) -> None:
        self._ask(windows(first, last), at)

    def morning(self, tick: date) -> None:
        """The run for `tick`, and JPL's."""
        at = datetime.combine(tick, MORNING_AT)
        own = morning(tick, NEOWS)
        allowed = budget(NEOWS, remaining=None, used_today=len(own), own=len(own))
        due = revisits(self._ledger.values(), now=at, budget=allowed, asked=own, policy=NEOWS)
        self._ask([*own, *due], at)
        self._hear(tick, datetime.combine(tick, SECOND_OPINION_AT))

    def _ask(self, asked: Iterable[Window], at: datetime) -> None:
        for window in asked:
            self.neows_answers += 1
            for day in window.days:
                self._ledger[day] = LedgerDay(day, at, "settling")
            for told in self.told:
                told.neows(window, at)

    def _hear(self, tick: date, at: datetime) -> None:
        near = around(tick)
        never = datetime.min.replace(tzinfo=UTC)
        due = {}
        for year in history_windows(min(self._ledger), near.start - DAY):
            unheard = min(self._heard.get(day, never) for day in year.days)
            if unheard <= at - HISTORY_EVERY:
                due[year] = unheard
        for window in [near, *sorted(due, key=lambda w: (due[w], -w.start.toordinal()))][:MOST_A_DAY]:
            self.cad_answers += 1
            for day in window.days:
                self._heard[day] = at
            for told in self.told:
                told.cad(window, at)

    def so_far(self, times: int) -> dict[str, int]:
        """The figures of a sky with `times` as many discoveries: that of today, and the further one as often as it
        takes."""
        own, further = self.told
        names = (
            "neows_rows", "cad_rows", "neows_revisions", "cad_revisions", "flybys", "neows_longest", "cad_longest",
        )  # fmt: skip
        sums = {name: getattr(own, name) + (times - 1) * getattr(further, name) for name in names}
        return {"neows_answers": self.neows_answers, "cad_answers": self.cad_answers, **sums}

    def new_year(self) -> None:
        """The longest answer is that of a year."""
        for told in self.told:
            told.neows_longest = told.cad_longest = 0


def begun() -> Paper:
    """Paper on which two years lie behind the first morning of the survey."""
    paper = Paper([Population(SEED), Further(1)])
    paper.backfill(HISTORY_FROM, SURVEY_BEGAN - 2 * DAY, datetime.combine(SURVEY_BEGAN - DAY, MORNING_AT))
    return paper


def on_paper(years: int, times: Iterable[int]) -> list[dict[str, Any]]:
    """The figures at the end of every year."""
    paper, told = begun(), []
    tick = SURVEY_BEGAN
    for year in range(1, years + 1):
        paper.new_year()
        while tick < date(SURVEY_BEGAN.year + year, 1, 1):
            paper.morning(tick)
            tick += DAY
        told += [{"year": year, "times": n, **paper.so_far(n)} for n in times]
        print(f"year {year} of {years} on paper", file=sys.stderr, flush=True)
    return told


def mornings_on_paper(mornings: int, times: int) -> dict[str, Any]:
    paper = begun()
    for n in range(mornings):
        paper.morning(SURVEY_BEGAN + n * DAY)
    return paper.so_far(times)


def at(settings: "Settings", moment: datetime) -> "Settings":
    """The settings at that moment, to which the sky's clock is set, too."""
    control = settings.neows_url.removesuffix("/neo/rest/v1")
    with urlopen(f"{control}/-/now/{moment:%Y-%m-%dT%H:%M:%SZ}"):
        pass
    return replace(settings, rehearsed_now=moment)


def really(mornings: int) -> dict[str, Any]:
    """The same by flyby itself, without Dagster; what its record then says."""
    from flyby.jobs.backfill import backfill
    from flyby.jobs.compare import second_opinion
    from flyby.jobs.daily import gather
    from flyby.query.database import ask
    from flyby.record.load import take_in
    from flyby.settings import Settings

    settings = Settings.load()
    before = at(settings, datetime.combine(SURVEY_BEGAN - DAY, MORNING_AT))
    backfill(before, HISTORY_FROM, SURVEY_BEGAN - 2 * DAY, on_progress=lambda _: None)
    for n in range(mornings):
        tick = SURVEY_BEGAN + n * DAY
        now = at(settings, datetime.combine(tick, MORNING_AT))
        gather(now, tick)
        take_in(now)
        second_opinion(at(settings, datetime.combine(tick, SECOND_OPINION_AT)), tick)
    names, [row] = ask(
        settings.database,
        """SELECT
            (SELECT count(*) FROM requests WHERE source = 'neows') AS neows_answers,
            (SELECT count(*) FROM requests WHERE source = 'cad') AS cad_answers,
            (SELECT sum(rows)::BIGINT FROM requests WHERE source = 'neows') AS neows_rows,
            (SELECT sum(rows)::BIGINT FROM requests WHERE source = 'cad') AS cad_rows,
            (SELECT count(*) FROM revisions WHERE sources[1] = 'neows') AS neows_revisions,
            (SELECT count(*) FROM revisions WHERE sources[1] = 'cad') AS cad_revisions,
            (SELECT count(DISTINCT flyby_id) FROM revisions WHERE sources[1] = 'neows') AS flybys,
            (SELECT max(rows) FROM requests WHERE source = 'neows') AS neows_longest,
            (SELECT max(rows) FROM requests WHERE source = 'cad') AS cad_longest,
            (SELECT sum(bytes)::BIGINT FROM requests WHERE source = 'neows') AS neows_bytes,
            (SELECT sum(bytes)::BIGINT FROM requests WHERE source = 'cad') AS cad_bytes""",
    )
    on_disk = {
        f"{source}_raw_bytes": sum(path.stat().st_size for path in (settings.raw / source).rglob("*.zst"))
        for source in ("neows", "cad")
    }
    return {**dict(zip(names, row, strict=True)), **on_disk, "record_bytes": settings.record.stat().st_size}


#: Earlier revisions of everything, a quarter of a year apart and with values of their own.
PAD_REVISIONS = """
INSERT INTO asteroids_record.revisions
SELECT r.* REPLACE (
    r.revision - n * 1_000_000 AS revision, r.seen_from - INTERVAL 90 DAY * n AS seen_from, r.seen_from - INTERVAL 90 DAY * (n - 1) AS seen_to,
    r.miss_distance_au * (1 + random() / 1000) AS miss_distance_au,
    r.miss_distance_ld * (1 + random() / 1000) AS miss_distance_ld,
    r.miss_distance_km * (1 + random() / 1000) AS miss_distance_km,
    r.relative_velocity_km_s * (1 + random() / 1000) AS relative_velocity_km_s
)
FROM asteroids_record.revisions AS r, range(1, $more + 1) AS earlier (n)
"""
#: Earlier answers for the same days, two weeks apart.
PAD_ANSWERS = """
INSERT INTO asteroids_record.requests
SELECT a.* REPLACE (
    a.request_id || '-' || n AS request_id, a.requested_at - INTERVAL 14 DAY * n AS requested_at,
    sha256(a.sha256 || n) AS sha256, a.raw_path || n AS raw_path
)
FROM asteroids_record.requests AS a, range(1, $more + 1) AS earlier (n)
"""


def pad(revisions: int, answers: int) -> None:
    """Give every flyby of the record a longer past, and the record more answers: what ten years would have left."""
    from flyby.record import Record
    from flyby.record.load import publish_record
    from flyby.settings import Settings

    settings = Settings.load()
    with Record(settings.record) as record:
        for table, wanted, sql in (("revisions", revisions, PAD_REVISIONS), ("requests", answers, PAD_ANSWERS)):
            [(held,)] = record.connection.execute(f"SELECT count(*) FROM {table}").fetchall()
            record.connection.execute(sql, {"more": max(wanted // held - 1, 0)})
        record.checkpoint()
    publish_record(settings)


def costs() -> dict[str, float]:
    """Seconds to publish the record, best of three, and to find one name in raw/."""
    import time as clock
    from pathlib import Path
    from tempfile import TemporaryDirectory

    from flyby.fetch.raw import landed
    from flyby.settings import Settings
    from flyby.store.publish import publish

    def took_s(act: Callable[[], object]) -> float:
        begun = clock.perf_counter()
        act()
        return clock.perf_counter() - begun

    settings = Settings.load()
    with TemporaryDirectory(dir=settings.home) as folder:
        publish_s = min(took_s(lambda: publish(settings.record, Path(folder) / "flyby.duckdb")) for _ in range(3))
        month = Path(folder) / "raw" / "neows" / "2026" / "01"
        month.mkdir(parents=True)
        for n in range(NAMES):
            (month / f"20260101T060000.{n:06}Z_2026-01-01_2026-01-08_1_200.json.zst").touch()
        name_s = min(took_s(lambda: landed(Path(folder) / "raw")) for _ in range(3)) / NAMES
    return {"publish_s": publish_s, "name_s": name_s}


NAMES = 5000


def main(what: str, n: str = "", *times: str) -> None:
    if what == "paper":
        print(json.dumps(on_paper(int(n), [int(each) for each in times])))
    elif what == "paper-mornings":
        print(json.dumps(mornings_on_paper(int(n), int(times[0]))))
    elif what == "really":
        print(json.dumps(really(int(n))))
    elif what == "pad":
        pad(int(n), int(times[0]))
    else:
        print(json.dumps(costs()))


if __name__ == "__main__":
    main(*sys.argv[1:])
