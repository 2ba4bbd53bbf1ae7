"""The page: what was measured, as Markdown. Pure."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from benchmarks.results import (
    ALL,
    EVERYDAY,
    FIRST_TIME,
    FIVE,
    ONE,
    SECOND_TIME,
    THIRTY,
    Results,
    Row,
    Target,
    targets,
)


def page(results: Results) -> str:
    """The whole page as Markdown."""
    sky = "the built-in sky" if results.built_in_sky else "the server that FLYBY_NEOWS_URL named"
    judged = targets(results)
    met, measured = sum(target.met is True for target in judged), sum(target.met is not None for target in judged)
    parts = [
        "# Benchmarks",
        "Written by `make bench`, not by hand: flyby beside its peers, in one run, on one machine, against one server.",
        f"Measured on {results.measured_on} on {results.machine}, over loopback against {sky}.  \n{results.versions}.",
        "**A quick look: everything ran once, the slowest not at all.**" if results.quick else "",
        "![Wall and peak memory by range](benchmarks.svg)",
        f"## Targets\n\n{met} of {measured} met.\n\n{target_table(judged)}",
        "## History\n\n" + "\n\n".join(_range_part(results, of) for of in (ONE, FIVE, ALL)),
        "## Growth\n\nMicroseconds of wall per row.\n\n" + growth_table(results),
        "## The lesson's job for thirty days, in one process\n\n" + _lesson_part(results),
        "## One day\n\nFrom the command line. A new home is one where Dagster still has to set itself up.\n\n"
        + rows_table([*results.of(FIRST_TIME), *results.of(SECOND_TIME)], with_range=True),
        "## Every day\n\nWith 2000–2026 in the database, unless it says otherwise.\n\n"
        + rows_table(results.of(EVERYDAY)),
        "Within a process, the file opened, asked and closed each time, best of five:\n\n" + _inside_table(results),
        "## A year of mornings\n\n"
        + _table(("", ""), [(what, f"{n:,.0f}" if n >= 100 else f"{n:.3g}") for what, n in results.year.items()]),
        (Path(__file__).parent / "how_it_was_measured.md").read_text(encoding="utf-8").strip(),
    ]
    if results.failures:
        parts.append("## What failed\n\n" + "\n".join(f"- {failure.splitlines()[0]}" for failure in results.failures))
    return "\n\n".join(part for part in parts if part) + "\n"


def target_table(judged: Iterable[Target]) -> str:
    """Every target with its limit, what was measured and whether that meets it."""
    rows = []
    for target in judged:
        bound = "≥ " if target.at_least else "≤ " if target.limit else ""
        limit = f"{bound}{target.limit:g} {target.unit}"
        measured = "–" if target.measured is None else f"{target.measured:.3g} {target.unit}"
        verdict = {True: "met", False: "**not met**", None: "not measured"}[target.met]
        rows.append((target.promise, limit, measured, verdict))
    return _table(("", "target", "measured", ""), rows)


def rows_table(rows: Iterable[Row], *, with_range: bool = False) -> str:
    """One line per row, all that was measured."""
    head = ("", "wall", "CPU", "peak memory", "requests", "rows", "database", "runs")
    lines = [
        (
            f"{row.contender}, {row.of}" if with_range else row.contender,
            f"{row.wall_s:.2f} s",
            f"{row.cpu_s:.2f} s",
            f"{row.peak_mb:,.0f} MB",
            _or_dash(row.requests, ",d"),
            _or_dash(row.rows, ",d"),
            _or_dash(row.database_mb, ",.1f", " MB"),
            str(len(row.walls_s)),
        )
        for row in rows
    ]
    return _table(head, lines)


def growth_table(results: Results) -> str:
    """Microseconds per row of each contender on each range."""
    contenders = list(dict.fromkeys(row.contender for of in (ONE, FIVE, ALL) for row in results.of(of)))
    lines = []
    for contender in contenders:
        found = [results.row(contender, of) for of in (ONE, FIVE, ALL)]
        lines.append((contender, *(_or_dash(row and row.microseconds_per_row, ",.0f") for row in found)))
    return _table(("", ONE, FIVE, ALL), lines)


def _range_part(results: Results, of: str) -> str:
    rows = results.of(of)
    days = f", {rows[0].days:,} days" if rows else ""
    return f"### {of}{days}\n\n{rows_table(rows)}"


def _lesson_part(results: Results) -> str:
    rows = results.of(THIRTY)
    if not rows:
        return "Not measured."
    a_day_s = rows[0].wall_s / rows[0].days
    return f"{rows_table(rows)}\n\nThat is {a_day_s:.2f} s a day; longer ranges were not run."


def _inside_table(results: Results) -> str:
    return _table(("", "milliseconds"), [(name, f"{s * 1000:,.1f}") for name, s in results.inside_s.items()])


def _or_dash(value: float | None, form: str, unit: str = "") -> str:
    return "–" if value is None else f"{value:{form}}{unit}"


def _table(head: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    lines = list(lines)
    if not lines:
        return "Not measured."
    aligned = ["---", *["---:"] * (len(head) - 1)]
    return "\n".join(f"| {' | '.join(line)} |" for line in (head, aligned, *lines))
