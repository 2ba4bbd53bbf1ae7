"""docs/scale.md: the figures between its marks, which stand like `<!-- measured: turns -->` … `<!-- end -->`. Pure."""

import re
from collections.abc import Callable, Iterable, Sequence

from benchmarks.scale_model import (
    CAD_LIMIT_BYTES,
    MORNING_REQUESTS,
    NEOWS_LIMIT_BYTES,
    breaks_at,
    costs,
    morning_rows,
    revisions,
    rows,
)
from benchmarks.scale_results import Backfill, Results, Size, Turns
from flyby.record.staging import BATCH_ROWS

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
        # Of commands that end with a complaint only the wall is known.
        cpu = f"{row.cpu_s:.1f} s" if row.cpu_s else "–"
        figures = (f"{row.wall_s:.1f} s", cpu, f"{row.rows:,}", f"{row.rows / row.wall_s:,.0f}")
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


def _mornings(results: Results) -> str:
    pair = [size for size in results.sizes if size.times == 1]
    lines = (
        (
            size.where,
            f"{size.morning_s:.2f} s",
            f"{size.morning_cpu_s:.2f} s",
            f"{size.morning_peak_mb:,.0f} MB",
            f"{size.backfill_s:.1f} s",
            f"{size.revisions:,}",
            f"{size.record_mb:.1f} MB",
            f"{size.files}",
        )
        for size in pair
    )
    head = ("", "a morning", "CPU", "peak memory", "the backfill before", "revisions", "record", "files")
    return table(head, lines)


def _constants(results: Results) -> str:
    of = costs(results)
    if of is None:
        return "Not measured."
    lake = results.size("lake", 1)
    lines = [
        ("a flyby in one answer of NeoWs, as it comes", f"{of.neows_json_bytes:,.0f} bytes"),
        ("the same in `raw/`", f"{of.neows_raw_bytes:,.0f} bytes"),
        ("a flyby in one answer of JPL, as it comes", f"{of.cad_json_bytes:,.0f} bytes"),
        ("the same in `raw/`", f"{of.cad_raw_bytes:,.0f} bytes"),
        ("a revision in the file", f"{of.revision_bytes:,.0f} bytes"),
        ("a revision in the lake, catalog and all, before an upkeep", _bytes_a_revision(lake)),
        ("a morning, whatever it does", f"{of.morning_cpu_s:.1f} s of CPU"),
        ("… and for 1,000 flybys that it reads", f"{of.morning_row_s * 1e6:.0f} ms"),
        ("… and for a million revisions that are held", f"{of.morning_revision_s * 1e9:,.0f} ms"),
        ("a rebuild", f"{of.rebuilt_rows_a_s:,.0f} flybys a second"),
        ("… and for every reading that it takes in", f"{of.rebuilt_sitting_s * 1000:.0f} ms"),
        ("publishing", f"{of.published_mb_a_s:,.0f} MB a second"),
        ("a name in `raw/`, listed every morning", f"{of.name_s * 1e6:.1f} µs"),
    ]
    return table(("", "measured"), lines)


def _bytes_a_revision(size: Size | None) -> str:
    return f"{size.record_mb * 1e6 / size.revisions:,.0f} bytes" if size else "–"


def _sizes(results: Results) -> str:
    lines = (
        (
            f"{size.times} ×, {size.years} years{', padded' if size.padded else ''}",
            f"{size.flybys:,}",
            f"{size.revisions:,}",
            f"{size.answers:,}",
            f"{size.morning_rows:,.0f}",
            f"{size.morning_s:.2f} s",
            f"{size.morning_cpu_s:.2f} s",
            f"{size.morning_peak_mb:,.0f} MB",
            f"{size.rebuild_s:.1f} s" if size.rebuild_s else "–",
            f"{size.rebuild_peak_mb:,.0f} MB" if size.rebuild_s else "–",
            f"{size.record_mb:,.0f} MB",
        )
        for size in results.sizes
        if size.where == "file"
    )
    head = ("discoveries", "flybys", "revisions", "answers", "read a morning", "a morning", "CPU", "its memory")
    return table((*head, "a rebuild", "its memory", "record"), lines)


def _agreement(results: Results) -> str:
    said = {
        "answers of NeoWs": "neows_answers",
        "flybys in them": "neows_rows",
        "different flybys": "flybys",
        "revisions from them": "neows_revisions",
        "answers of JPL": "cad_answers",
        "flybys in those": "cad_rows",
        "revisions from those": "cad_revisions",
    }
    if not results.really:
        return "Not measured."
    lines = (
        (what, f"{results.on_paper[name]:,}", f"{results.really[name]:,}", _off(results, name))
        for what, name in said.items()
    )
    return table((f"after {results.mornings} mornings, {results.times} ×", "on paper", "really", "off by"), lines)


