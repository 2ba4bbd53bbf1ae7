"""docs/scale.md: the figures between its marks, which stand like `<!-- measured: turns -->` … `<!-- end -->`. Pure."""

import re
from collections.abc import Callable, Iterable, Sequence

from benchmarks.scale_results import Backfill, Results, Turns

MARKED = re.compile(r"(?ms)^(<!-- measured: ([\w ]+) -->\n).*?^(<!-- end -->)$")


def filled(page: str, results: Results) -> str:
    """`page` with every part between marks written anew."""
    return MARKED.sub(lambda part: f"{part[1]}\n{PARTS[part[2]](results)}\n\n{part[3]}", page)


def _when(results: Results) -> str:
    quick = "\n\n**A quick look: small sizes, everything ran once.**" if results.quick else ""
    return (
        f"Measured on {results.measured_on} on {results.machine}, in {results.took_s / 60:.0f} minutes.  \n"
        f"{results.versions}.{quick}"
    )


def _turns(results: Results) -> str:
    def line(row: Turns) -> tuple[str, ...]:
        how = f"{row.where}, turns ignored" if row.without_turns else row.where
        figures = (f"{row.transactions:,}", f"{row.wall_s:.1f} s", f"{row.transactions / row.wall_s:.1f}")
        return how, f"{row.workers}", *figures, f"{row.repeated:,}", f"{row.lost}", f"{row.doubled}"

    head = ("", "workers", "transactions", "wall", "a second", "made again", "lost", "doubled")
    return table(head, map(line, results.turns))


def _backfills(results: Results) -> str:
    def line(row: Backfill) -> tuple[str, ...]:
        how = f"{row.where}, answers a second late" if row.delay_s else row.where
        if row.allowance is not None:
            how = f"{row.where}, a key with {row.allowance} requests"
        figures = (f"{row.wall_s:.1f} s", f"{row.cpu_s:.1f} s", f"{row.rows:,}", f"{row.rows / row.wall_s:,.0f}")
        return (
            how,
            f"{row.workers}",
            f"{row.years}",
            *figures,
            f"{row.requests:,}",
            f"{row.refused}",
            f"{row.peak_mb:,.0f} MB",
        )

    head = (
        "",
        "workers",
        "years",
        "wall",
        "CPU",
        "flybys",
        "a second",
        "requests",
        "refused (429)",
        "peak memory of one",
    )
    return table(head, map(line, results.backfills))


PARTS: dict[str, Callable[[Results], str]] = {"when": _when, "turns": _turns, "backfills": _backfills}


def table(head: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    lines = list(lines)
    if not lines:
        return "Not measured."
    aligned = ["---", *["---:"] * (len(head) - 1)]
    return "\n".join(f"| {' | '.join(line)} |" for line in (head, aligned, *lines))
