"""What one run of the benchmark measured, and what the targets make of it. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from statistics import median
from typing import final

#: The contenders, in the order of the tables.
FLYBY = "flyby backfill"
FLOOR_A = "floor A: read_json"
FLOOR_B = "floor B: msgspec, Arrow"
DLT_ARROW = "dlt, fed Arrow"
DLT_JSON = "dlt, fed JSON"
LESSON_DAYS = "the lesson's job, day by day"
FLYBY_RUN = "flyby run"
LESSON_JOB = "dagster job execute, the lesson's job"
MORNING_FULL, MORNING_EMPTY = "flyby run, 27 years behind it", "flyby run, an empty database"
AGAIN = "flyby backfill, the same 27 years again"
STATUS, UPCOMING, IMPORT = "flyby status", "flyby upcoming", 'python -c "import duckdb"'

#: What they were measured on.
ONE, FIVE, ALL = "2019", "2015–2019", "2000–2026"
THIRTY = "January 2019"
FIRST_TIME, SECOND_TIME = "in a new home", "a second time"
EVERYDAY = "every day"

#: What benchmarks.year measures.
MORNINGS, READ, MORNING_S = "mornings", "readings", "a morning, gathered and taken in: seconds"
LATE = {
    1: "an answer that comes a day late, against a morning",
    30: "an answer that comes thirty days late, against a morning",
}
REBUILD_CPU_S, REBUILD_S = "made again: CPU seconds a reading", "made again: seconds"
ANSWERS, REBUILD_ANSWER_S = "answers", "made again: CPU seconds an answer"
#: Put behind what is measured once more with ten years of mornings in the record.
TEN_YEARS = ", ten years of mornings in it"
QUESTIONS_ASKED = ("the closest ten of 30 days", "within 1 LD, by year", "one asteroid", "how many there are")


@final  # so that `row and row.wall_s` is known to be a float or None
@dataclass(frozen=True, slots=True)
class Row:
    """One contender on one range. Of several runs: every wall, the median CPU, the largest peak."""

    contender: str
    of: str
    days: int
    walls_s: list[float]
    cpu_s: float
    peak_mb: float
    requests: int | None = None
    rows: int | None = None
    database_mb: float | None = None

    @property
    def wall_s(self) -> float:
        return median(self.walls_s)

    @property
    def microseconds_per_row(self) -> float | None:
        return self.wall_s / self.rows * 1e6 if self.rows else None


@dataclass(slots=True)
class Results:
    """Everything that the report tells."""

    measured_on: str
    machine: str
    versions: str
    built_in_sky: bool
    quick: bool
    rows: list[Row] = field(default_factory=list)
    #: The typical questions, and publishing: seconds within a process, best of five.
    inside_s: dict[str, float] = field(default_factory=dict)
    #: Of a year of mornings: seconds, and ratios.
    year: dict[str, float] = field(default_factory=dict)
    #: What did not run to its end, and what it said.
    failures: list[str] = field(default_factory=list)

    def row(self, contender: str, of: str) -> Row | None:
        """The row of one contender on one range; None where it was not measured."""
        return next((row for row in self.rows if (row.contender, row.of) == (contender, of)), None)

    def of(self, of: str) -> list[Row]:
        """Every contender's row on one range."""
        return [row for row in self.rows if row.of == of]


@dataclass(frozen=True, slots=True)
class Target:
    """One promise: `measured` is None where the run did not measure it, and `met` then too."""

    promise: str
    limit: float
    measured: float | None
    unit: str
    at_least: bool = False

    @property
    def met(self) -> bool | None:
        if self.measured is None:
            return None
        return self.measured >= self.limit if self.at_least else self.measured <= self.limit


def targets(results: Results) -> list[Target]:
    """Every target of the project's plan, judged by what `results` holds."""
    many, few = results.row(FLYBY, ALL), results.row(FLYBY, FIVE)
    again = results.row(AGAIN, EVERYDAY)

    def walls(contender: str, other: str, of: str) -> float | None:
        one, two = results.row(contender, of), results.row(other, of)
        return _ratio(one and one.wall_s, two and two.wall_s)

    def best_walls(contender: str, other: str) -> float | None:
        one, two = results.row(contender, EVERYDAY), results.row(other, EVERYDAY)
        return _ratio(one and min(one.walls_s), two and min(two.walls_s))

    return [
        Target("2000–2026 from nothing: wall, against floor B", 1.6, walls(FLYBY, FLOOR_B, ALL), "×"),
        Target("the same: times faster than dlt, fed JSON", 10, walls(DLT_JSON, FLYBY, ALL), "×", at_least=True),
        Target("the same: times faster than dlt, fed Arrow", 1.5, walls(DLT_ARROW, FLYBY, ALL), "×", at_least=True),
        Target("the same: peak memory", 280, many and many.peak_mb, "MB"),
        Target(
            "the same: peak memory, against 2015–2019", 1.2, _ratio(many and many.peak_mb, few and few.peak_mb), "×"
        ),
        Target("the same: requests beyond ceil(days / 8), or short of it", 0, _requests_off(many), "requests"),
        Target("the same range again: wall", 1, again and again.wall_s, "s"),
        Target("the same range again: requests", 0, again and again.requests, "requests"),
        Target(
            "a morning run, against one on an empty database", 1.25, walls(MORNING_FULL, MORNING_EMPTY, EVERYDAY), "×"
        ),
        Target("`flyby status`, against importing duckdb", 2.2, best_walls(STATUS, IMPORT), "×"),
        Target("`flyby upcoming`, against importing duckdb", 2.2, best_walls(UPCOMING, IMPORT), "×"),
        Target(
            "growth: wall per row of 2000–2026, against 2015–2019",
            1,
            _ratio(many and many.microseconds_per_row, few and few.microseconds_per_row),
            "×",
        ),
        Target(
            "`flyby run` in a new home, against `dagster job execute`",
            0.25,
            walls(FLYBY_RUN, LESSON_JOB, FIRST_TIME),
            "×",
        ),
        Target("`flyby run` a second time, against the same", 0.2, walls(FLYBY_RUN, LESSON_JOB, SECOND_TIME), "×"),
        Target("a year of mornings: the record made again, CPU a reading", 0.02, results.year.get(REBUILD_CPU_S), "s"),
        *(Target(f"the same: {late}", 3, results.year.get(late), "×") for late in LATE.values()),
        *(
            Target(f"the published file against a plain table: {asked}{long}", 1.5, results.year.get(asked + long), "×")
            for long in ("", TEN_YEARS)
            for asked in QUESTIONS_ASKED
        ),
    ]


def _ratio(one: float | None, other: float | None) -> float | None:
    return one / other if one is not None and other else None


def _requests_off(row: Row | None) -> int | None:
    return None if row is None or row.requests is None else abs(row.requests - -(-row.days // 8))


def summed_up(runs: Iterable[Row]) -> list[Row]:
    """One row for all runs of one contender on one range, in the order in which they first ran."""
    groups: dict[tuple[str, str], list[Row]] = {}
    for run in runs:
        groups.setdefault((run.contender, run.of), []).append(run)
    return [
        replace(
            group[-1],
            walls_s=[wall_s for run in group for wall_s in run.walls_s],
            cpu_s=median(run.cpu_s for run in group),
            peak_mb=max(run.peak_mb for run in group),
            requests=max((run.requests for run in group if run.requests is not None), default=None),
        )
        for group in groups.values()
    ]