def _off(results: Results, name: str) -> str:
    return f"{results.on_paper[name] / results.really[name] - 1:+.1%}"


def _decade(results: Results) -> str:
    of = costs(results)
    if of is None or not results.decade:
        return "Not measured."
    years = sorted({each["year"] for each in results.decade})
    lines = []
    for times in (1, results.times):
        for year in (y for y in (1, 5, 10) if y in years):
            figures = results.year(year, times)
            asked = figures["neows_answers"] + figures["cad_answers"]
            read = morning_rows(results, year, times)
            lines.append(
                (
                    f"{times} ×, year {year}",
                    f"{figures['flybys']:,}",
                    f"{revisions(figures):,}",
                    f"{asked:,}",
                    f"{rows(figures) / 1e6:,.1f} million",
                    f"{of.raw_gb(figures):,.1f} GB",
                    f"{of.record_gb(figures):,.2f} GB",
                    f"{read:,.0f}",
                    f"{of.a_morning_cpu_s(read, revisions(figures)):.1f} s",
                    f"{of.publish_s(figures):.1f} s",
                    _long(of.rebuild_s(figures)),
                )
            )
    head = ("", "flybys", "revisions", "answers", "flybys in them", "`raw/`", "record")
    return table((*head, "read a morning", "CPU of it", "publishing", "a rebuild"), lines)


def _limits(results: Results) -> str:
    of = costs(results)
    if of is None or not results.decade:
        return "Not measured."
    last = max(each["year"] for each in results.decade)
    end = results.year(last, results.times)
    neows_mb, cad_mb = (
        end["neows_longest"] * of.neows_json_bytes / 1e6,
        end["cad_longest"] * of.cad_json_bytes / 1e6,
    )
    neows_at = breaks_at(results, "neows_longest", NEOWS_LIMIT_BYTES / of.neows_json_bytes)
    cad_at = breaks_at(results, "cad_longest", CAD_LIMIT_BYTES / of.cad_json_bytes)
    lines = [
        ("a rebuild", _long(of.rebuild_s(end)), "none", "never: mornings go on meanwhile"),
        ("JPL's answer for a year", f"{cad_mb:.1f} MB", "32 MiB", f"{cad_at:.0f} × the discoveries"),
        ("NeoWs' answer for eight days", f"{neows_mb:.1f} MB", "16 MiB", f"{neows_at:.0f} × the discoveries"),
        (
            "requests a morning",
            f"{MORNING_REQUESTS} at most",
            "1,000 an hour; DEMO_KEY 30",
            "never: what is asked for are days",
        ),
        (
            "the file, its edition and the one before",
            f"{3 * of.record_gb(end):.1f} GB",
            "the disk",
            f"each morning copies {of.record_gb(end):.1f} GB",
        ),
        (
            "memory of a rebuild",
            _memory(results),
            "the machine's",
            f"{BATCH_ROWS:,} different rows are taken in at a time",
        ),
        (
            "names in `raw/`",
            f"{end['neows_answers'] + end['cad_answers']:,}",
            "none",
            f"{(end['neows_answers'] + end['cad_answers']) * of.name_s:.1f} s to list them",
        ),
    ]
    return table((f"after {last} years of {results.times} ×", "is then", "limit", "reached"), lines)


def _memory(results: Results) -> str:
    many = results.size("file", results.times)
    return f"{many.rebuild_peak_mb:,.0f} MB" if many else "–"


def _long(seconds: float) -> str:
    return (
        f"{seconds / 3600:.1f} h"
        if seconds >= 3600
        else f"{seconds / 60:.0f} min"
        if seconds >= 90
        else f"{seconds:.0f} s"
    )


PARTS: dict[str, Callable[[Results], str]] = {
    "when": _when,
    "turns": _turns,
    "backfills": _backfills,
    "mornings": _mornings,
    "constants": _constants,
    "sizes": _sizes,
    "agreement": _agreement,
    "decade": _decade,
    "limits": _limits,
}


def table(head: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    lines = list(lines)
    if not lines:
        return "Not measured."
    aligned = ["---", *["---:"] * (len(head) - 1)]
    return "\n".join(f"| {' | '.join(line)} |" for line in (head, aligned, *lines))
