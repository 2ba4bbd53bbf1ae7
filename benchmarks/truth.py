"""How much of what a source says is held, and held rightly, for the same number of requests.

`make bench-truth` has sources that restate what they said be read every morning: by the lesson's way, by fixed lookbacks
that replace, merge (as dlt does) or end what is absent (as a dbt snapshot does), and by flyby, whose engine and component
run for real. Every contender gets the same answers for the same number of requests. Results go to docs/truth.md.
"""

import argparse
import json
import random
import re
import subprocess
import sys
import tempfile
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from functools import cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2

from flyby import WindowedApiComponent
from flyby.days import DAY, Window
from flyby.jobs.daily import gather
from flyby.query.database import ask
from flyby.record.load import take_in
from flyby.sources.neows import feed
from flyby.sources.observations import VALUES

SHARED = Path(__file__).parents[2] / "shared"
LOOKBACKS = (1, 3, 7, 30)
#: Held is what of the days of the last so many is held.
MEASURED_DAYS = 30

PAGE = """# What is held of a source that restates

Written by `make bench-truth` on {today}. A source lists a day late, restates it and takes rows back; every morning its answers
are asked for, and kept by a rule. Each contender gets the same answers, and as many requests a morning as its lookback needs.

* **Held** is the share of the rows that the source lists at that moment, for the days of the last {measured} since the
  first morning, that the contender lists too; **current**, that it lists with the values of that moment. Both are means over the
  mornings, faults and all.
* **Lost** counts the times that a contender no longer listed a row that it had, though the source had not taken it back.
* **Stale** are rows that a contender lists in the end though the source does not.

The lesson's way asks for yesterday once. A lookback of *n* days asks for *n* days every morning and *replaces* them; *merge* only
adds and updates, as dlt's merge does (dlt itself was run on the earthquakes, and held the same rows: {dlt}); *ends* what of them
is absent, as a dbt snapshot with `hard_deletes` does, so it lists what a replacing lookback lists and keeps what was. flyby is the
component `flyby.WindowedApiComponent` at {per_request}, and what counts is its table as it is: rows that the source no longer lists
stay in it, with `listed = false`, until they are withdrawn. The dbt snapshot is its rule, written anew;
dbt itself (dbt-core 1.11.16, dbt-duckdb 1.11.1, `hard_deletes: invalidate`) was run once over what a replacing lookback of 7 left of
the earthquakes each morning, and held the same rows: 4,187 with nothing wrong, 4,032 with a network left out, none differing. What was
recorded of NeoWs in 2026 is no world here: it holds windows ahead only, so no lookback has anything to ask.

{worlds}

## Where flyby does not win

{losses}
"""

Values = tuple[Any, ...]
Listing = Mapping[str, Values]


@dataclass(frozen=True)
class Faults:
    """What is wrong with the answers, by the number of the morning."""

    name: str
    #: Rows of the group are left out.
    group_out: range = range(0)
    #: An answer holds the first half of its rows.
    short: frozenset[int] = frozenset()
    #: Each row is left out with this chance, anew every morning.
    flapping: float = 0.0
    #: Nobody asks.
    off: range = range(0)
    #: Answers come, and the process is killed before anything is done with them.
    killed: frozenset[int] = frozenset()
    #: Values are restated with this chance on each of a day's first two weeks.
    restated: float = 0.0


