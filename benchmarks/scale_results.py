"""What one run of benchmarks.scale measured. Pure."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Turns:
    """Many small transactions into one warehouse by several processes at once."""

    where: str
    workers: int
    #: Whether nobody waited for a turn, so that only the fence was between them.
    without_turns: bool
    transactions: int
    wall_s: float
    #: Transactions that lost against another one and were made again.
    repeated: int
    rows: int
    #: Answers, flybys and days of raw/ that are not held …
    lost: int
    #: … or are held twice, or by nobody's word.
    doubled: int


@dataclass(frozen=True, slots=True)
class Backfill:
    """The same years by several processes at once."""

    where: str
    workers: int
    years: int
    wall_s: float
    cpu_s: float
    #: Of the largest process.
    peak_mb: float
    requests: int
    #: Answers 429.
    refused: int
    rows: int
    #: How long the source takes for an answer.
    delay_s: float
    #: Requests that the key had; None where it had more than enough.
    allowance: int | None = None


@dataclass(frozen=True, slots=True)
class Size:
    """A warehouse of some size: what it took to make, what a morning takes with it."""

    where: str
    #: How many times today's discoveries its sky makes.
    times: int
    years: int
    #: Whether it was padded with revisions and answers that nobody gave.
    padded: bool
    flybys: int
    revisions: int
    answers: int
    #: Rows that these answers hold, all together.
    rows: int
    json_mb: float
    raw_mb: float
    #: The record file; of a lake its Parquet files and its database.
    record_mb: float
    files: int
    morning_s: float
    morning_cpu_s: float
    morning_peak_mb: float
    morning_requests: float
    morning_rows: float
    backfill_s: float = 0.0
    backfill_peak_mb: float = 0.0
    rebuild_s: float = 0.0
    rebuild_peak_mb: float = 0.0
    publish_s: float = 0.0
    name_s: float = 0.0


#: The figures of `benchmarks.decade`, on paper or really done.
Figures = dict[str, int]


@dataclass(slots=True)
class Results:
    """Everything that the page tells."""

    measured_on: str
    machine: str
    versions: str
    quick: bool
    took_s: float = 0.0
    turns: list[Turns] = field(default_factory=list)
    backfills: list[Backfill] = field(default_factory=list)
    sizes: list[Size] = field(default_factory=list)
    #: So many first mornings on paper, and really done, with so many times the discoveries.
    mornings: int = 0
    times: int = 0
    on_paper: Figures = field(default_factory=dict)
    really: Figures = field(default_factory=dict)
    #: One for every year and multiple of discoveries.
    decade: list[Figures] = field(default_factory=list)

    def size(self, where: str, times: int, *, padded: bool = False) -> Size | None:
        """The one that was measured, if it was."""
        return next((s for s in self.sizes if (s.where, s.times, s.padded) == (where, times, padded)), None)

    def year(self, year: int, times: int) -> Figures:
        """What stands on paper at the end of that year."""
        return next(each for each in self.decade if (each["year"], each["times"]) == (year, times))
