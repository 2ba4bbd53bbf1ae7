"""What several machines give, and what many times today's discoveries would cost: measured, into docs/scale.md.

`make bench-scale` runs it; `python -m benchmarks.scale --quick` is a quick look. It starts a PostgreSQL of its own
(benchmarks.postgres) and the built-in sky, and needs no network. What the page says in words is written by hand in
docs/scale.md; the figures go between its marks (benchmarks.scale_page).
"""

import json
import platform
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from datetime import UTC, date, datetime
from importlib.metadata import version
from itertools import count
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import msgspec

from benchmarks import postgres
from benchmarks.measure import CommandFailed, Measured, measure
from benchmarks.postgres import Postgres
from benchmarks.run import PYTHON, ROOT, environment, machine
from benchmarks.scale_page import filled
from benchmarks.scale_results import Backfill, Results, Size, Turns
from flyby.days import DAY, windows

PAGE = ROOT / "docs" / "scale.md"
NOW = datetime(2026, 12, 20, 6, tzinfo=UTC)
WORKERS = (1, 2, 4)
FILE = "file"
#: The survey: so many times today's discoveries, for so long; and the last morning of it.
TIMES, YEARS = 10, 10
THEN = datetime(2035, 12, 10, 6, tzinfo=UTC)
#: About what ten years of it leave in the record (the page has it exactly).
FINAL_REVISIONS, FINAL_ANSWERS = 19_000_000, 92_000
#: NASA's gateway takes about as long for an answer.
NASAS_DELAY_S = 1.0
SHORT_ALLOWANCE = 60