@dataclass
class World:
    """A source: what it lists for a day at a moment, and what is wrong with its answers."""

    name: str
    first: date
    mornings: int
    window_days: int
    source: Callable[[datetime, Window], dict[date, dict[str, Values]]]
    group: str
    faults: Faults
    _listed: dict[tuple[datetime, date], dict[str, Values]] = field(default_factory=dict)

    def at(self, morning: int) -> datetime:
        return datetime.combine(self.first + morning * DAY, time(6), UTC)

    def listed(self, morning: int, day: date) -> dict[str, Values]:
        """What the source says at that moment, nothing wrong with it."""
        at = self.at(morning)
        if (at, day) not in self._listed:
            window = Window(day - (day.toordinal() % self.window_days) * DAY, day)
            window = Window(window.start, window.start + (self.window_days - 1) * DAY)
            for each, rows in self.source(at, window).items():
                self._listed[at, each] = {key: self._restated(key, each, at, said) for key, said in rows.items()}
        return self._listed.get((at, day), {})

    def answer(self, morning: int, day: date) -> dict[str, Values]:
        """What who asks gets."""
        faults, rows = self.faults, self.listed(morning, day)
        if morning in faults.group_out:
            rows = {key: said for key, said in rows.items() if not key.startswith(self.group)}
        if morning in faults.short:
            rows = dict(sorted(rows.items())[: len(rows) // 2])
        if faults.flapping:
            rows = {key: said for key, said in rows.items() if _chance(key, morning) >= faults.flapping}
        return rows

    def measured(self, morning: int) -> list[date]:
        """The days of which it is asked what is held."""
        tick = self.first + morning * DAY
        first = max(self.first - DAY, tick - MEASURED_DAYS * DAY)
        return [first + n * DAY for n in range((tick - first).days)]

    def _restated(self, key: str, day: date, at: datetime, said: Values) -> Values:
        ages = range(max(0, min((at.date() - day).days, 14)))
        return (*said, sum(_chance(key, day, age) < self.faults.restated for age in ages))


def _chance(*what: object) -> float:
    return random.Random(repr(what)).random()


class Rule:
    """A lookback of so many days, and what it does with the answers."""

    def __init__(self, name: str, days: int, *, merges: bool = False, once: bool = False) -> None:
        self.name, self.days, self.merges, self.once = name, days, merges, once
        self.kept: dict[date, dict[str, Values]] = {}

    def morning(self, world: World, morning: int) -> int:
        tick = world.first + morning * DAY
        for n in range(1, self.days + 1):
            day = tick - n * DAY
            rows = world.answer(morning, day)
            if morning in world.faults.killed:
                continue
            if self.merges or (self.once and day in self.kept):
                self.kept.setdefault(day, {}).update(rows)
            else:
                self.kept[day] = dict(rows)
        return -(-self.days // world.window_days)

    def lists(self) -> dict[date, dict[str, Values]]:
        return self.kept


class Flyby:
    """The component, its source on loopback."""

    def __init__(self, requests: int, home: Path, world: World) -> None:
        self.name = "flyby"
        self.requests = requests
        self._home, self._world = home, world
        self._morning = 0
        self._asked = 0

    @contextmanager
    def asked(self) -> Iterator["Flyby"]:
        contender = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                said = {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}
                window = Window(date.fromisoformat(said["first"]), date.fromisoformat(said["last"]))
                body = json.dumps(contender._rows(window)).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None: ...

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            self._url = f"http://127.0.0.1:{server.server_address[1]}/rows"
            yield self
        finally:
            server.shutdown()
            server.server_close()

    def _rows(self, window: Window) -> list[dict[str, Any]]:
        self._asked += 1
        return [
            {"key": key, "day": str(day), "said": json.dumps(said), "group": key[: len(self._world.group)]}
            for day in window.days
            for key, said in self._world.answer(self._morning, day).items()
        ]

    def morning(self, world: World, morning: int) -> int:
        self._morning = morning
        before = self._asked
        component: WindowedApiComponent = WindowedApiComponent.resolve_from_dict(
            {
                "name": "rows",
                "url": self._url,
                "window": {"start": "first", "end": "last", "days": world.window_days},
                "key": "key",
                "moment": {"path": "day", "form": "date"},
                "group": "group",
                "columns": {"said": {"path": "said"}},
                "quota": {"a_morning": self.requests},
                "home": str(self._home),
                "now": world.at(morning).isoformat(),
            }
        )
        settings = component.settings()
        gather(settings, world.first + morning * DAY)
        if morning not in world.faults.killed:
            take_in(settings)
        return self._asked - before

    def lists(self) -> dict[date, dict[str, Values]]:
        kept: dict[date, dict[str, Values]] = {}
        for key, day, said in ask(self._home / "rows.duckdb", "SELECT key, day, said FROM rows")[1]:
            kept.setdefault(day, {})[key] = tuple(json.loads(said))
        return kept


@dataclass
class Told:
    """How a contender fared."""

    name: str
    requests: int = 0
    held: list[float] = field(default_factory=list)
    current: list[float] = field(default_factory=list)
    lost: int = 0
    stale: int = 0

    @cached_property
    def is_held(self) -> float:
        return sum(self.held) / len(self.held)

    @cached_property
    def is_current(self) -> float:
        return sum(self.current) / len(self.current)


def fare(world: World, contender: Rule | Flyby) -> Told:
    """Every morning of the world with the contender."""
    told = Told(contender.name)
    had: set[tuple[date, str]] = set()
    for morning in range(world.mornings):
        if morning not in world.faults.off:
            told.requests += contender.morning(world, morning)
        kept = contender.lists() if morning not in world.faults.killed or morning else {}
        held = current = rows = 0
        for day in world.measured(morning):
            true, mine = world.listed(morning, day), kept.get(day, {})
            rows += len(true)
            held += len(true.keys() & mine.keys())
            current += sum(mine.get(key) == said for key, said in true.items())
        has = {(day, key) for day in world.measured(morning) for key in kept.get(day, {})}
        told.lost += sum(key in world.listed(morning, day) for day, key in had - has if day in world.measured(morning))
        had = has
        told.held.append(held / rows if rows else 1.0)
        told.current.append(current / rows if rows else 1.0)
    last = world.mornings - 1
    told.stale = sum(key not in world.listed(last, day) for day, key in had)
    return told


@contextmanager
def serving(folder: str, name: str) -> Iterator[str]:
    """A loopback server of recorded answers; its address."""
    command = [sys.executable, str(SHARED / folder / name), "--port", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as server:
        try:
            assert server.stderr
            found = next(m for line in server.stderr if (m := re.search(r"http://127\.0\.0\.1:\d+", line)))
            yield found[0]
        finally:
            server.terminate()


def earthquakes(url: str, client: httpx2.Client) -> Callable[[datetime, Window], dict[date, dict[str, Values]]]:
    """USGS' catalogue of May 2025."""

    def listed(at: datetime, window: Window) -> dict[date, dict[str, Values]]:
        query = f"format=geojson&starttime={window.start}T00:00:00&endtime={window.end}T23:59:59.999"
        answer = client.get(f"{url}/fdsnws/event/1/query?{query}", headers={"X-As-Of": f"{at:%Y-%m-%dT%H:%M:%SZ}"})
        answer.raise_for_status()
        found: dict[date, dict[str, Values]] = {}
        for one in answer.json()["features"]:
            told = one["properties"]
            day = datetime.fromtimestamp(told["time"] / 1000, UTC).date()
            found.setdefault(day, {})[one["id"]] = (told["mag"], told["time"], *one["geometry"]["coordinates"])
        return found

    return listed


def asteroids(url: str, client: httpx2.Client) -> Callable[[datetime, Window], dict[date, dict[str, Values]]]:
    """NeoWs, as what was discovered by then."""

    def listed(at: datetime, window: Window) -> dict[date, dict[str, Values]]:
        query = f"start_date={window.start}&end_date={window.end}"
        headers = {"X-As-Of": str(at.date()), "X-Api-Key": "truth-key"}
        answer = client.get(f"{url}/neo/rest/v1/feed?{query}", headers=headers)
        answer.raise_for_status()
        whole = feed.decode(answer.content, window)
        found: dict[date, dict[str, Values]] = {}
        for row in whole.rows:
            found.setdefault(row.day, {})[f"{row.id}"] = (row.values[DISTANCE_AU],)
        return found

    return listed


#: Which of an observation's values is the distance.
DISTANCE_AU = [column.name for column in VALUES].index("miss_distance_au")


def worlds(quakes: str, sky: str, client: httpx2.Client) -> Iterator[World]:
    """The worlds, each without and with what may go wrong."""
    for faults in (
        Faults("nothing wrong"),
        Faults("a network (`ci`) left out for three mornings", group_out=range(3, 6)),
        Faults("two short answers", short=frozenset({3, 6})),
        Faults("one row in twenty flaps every morning", flapping=0.05),
        Faults("three mornings off", off=range(3, 6)),
        Faults("two runs killed", killed=frozenset({3, 6})),
    ):
        yield World("USGS' earthquakes of May 2025", date(2025, 5, 5), 9, 1, earthquakes(quakes, client), "ci", faults)
    for faults in (
        Faults("nothing wrong"),
        Faults("values restated for two weeks", restated=0.05),
        Faults("the largest group of ids left out for two weeks", group_out=range(30, 44), restated=0.05),
        Faults("six short answers", short=frozenset(range(20, 56, 6)), restated=0.05),
        Faults("one row in twenty flaps every morning", flapping=0.05, restated=0.05),
        Faults("a week off", off=range(30, 37), restated=0.05),
    ):
        name = "asteroids of 2019, in windows of eight days"
        yield World(name, date(2019, 3, 1), 60, 8, asteroids(sky, client), "3", faults)


def contenders(world: World, folder: Path) -> Iterator[tuple[int, list[Rule | Flyby]]]:
    """For every number of requests those that make so many."""
    groups: dict[int, list[Rule | Flyby]] = {}
    for days in LOOKBACKS:
        its = groups.setdefault(-(-days // world.window_days), [])
        its.append(Rule(f"lookback of {days}, replaces (or ends)", days))
        its.append(Rule(f"lookback of {days}, merges", days, merges=True))
    groups[1].insert(0, Rule("the lesson's way", 1, once=True))
    for requests, its in groups.items():
        yield requests, [*its, Flyby(requests, folder / f"{requests}", world)]


def as_dlt_merges(world: World, days: int, folder: Path) -> str:
    """Whether dlt, with its merge and a lookback of `days`, comes to hold what the rule of that name does."""
    warnings.simplefilter("ignore")
    import dlt

    rule = Rule("", days, merges=True)
    database = folder / "dlt.duckdb"
    pipeline = dlt.pipeline(
        "truth",
        dataset_name="truth_dataset",
        destination=dlt.destinations.duckdb(str(database)),
        pipelines_dir=str(folder),
    )
    for morning in range(world.mornings):
        rule.morning(world, morning)
        tick = world.first + morning * DAY
        rows = [
            {"key": key, "day": str(day), "said": json.dumps(said)}
            for day in (tick - n * DAY for n in range(1, days + 1))
            for key, said in world.answer(morning, day).items()
        ]
        pipeline.run(rows, table_name="rows", write_disposition="merge", primary_key="key")
    held = {
        (key, tuple(json.loads(said))) for key, said in ask(database, "SELECT key, said FROM truth_dataset.rows")[1]
    }
    expected = {(key, said) for rows in rule.kept.values() for key, said in rows.items()}
    return f"{len(held):,} rows, {'none' if held == expected else len(held ^ expected)} differing"


def table(told: list[tuple[int, list[Told]]]) -> str:
    lines = [
        "| requests a morning | contender | requests in all | held | current | lost | stale |",
        "|---|---|---|---|---|---|---|",
    ]
    for requests, its in told:
        best = max(round(one.is_current, 4) for one in its)
        for one in its:
            current = f"{one.is_current:.1%}"
            current = f"**{current}**" if round(one.is_current, 4) == best else current
            lines.append(
                f"| {requests} | {one.name} | {one.requests:,} | {one.is_held:.1%} | {current} | {one.lost:,} | {one.stale:,} |"
            )
    return "\n".join(lines)


def losses(world: World, told: list[tuple[int, list[Told]]]) -> Iterator[str]:
    """Where another holds more that is current than flyby, at the same number of requests."""
    for requests, its in told:
        flyby = its[-1]
        for other in its[:-1]:
            if round(other.is_current, 4) > round(flyby.is_current, 4):
                yield (
                    f"* {world.name}, {world.faults.name}, {requests} a morning: {other.name} {other.is_current:.1%}, "
                    f"flyby {flyby.is_current:.1%} (lost {other.lost:,} and {flyby.lost:,})."
                )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--to", type=Path, default=Path("docs/truth.md"), help="where the results go")
    parser.add_argument("--world", help="only the worlds with this in their name, and nothing is written")
    options = parser.parse_args()
    if not SHARED.is_dir():
        sys.exit("make bench-truth needs recorded answers in ../shared, which are not part of the repository")
    parts: list[str] = []
    lost: list[str] = []
    dlt = ""
    with ExitStack() as stack:
        quakes = stack.enter_context(serving("realquakes", "usgs_server.py"))
        sky = stack.enter_context(serving("realsky", "neows_server.py"))
        client = stack.enter_context(httpx2.Client(timeout=60))
        for n, world in enumerate(worlds(quakes, sky, client)):
            if options.world and options.world not in f"{world.name}, {world.faults.name}":
                continue
            told = []
            with tempfile.TemporaryDirectory() as scratch:
                for requests, its in contenders(world, Path(scratch)):
                    fared = []
                    for one in its:
                        with one.asked() if isinstance(one, Flyby) else _as_it_is(one):
                            fared.append(fare(world, one))
                    told.append((requests, fared))
                if n == 0 and not options.world:
                    dlt = as_dlt_merges(world, 7, Path(scratch))
            heading = f"## {world.name}: {world.faults.name}\n\n{table(told)}"
            print(heading, "\n", flush=True)
            parts.append(heading)
            lost += losses(world, told)
    if not options.world:
        options.to.write_text(
            PAGE.format(
                today=datetime.now(UTC).date(),
                measured=MEASURED_DAYS,
                dlt=dlt,
                per_request="the same number of requests a morning, all its rules at their defaults",
                worlds="\n\n".join(parts),
                losses="\n".join(lost) or "Nowhere in these worlds.",
            )
        )


@contextmanager
def _as_it_is(rule: Rule) -> Iterator[Rule]:
    yield rule


if __name__ == "__main__":
    main()
