"""flyby beside its peers, in one run: `python -m benchmarks.run [--quick]`.

Measures everything on one machine against one server (the built-in sky, or the one that FLYBY_NEOWS_URL names), then
writes docs/benchmarks.md and docs/benchmarks.svg. `--quick` measures everything once, leaves out the slowest, and
writes to build/: a look on the way, not a result. Exit status 1 if a contender failed.
"""

import json
import os
import platform
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from functools import partial
from importlib.metadata import version
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import msgspec

from benchmarks.measure import CommandFailed, Measured, measure
from benchmarks.results import (
    AGAIN,
    ALL,
    DLT_ARROW,
    DLT_JSON,
    EVERYDAY,
    FIRST_TIME,
    FIVE,
    FLOOR_A,
    FLOOR_B,
    FLYBY,
    FLYBY_RUN,
    IMPORT,
    LESSON_DAYS,
    LESSON_JOB,
    MORNING_EMPTY,
    MORNING_FULL,
    ONE,
    SECOND_TIME,
    STATUS,
    THIRTY,
    UPCOMING,
    Results,
    Row,
    summed_up,
)
from flyby.days import windows

ROOT = Path(__file__).resolve().parents[1]
BIN = Path(sys.executable).parent
PYTHON = sys.executable

RANGES = {
    ONE: (date(2019, 1, 1), date(2019, 12, 31)),
    FIVE: (date(2015, 1, 1), date(2019, 12, 31)),
    ALL: (date(2000, 1, 1), date(2026, 12, 31)),
}
LESSON_RANGE = (date(2019, 1, 1), date(2019, 1, 30))
RUNS = 3
#: The slow ones less often.
FEWER_RUNS = {(DLT_JSON, FIVE): 2, (DLT_JSON, ALL): 1}
READINGS = 7
#: The moment that flyby and the built-in sky take for now, so that every run of the benchmark finds the same days due;
#: flyby's moves on by a second with each command.
NOW = datetime(2026, 12, 20, 6, tzinfo=UTC)
YESTERDAY = "2026-12-19"
ONE_DAY, ONE_TICK = "2019-02-15", "2019-02-16"
#: As long as NASA's keys are, and like them without signs.
KEY = "aKeyForTheBenchmarkAsLongAsTheOnesOfNASA"
COUNT = "SELECT (SELECT count(*) FROM requests), (SELECT count(*) FROM close_approaches)"


class Server:
    """The NeoWs that all contenders ask; counts their requests where it can."""

    def __init__(self, url: str, process: "subprocess.Popen[str] | None") -> None:
        self.url = url
        self._process = process

    def requests(self) -> int | None:
        """Requests answered so far; None of a server that was given."""
        if self._process is None or self._process.stdin is None or self._process.stdout is None:
            return None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())

    def warm_up(self) -> None:
        """Ask for every window once, so that the first contender does not pay for what the server makes on demand."""
        for window in windows(*RANGES[ALL]):
            days = {"start_date": window.start.isoformat(), "end_date": window.end.isoformat()}
            with urlopen(Request(f"{self.url}/feed?{urlencode(days)}", headers={"X-Api-Key": KEY})) as answer:
                answer.read()


@contextmanager
def server(environment: Mapping[str, str]) -> Iterator[Server]:
    """The server that FLYBY_NEOWS_URL names, or the built-in sky in a process of its own."""
    if given := os.environ.get("FLYBY_NEOWS_URL"):
        yield Server(given.rstrip("/"), None)
        return
    with sky(NOW, environment) as started:
        yield started


