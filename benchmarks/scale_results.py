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