class Sky:
    """The built-in sky in a process of its own."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process
        self.url = self._line()

    def requests(self) -> int:
        """Feed requests answered so far."""
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return int(self._line())

    def set_now(self, moment: datetime) -> None:
        """Have it tell what is listed at that moment."""
        with urlopen(f"{self.url.removesuffix('/neo/rest/v1')}/-/now/{moment:%Y-%m-%dT%H:%M:%SZ}"):
            pass

    def warm_up(self, first: date, last: date) -> None:
        """Have it make every answer once, so that the first to ask does not pay for it."""
        for window in windows(first, last):
            days = {"start_date": window.start.isoformat(), "end_date": window.end.isoformat()}
            with urlopen(Request(f"{self.url}/feed?{urlencode(days)}", headers={"X-Api-Key": "to-warm-up"})) as answer:
                answer.read()

    def _line(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()


@contextmanager
def sky(*, now: datetime = NOW, hourly_limit: int = 10**9, times: int = 1, delay_s: float = 0) -> Iterator[Sky]:
    """Start one; `times` is how many times today's discoveries are made in it, `delay_s` how late it answers."""
    command = [PYTHON, "-m", "benchmarks.sky", now.isoformat(), str(hourly_limit), str(times), str(delay_s)]
    with subprocess.Popen(
        command, env=environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield Sky(process)


class Session:
    """One run: everything that is measured goes into `results`."""

    def __init__(self, server: Postgres, folder: Path, results: Results) -> None:
        self._postgres = server
        self._folder = folder
        self._results = results
        self._numbers = count()

    @property
    def _runs(self) -> int:
        """Mornings at each size."""
        return 1 if self._results.quick else 5

    def everything(self) -> None:
        self.turns()
        self.backfills()
        self.sizes()
        self.decade()

    def turns(self) -> None:
        """Many small transactions into one lake, by one, two and four processes, and into the file."""
        transactions = 24 if self._results.quick else 400
        with sky() as source:
            many, few = self._new_home(), self._new_home()
            self._step("prepare", str(transactions), home=many, url=source.url)
            self._step("prepare", str(transactions // 4), home=few, url=source.url)
        for where, workers in ((FILE, 1), (FILE, 4), *(("lake", workers) for workers in WORKERS)):
            self._turns(where, workers, many)
        self._turns("lake", 4, few, without=True)

    def _turns(self, where: str, workers: int, prepared: Path, *, without: bool = False) -> None:
        home, warehouse = self._new_home(), self._new_warehouse(where)
        for part in ("raw", "batches"):
            (home / part).symlink_to(prepared / part)
        settings = {"FLYBY_HOME": str(home), "FLYBY_WAREHOUSE": warehouse}
        self._made(home, warehouse)
        with ExitStack() as stack:
            command = [PYTHON, "-m", "benchmarks.lake_load", "load"]
            options = ["--without-turns"] if without else []
            processes = [
                stack.enter_context(
                    subprocess.Popen(
                        [*command, str(n), str(workers), *options],
                        env=environment() | settings,
                        stdin=subprocess.PIPE,
                        stdout=subprocess.PIPE,
                        text=True,
                    )
                )
                for n in range(workers)
            ]
            for process in processes:
                assert process.stdout is not None
                process.stdout.readline()
            begun = time.monotonic()
            told = [process.communicate()[0] for process in _all_told(processes)]
            wall_s = time.monotonic() - begun
        if any(process.returncode for process in processes):
            raise CommandFailed(f"a worker of {workers} on {where} failed")
        did = [json.loads(text.splitlines()[-1]) for text in told]
        found = json.loads(self._step("check", home=home, warehouse=warehouse).stdout)
        row = Turns(
            where=where,
            workers=workers,
            without_turns=without,
            transactions=sum(each["transactions"] for each in did),
            wall_s=wall_s,
            repeated=sum(each["repeated"] for each in did),
            rows=found["rows"],
            lost=found["lost"],
            doubled=found["doubled"],
        )
        self._results.turns.append(row)
        _say(f"{row}")

    def _made(self, home: Path, warehouse: str) -> None:
        make = "from flyby.settings import Settings; from flyby.record import Record; Record(Settings.load().place).close()"
        self._command(PYTHON, "-c", make, FLYBY_HOME=str(home), FLYBY_WAREHOUSE=warehouse)

    def backfills(self) -> None:
        """The same years by one, two and four processes that share a home, a lake and a key."""
        years = 4 if self._results.quick else 20
        first, last = date(2020 - years, 1, 1), date(2019, 12, 31)
        with sky() as source:
            source.warm_up(first, last)
            for where, workers in ((FILE, 1), *(("lake", workers) for workers in WORKERS)):
                self._backfill(source, where, workers, years)
        years = 4 if self._results.quick else 8
        with sky(delay_s=NASAS_DELAY_S) as source:
            for where, workers in ((FILE, 1), *(("lake", workers) for workers in WORKERS)):
                self._backfill(source, where, workers, years, delay_s=NASAS_DELAY_S)
        with sky(hourly_limit=SHORT_ALLOWANCE) as source:
            self._backfill(source, "lake", 4, 4, allowance=SHORT_ALLOWANCE)

    def _backfill(
        self, source: Sky, where: str, workers: int, years: int, *, delay_s: float = 0, allowance: int | None = None
    ) -> None:
        home, warehouse = self._new_home(), self._new_warehouse(where)
        settings = {"FLYBY_HOME": str(home), "FLYBY_WAREHOUSE": warehouse, "FLYBY_NEOWS_URL": source.url}
        share = years // workers
        firsts = range(2020 - years, 2020, share)
        ranges = [(f"{year}-01-01", f"{year + share - 1}-12-31") for year in firsts]
        before = source.requests()
        begun = time.monotonic()
        with ThreadPoolExecutor(workers) as pool:
            runs = list(pool.map(lambda of: self._attempt(*FLYBY, "backfill", *of, **settings), ranges))
        wall_s = time.monotonic() - begun
        ran = [run for run in runs if run is not None]
        found = self._held(home, warehouse)
        row = Backfill(
            where=where,
            workers=workers,
            years=years,
            wall_s=wall_s,
            cpu_s=sum(run.cpu_s for run in ran),
            peak_mb=max((run.peak_mb for run in ran), default=0),
            requests=source.requests() - before,
            refused=len(list((home / "raw").rglob("*_429.json.zst"))),
            rows=found["flybys"],
            delay_s=delay_s,
            allowance=allowance,
        )
        self._results.backfills.append(row)
        _say(f"{row}")

    def sizes(self) -> None:
        """A morning with today's sky, in the file and in a lake; with the survey's sky after ten years; and with a
        record as large as that then is."""
        years = 2 if self._results.quick else 10
        with sky(now=NOW) as source:
            for where in (FILE, "lake"):
                self._size(source, where, 1, years, NOW)
        with sky(now=THEN, times=TIMES) as source:
            home = self._size(source, FILE, TIMES, years, THEN)
            self._command(PYTHON, "-m", "benchmarks.decade", "pad", *self._final_size(), FLYBY_HOME=str(home))
            self._mornings(source, FILE, TIMES, years, THEN + (self._runs + 2) * DAY, home, "", padded=True)

    def _final_size(self) -> tuple[str, str]:
        """Revisions and answers of ten years; a tenth of that for a quick look."""
        share = 10 if self._results.quick else 1
        return str(FINAL_REVISIONS // share), str(FINAL_ANSWERS // share)

    def _size(self, source: Sky, where: str, times: int, years: int, now: datetime) -> Path:
        home, warehouse = self._new_home(), self._new_warehouse(where)
        settings = {"FLYBY_HOME": str(home), "FLYBY_WAREHOUSE": warehouse, "FLYBY_NEOWS_URL": source.url}
        last = now.date() - DAY
        first = last.replace(year=last.year - years) + DAY
        source.set_now(now)
        source.warm_up(first, last)
        made = self._command(*FLYBY, "backfill", str(first), str(last), FLYBY_NOW=now.isoformat(), **settings)
        self._mornings(source, where, times, years, now + DAY, home, warehouse, made=made)
        return home

    def _mornings(
        self,
        source: Sky,
        where: str,
        times: int,
        years: int,
        first: datetime,
        home: Path,
        warehouse: str,
        *,
        made: Measured | None = None,
        padded: bool = False,
    ) -> None:
        settings = {"FLYBY_HOME": str(home), "FLYBY_WAREHOUSE": warehouse, "FLYBY_NEOWS_URL": source.url}

        def run(n: int) -> Measured:
            now = first + n * DAY
            source.set_now(now)
            return self._command(*FLYBY, "run", FLYBY_NOW=now.isoformat(), **settings)

        run(0)  # on the first, Dagster sets itself up
        before = self._held(home, warehouse)
        runs = [run(n) for n in range(1, self._runs + 1)]
        found = self._held(home, warehouse)
        again = costs = None
        if where == FILE and not padded:
            again = self._command(*FLYBY, "rebuild", **settings)
        if where == FILE:
            costs = json.loads(self._command(PYTHON, "-m", "benchmarks.decade", "costs", **settings).stdout)
        files = [path for path in (home / "lake").rglob("*") if path.is_file()]
        row = Size(
            where=where,
            times=times,
            years=years,
            padded=padded,
            flybys=found["flybys"],
            revisions=found["revisions"],
            answers=found["answers"],
            rows=found["rows"],
            json_mb=found["bytes"] / 1e6,
            raw_mb=sum(path.stat().st_size for path in (home / "raw").rglob("*.zst")) / 1e6,
            record_mb=sum(path.stat().st_size for path in files) / 1e6 + self._of_its_own_mb(warehouse)
            if warehouse
            else (home / "record" / "record.duckdb").stat().st_size / 1e6,
            files=len(files) or 1,
            morning_s=median(run.wall_s for run in runs),
            morning_cpu_s=median(run.cpu_s for run in runs),
            morning_peak_mb=max(run.peak_mb for run in runs),
            morning_requests=(found["answers"] - before["answers"]) / self._runs,
            morning_rows=(found["rows"] - before["rows"]) / self._runs,
            backfill_s=made.wall_s if made else 0,
            backfill_peak_mb=made.peak_mb if made else 0,
            rebuild_s=again.wall_s if again else 0,
            rebuild_peak_mb=again.peak_mb if again else 0,
            **(costs or {}),
        )
        self._results.sizes.append(row)
        _say(f"{row}")

    def _of_its_own_mb(self, warehouse: str) -> float:
        """What a lake's database holds beyond an empty one."""
        return self._postgres.megabytes(_database(warehouse)) - self._postgres.megabytes("postgres")

    def decade(self) -> None:
        """Ten years on paper, and their first mornings really done."""
        results = self._results
        results.times, results.mornings = TIMES, 6 if results.quick else 60
        decade = (PYTHON, "-m", "benchmarks.decade")
        results.on_paper = json.loads(
            self._command(*decade, "paper-mornings", str(results.mornings), str(TIMES)).stdout
        )
        with sky(times=TIMES) as source:
            settings = {"FLYBY_HOME": str(self._new_home()), "FLYBY_NEOWS_URL": source.url}
            settings["FLYBY_CAD_URL"] = source.url.replace("/neo/rest/v1", "/cad.api")
            results.really = json.loads(self._command(*decade, "really", str(results.mornings), **settings).stdout)
            again = self._command(*FLYBY, "rebuild", **settings)
            results.really["rebuild_ms"] = round(again.wall_s * 1000)
        _say(f"{results.on_paper}\n{results.really}")
        results.decade = json.loads(self._command(*decade, "paper", str(YEARS), "1", str(TIMES)).stdout)

    def _held(self, home: Path, warehouse: str) -> dict[str, int]:
        told = self._command(PYTHON, "-c", HELD, FLYBY_HOME=str(home), FLYBY_WAREHOUSE=warehouse).stdout
        held: dict[str, int] = json.loads(told)
        return held

    def _new_home(self) -> Path:
        home = self._folder / f"home-{next(self._numbers)}"
        home.mkdir()
        return home

    def _new_warehouse(self, where: str) -> str:
        """What FLYBY_WAREHOUSE is to say; nothing for the file."""
        return "" if where == FILE else self._postgres.new(f"lake_{next(self._numbers)}")

    def _step(self, *words: str, home: Path, warehouse: str = "", url: str = "") -> Measured:
        settings = {"FLYBY_HOME": str(home), "FLYBY_WAREHOUSE": warehouse, "FLYBY_NEOWS_URL": url}
        return self._command(PYTHON, "-m", "benchmarks.lake_load", *words, **settings)

    def _command(self, *words: str, **settings: str) -> Measured:
        return measure(words, cwd=self._folder, env=environment() | settings)

    def _attempt(self, *words: str, **settings: str) -> Measured | None:
        try:
            return self._command(*words, **settings)
        except CommandFailed as error:
            _say(str(error).splitlines()[0])
            return None


HELD = """
import json
from flyby.settings import Settings
from flyby.query.database import ask
names, [row] = ask(Settings.load().database, '''SELECT
    (SELECT count(*) FROM requests) AS answers,
    (SELECT sum(rows)::BIGINT FROM requests) AS rows,
    (SELECT sum(bytes)::BIGINT FROM requests) AS bytes,
    (SELECT count(DISTINCT flyby_id) FROM revisions) AS flybys,
    (SELECT count(*) FROM revisions) AS revisions''')
print(json.dumps(dict(zip(names, row))))
"""

FLYBY = (PYTHON, "-m", "flyby")


def _database(warehouse: str) -> str:
    return warehouse.rpartition("dbname=")[2]


def _all_told(processes: "list[subprocess.Popen[str]]") -> "list[subprocess.Popen[str]]":
    """Have all begin at once."""
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    return processes


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def main(arguments: list[str]) -> int:
    """Measure, write the page; the exit status."""
    if set(arguments) - {"--quick"}:
        print("usage: python -m benchmarks.scale [--quick]", file=sys.stderr)
        return 2
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # ends what it started, as Ctrl-C does
    packages = ("flyby", "duckdb", "duckdb-extension-ducklake", "psycopg", "pyarrow")
    begun = time.monotonic()
    try:
        with postgres.started() as server, TemporaryDirectory(prefix="flyby-bench-scale-") as folder:
            results = Results(
                measured_on=datetime.now(UTC).date().isoformat(),
                machine=machine(),
                versions=", ".join(
                    [
                        f"Python {platform.python_version()}",
                        *(f"{name} {version(name)}" for name in packages),
                        server.version(),
                    ]
                ),
                quick="--quick" in arguments,
            )
            Session(server, Path(folder), results).everything()
    except postgres.NoPostgres as error:
        print(error, file=sys.stderr)
        return 1
    results.took_s = time.monotonic() - begun
    build = ROOT / "build"
    build.mkdir(exist_ok=True)
    (build / "scale.json").write_bytes(msgspec.json.format(msgspec.json.encode(results)))
    PAGE.write_text(filled(PAGE.read_text(encoding="utf-8"), results), encoding="utf-8")
    print(f"written to {PAGE.relative_to(ROOT)}, in {results.took_s / 60:.1f} minutes")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