@contextmanager
def sky(now: datetime, environment: Mapping[str, str]) -> Iterator[Server]:
    """The built-in sky in a process of its own."""
    command = [PYTHON, "-m", "benchmarks.sky", now.isoformat()]
    with subprocess.Popen(
        command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        yield Server(process.stdout.readline().strip(), process)


class Bench:
    """The commands to measure, each in a new folder of its own unless it is given one."""

    def __init__(self, server: Server, environment: Mapping[str, str], folder: Path) -> None:
        self._server = server
        self._environment = {**environment, "FLYBY_NEOWS_URL": server.url}
        self._folder = folder
        self._numbers, self._seconds = count(), count()

    def new_folder(self) -> Path:
        """An empty folder."""
        folder = self._folder / str(next(self._numbers))
        folder.mkdir()
        return folder

    def command(self, *words: str, **settings: str) -> Measured:
        """Run one command, measured."""
        return measure(words, cwd=self._folder, env={**self._environment, **settings})

    def peer(self, name: str, of: str, module: str, shape: str) -> Row:
        """A floor or dlt over a range."""
        first, last = RANGES[of]
        database = self.new_folder() / "peer.duckdb"
        before = self._server.requests()
        ran = self.command(PYTHON, "-m", module, shape, str(first), str(last), str(database))
        return _row(name, of, (last - first).days + 1, ran, database, _last_line(ran), self._asked_since(before))

    def lesson_days(self) -> Row:
        """The lesson's job for thirty days, one after the other in one process."""
        first, last = LESSON_RANGE
        folder = self.new_folder()
        before = self._server.requests()
        ran = self.command(PYTHON, "-m", "benchmarks.lesson.days", str(first), str(last), LESSON_HOME=str(folder))
        database, days = folder / "lesson.duckdb", (last - first).days + 1
        return _row(LESSON_DAYS, THIRTY, days, ran, database, _last_line(ran), self._asked_since(before))

    def lesson_home(self) -> Path:
        """A folder in which `dagster job execute` finds its settings and the day."""
        folder = self.new_folder()
        (folder / "dagster.yaml").write_text("telemetry:\n  enabled: false\n")
        (folder / "run.yaml").write_text(json.dumps({"ops": {"asteroids": {"config": {"date": ONE_TICK}}}}))
        return folder

    def lesson_job(self, home: Path, of: str) -> Row:
        """The lesson's job as `dagster job execute`, for one day."""
        job = ("-m", "benchmarks.lesson.definitions", "-j", "asteroid_job", "-c", str(home / "run.yaml"))
        before = self._server.requests()
        ran = self.command(str(BIN / "dagster"), "job", "execute", *job, LESSON_HOME=str(home), DAGSTER_HOME=str(home))
        return _row(LESSON_JOB, of, 1, ran, home / "lesson.duckdb", {"requests": 1}, self._asked_since(before))

    def flyby(self, contender: str, of: str, home: Path, *words: str, days: int = 1) -> Row:
        """One flyby command; its requests are those that its database lists more than before."""
        before, counted_before = self._look(home)["requests"], self._server.requests()
        now = NOW + timedelta(seconds=next(self._seconds))
        ran = self.command(str(BIN / "flyby"), *words, FLYBY_HOME=str(home), FLYBY_NOW=now.isoformat())
        found = self._look(home)
        did = {"requests": found["requests"] - before, "rows": found["rows"]}
        return _row(contender, of, days, ran, home / "flyby.duckdb", did, self._asked_since(counted_before))

    def backfill(self, home: Path, of: str, *, contender: str = FLYBY) -> Row:
        """`flyby backfill` over a range; of `AGAIN` over all of it once more."""
        first, last = RANGES[ALL if of == EVERYDAY else of]
        return self.flyby(contender, of, home, "backfill", str(first), str(last), days=(last - first).days + 1)

    def import_duckdb(self) -> Row:
        """What every command that reads a DuckDB file has to spend."""
        return _row(IMPORT, EVERYDAY, 1, self.command(PYTHON, "-c", "import duckdb"), None, {}, None)

    def _asked_since(self, before: int | None) -> int | None:
        now = self._server.requests()
        return None if before is None or now is None else now - before

    def _look(self, home: Path) -> dict[str, int]:
        # In a process of its own: this one has to stay small (see benchmarks.measure).
        if not (home / "flyby.duckdb").exists():
            return {"requests": 0, "rows": 0}
        ask = f"import duckdb, sys; print(*duckdb.connect(sys.argv[1], read_only=True).execute({COUNT!r}).fetchone())"
        requests, rows = self.command(PYTHON, "-c", ask, str(home / "flyby.duckdb")).stdout.split()
        return {"requests": int(requests), "rows": int(rows)}


def _last_line(ran: Measured) -> dict[str, int]:
    did: dict[str, int] = json.loads(ran.stdout.splitlines()[-1])
    return did


def _row(
    contender: str,
    of: str,
    days: int,
    ran: Measured,
    database: Path | None,
    did: Mapping[str, int],
    counted: int | None,
) -> Row:
    requests = did.get("requests")
    if counted is not None and requests is not None and counted != requests:
        raise CommandFailed(f"{contender} says {requests} requests, the server counted {counted}")
    return Row(
        contender=contender,
        of=of,
        days=days,
        walls_s=[ran.wall_s],
        cpu_s=ran.cpu_s,
        peak_mb=ran.peak_mb,
        requests=requests,
        rows=did.get("rows"),
        database_mb=database.stat().st_size / 1e6 if database and database.exists() else None,
    )


class Session:
    """One run of the benchmark: what is measured goes into `results`, what fails too."""

    def __init__(self, bench: Bench, results: Results) -> None:
        self._bench = bench
        self._results = results
        self._runs = 1 if results.quick else RUNS
        self._measured: list[Row] = []

    def everything(self) -> None:
        """All measurements, contenders taking turns within each part."""
        for of in RANGES:
            self._range(of)
        for _ in range(self._runs):
            self._attempt(self._bench.lesson_days)
        self._one_day()
        self._everyday()
        self._year()
        self._results.rows = summed_up(self._measured)

    def _attempt(self, act: Callable[[], Row]) -> None:
        try:
            row = act()
        except CommandFailed as error:
            self._failed(error)
        else:
            self._measured.append(row)
            print(f"{row.wall_s:7.2f} s  {row.peak_mb:5.0f} MB  {row.contender}, {row.of}", file=sys.stderr, flush=True)

    def _failed(self, error: CommandFailed) -> None:
        self._results.failures.append(str(error))
        print(f"FAILED: {error}", file=sys.stderr, flush=True)

    def _range(self, of: str) -> None:
        bench = self._bench
        contenders: dict[str, Callable[[], Row]] = {
            FLYBY: lambda: bench.backfill(bench.new_folder(), of),
            FLOOR_A: partial(bench.peer, FLOOR_A, of, "benchmarks.floor", "a"),
            FLOOR_B: partial(bench.peer, FLOOR_B, of, "benchmarks.floor", "b"),
            DLT_ARROW: partial(bench.peer, DLT_ARROW, of, "benchmarks.dlt_merge", "arrow"),
            DLT_JSON: partial(bench.peer, DLT_JSON, of, "benchmarks.dlt_merge", "json"),
        }
        if self._results.quick and of == ALL:
            del contenders[DLT_JSON]
        for turn in range(self._runs):
            for name, contender in contenders.items():
                if turn < FEWER_RUNS.get((name, of), RUNS):
                    self._attempt(contender)

    def _one_day(self) -> None:
        bench = self._bench
        for _ in range(self._runs):
            flyby_home, lesson_home = bench.new_folder(), bench.lesson_home()
            for of in (FIRST_TIME, SECOND_TIME):
                self._attempt(partial(bench.flyby, FLYBY_RUN, of, flyby_home, "run", ONE_DAY))
                self._attempt(partial(bench.lesson_job, lesson_home, of))

    def _everyday(self) -> None:
        bench = self._bench
        full, empty = bench.new_folder(), bench.new_folder()
        try:
            bench.backfill(full, EVERYDAY)
            for home in (full, empty):  # Dagster sets itself up in a new home: not an everyday thing
                bench.flyby(FLYBY_RUN, EVERYDAY, home, "run", YESTERDAY)
        except CommandFailed as error:
            self._failed(error)
            return
        for _ in range(self._runs):
            self._attempt(partial(bench.flyby, MORNING_FULL, EVERYDAY, full, "run", YESTERDAY))
            self._attempt(partial(bench.flyby, MORNING_EMPTY, EVERYDAY, empty, "run", YESTERDAY))
        for _ in range(self._runs):
            self._attempt(partial(bench.backfill, full, EVERYDAY, contender=AGAIN))
        for _ in range(READINGS):
            self._attempt(partial(bench.flyby, STATUS, EVERYDAY, full, "status"))
            self._attempt(partial(bench.flyby, UPCOMING, EVERYDAY, full, "upcoming"))
            self._attempt(bench.import_duckdb)
        try:
            self._results.inside_s = json.loads(
                bench.command(PYTHON, "-m", "benchmarks.everyday", str(full), NOW.isoformat()).stdout
            )
        except CommandFailed as error:
            self._failed(error)

    def _year(self) -> None:
        # On the built-in sky in any case: JPL's list is that of the same sky.
        with sky(NOW, environment()) as source:
            settings = {
                "FLYBY_HOME": str(self._bench.new_folder()),
                "FLYBY_NEOWS_URL": source.url,
                "FLYBY_CAD_URL": source.url.replace("/neo/rest/v1", "/cad.api"),
            }
            mornings = "40" if self._results.quick else "365"
            try:
                ran = self._bench.command(PYTHON, "-m", "benchmarks.year", mornings, **settings)
            except CommandFailed as error:
                self._failed(error)
            else:
                self._results.year = json.loads(ran.stdout)


def environment() -> dict[str, str]:
    """What all contenders find in the environment: nothing of the caller's flyby or Dagster, and bytecode allowed."""
    foreign = ("PYTHONDONTWRITEBYTECODE", "PYTHONPATH", "FLYBY_", "DAGSTER_", "NASA_")
    return {name: value for name, value in os.environ.items() if not name.startswith(foreign)} | {
        "NASA_API_KEY": KEY,
        "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)]),
        # dlt reports its use to its maker otherwise, and waits for that.
        "RUNTIME__DLTHUB_TELEMETRY": "false",
    }


def machine() -> str:
    """The processor, how many, the memory and the system."""
    cpus, memory_gb = os.cpu_count(), os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    name = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        models = [
            line.partition(":")[2].strip() for line in info.read_text().splitlines() if line.startswith("model name")
        ]
        name = models[0] if models else name
    return f"{name}, {cpus} CPUs, {memory_gb:.0f} GB, {platform.system()} {platform.release()}"


def main(arguments: list[str]) -> int:
    """Measure, write the report; the exit status."""
    if set(arguments) - {"--quick"}:
        print("usage: python -m benchmarks.run [--quick]", file=sys.stderr)
        return 2
    shared = environment()
    for place in (Path(sys.prefix) / "lib", ROOT / "src", ROOT / "benchmarks"):
        # Some packages hold templates that are no Python: their complaints are nothing to worry about.
        subprocess.run([PYTHON, "-m", "compileall", "-qq", "-j", "0", str(place)], check=False, capture_output=True)
    packages = ("flyby", "dagster", "duckdb", "dlt", "httpx2", "msgspec", "pyarrow")
    results = Results(
        measured_on=datetime.now(UTC).date().isoformat(),
        machine=machine(),
        versions=", ".join([f"Python {platform.python_version()}", *(f"{name} {version(name)}" for name in packages)]),
        built_in_sky="FLYBY_NEOWS_URL" not in os.environ,
        quick="--quick" in arguments,
    )
    with server(shared) as sky, TemporaryDirectory(prefix="flyby-bench-") as folder:
        sky.warm_up()
        Session(Bench(sky, shared, Path(folder)), results).everything()
    build = ROOT / "build"
    build.mkdir(exist_ok=True)
    measured = build / "benchmarks.json"
    measured.write_bytes(msgspec.json.format(msgspec.json.encode(results)))
    report = build if results.quick else ROOT / "docs"
    subprocess.run([PYTHON, "-m", "benchmarks.report", str(measured), str(report)], check=True, env=shared)
    return 1 if results.failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
