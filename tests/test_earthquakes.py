"""Real earthquakes, as USGS listed them in May 2025: the example against what was listed at each answer."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import duckdb
import pytest
import yaml

from flyby import WindowedApiComponent
from flyby.fetch.raw import landed, read
from flyby.jobs.daily import gather
from flyby.query.database import lateness
from flyby.record.load import held, rebuild, take_in
from flyby.settings import ApiSettings
from flyby.sources.dataset import Observation

EXAMPLE = Path(__file__).parents[1] / "examples/earthquakes/src/earthquakes/defs/earthquakes/defs.yaml"
#: The recording's first and last morning.
FIRST, LAST = datetime(2025, 5, 5, 6, tzinfo=UTC), datetime(2025, 5, 13, 6, tzinfo=UTC)
#: What is deleted for good is withdrawn after so many days: the recording holds nine.
DAYS = 4

SetClock = Callable[[datetime], None]


@pytest.fixture(scope="module")
def usgs(shared: Path) -> Iterator[str]:
    """USGS at a clock of its own; the address to which `/-/as-of/<moment>` sets it."""
    command = [sys.executable, str(shared / "realquakes" / "usgs_server.py"), "--port", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as server:
        try:
            assert server.stderr
            yield next(line.split()[1] for line in server.stderr if line.startswith("serving")).partition("/fdsnws")[0]
        finally:
            server.terminate()


def example(usgs: str, home: Path, monkeypatch: pytest.MonkeyPatch, **more: Any) -> ApiSettings:
    monkeypatch.setenv("USGS_URL", usgs)
    attributes = yaml.safe_load(EXAMPLE.read_text())["attributes"] | {"home": str(home)} | more
    component: WindowedApiComponent = WindowedApiComponent.resolve_from_yaml(
        yaml.safe_dump(attributes, sort_keys=False)
    )
    return component.settings()


def read_every(settings: ApiSettings, usgs: str, step: timedelta, last: datetime = LAST) -> ApiSettings:
    now = FIRST
    while now <= last:
        urlopen(f"{usgs}/-/as-of/{now:%Y-%m-%dT%H:%M:%SZ}").close()
        settings = replace(settings, rehearsed_now=now)
        gather(settings, now.date())
        take_in(settings)
        now += step
    return settings


def ask(settings: ApiSettings, query: str) -> list[Any]:
    with duckdb.connect(settings.published, read_only=True) as connection:
        return connection.execute("SET TimeZone = 'UTC'").execute(query).fetchall()


#: Every answer: when it was asked for, for which day, and what it listed.
Answers = list[tuple[datetime, str, list[Observation]]]


def answers(settings: ApiSettings) -> Answers:
    decoder = settings.dataset.primary.decoder
    return [
        (answer.requested_at, str(answer.window.start), decoder.decode(read(answer), answer.window).rows)
        for answer in landed(settings.raw)
    ]


def told(row: Observation) -> tuple[Any, ...]:
    return (row.entity, row.moment, *row.values[:-1], row.values[-1])


def as_listed(settings: ApiSettings, given: Answers) -> None:
    """What is believed as of each answer is what that answer listed."""
    columns = "id, epoch_us(moment), magnitude, place, longitude, latitude, depth_km, updated_at"
    query = f"SELECT {columns} FROM earthquakes_as_of(?::TIMESTAMPTZ) WHERE listed AND day = ?::DATE"
    with duckdb.connect(settings.published, read_only=True) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        for at, day, rows in given:
            believed = connection.execute(query, [at, day]).fetchall()
            assert sorted(believed) == sorted(map(told, rows)), (at, day)


def withdrawn_for_good(settings: ApiSettings, given: Answers) -> set[str]:
    """The keys that were withdrawn; asserts that no later answer lists one, and that none is left that should be."""
    listed_at: dict[str, list[datetime]] = {}
    asked_at: dict[str, list[datetime]] = {}
    day_of = {}
    for at, day, rows in given:
        asked_at.setdefault(day, []).append(at)
        for row in rows:
            listed_at.setdefault(row.entity, []).append(at)
            day_of[row.entity] = day
    withdrawn = dict(
        ask(settings, "SELECT id, max(seen_from) FROM earthquakes_revisions WHERE change = 'withdrawn' GROUP BY id")
    )
    for key, at in withdrawn.items():
        assert max(listed_at[key]) < at, key
    due = timedelta(days=DAYS)
    for key, listed in listed_at.items():
        without = [at for at in asked_at[day_of[key]] if at > max(listed)]
        if len(without) >= 4 and without[-1] - without[0] >= due:
            assert key in withdrawn, key
    return set(withdrawn)


def test_a_week_of_mornings_is_what_was_listed_at_each_answer_and_learns_how_late_usgs_is(
    usgs: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = example(usgs, tmp_path / "home", monkeypatch, absence={"days": DAYS})
    settings = read_every(settings, usgs, timedelta(days=1))
    given = answers(settings)
    as_listed(settings, given)
    assert withdrawn_for_good(settings, given)
    assert ask(settings, "SELECT DISTINCT verdict FROM earthquakes_requests") == [("ok",)]

    with held(settings) as place:
        late = lateness(place, settings.dataset.schema, settings.now(), settings.policy.curve)
    assert late
    assert late.followed_days == 7
    listed, final = truth(given)
    for share in late.shares:
        assert share.listed == pytest.approx(listed[share.day], abs=0.02), share
        assert share.final == pytest.approx(final[share.day], abs=0.02), share

    before = {t: ask(settings, f"FROM earthquakes{t} ORDER BY ALL") for t in ("", "_revisions", "_days", "_requests")}
    rebuild(settings)
    take_in(settings)
    assert {t: ask(settings, f"FROM earthquakes{t} ORDER BY ALL") for t in before} == before


def truth(given: Answers) -> tuple[dict[int, float], dict[int, float]]:
    """Of what is listed at D+n+1, the share that was at D+n, chained over the days that were read at both: from
    the answers, by key and values."""
    by_day: dict[str, dict[int, dict[str, tuple[Any, ...]]]] = {}
    for at, day, rows in given:
        morning = (at.date() - datetime.fromisoformat(day).date()).days
        by_day.setdefault(day, {})[morning] = {row.entity: told(row) for row in rows}
    listed, final = {7: 1.0}, {7: 1.0}
    for n in range(6, 0, -1):
        pairs = [(its[n], its[max(its)], its) for its in by_day.values() if n + 1 in its]
        there = late = same = same_late = 0
        for _, last, its in pairs:
            for key, now in last.items():
                first_listed = min(m for m in its if key in its[m])
                first_final = max([m + 1 for m in its if its[m].get(key) != now], default=1)
                there, late = there + (first_listed <= n), late + (first_listed <= n + 1)
                same, same_late = same + (first_final <= n), same_late + (first_final <= n + 1)
        listed[n], final[n] = listed[n + 1] * there / late, final[n + 1] * same / same_late
    return listed, final


@pytest.mark.long
def test_hour_by_hour_it_is_what_was_listed_at_each_answer(
    usgs: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    window = {"start": "starttime", "end": "endtime", "form": "iso", "days": 1, "ahead_days": 1}
    settings = example(usgs, tmp_path / "home", monkeypatch, absence={"days": DAYS}, window=window)
    settings = read_every(settings, usgs, timedelta(hours=1), last=datetime(2025, 5, 13, 23, tzinfo=UTC))
    given = answers(settings)
    as_listed(settings, given)
    assert withdrawn_for_good(settings, given)
