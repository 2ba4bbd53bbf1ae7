"""What the measured sizes cost by the piece, and where ten years on paper lead. Pure."""

from dataclasses import dataclass

from benchmarks.scale_results import Figures, Results, Size

MIB = 1 << 20
#: flyby's own limits: the longest answer that it takes from NeoWs and from JPL, what a morning asks
#: for at most.
NEOWS_LIMIT_BYTES, CAD_LIMIT_BYTES, MORNING_REQUESTS = 16 * MIB, 32 * MIB, 24


@dataclass(frozen=True, slots=True)
class Costs:
    """By the piece, on this machine."""

    neows_json_bytes: float
    neows_raw_bytes: float
    cad_json_bytes: float
    cad_raw_bytes: float
    #: In the record's file, indexes and all.
    revision_bytes: float
    #: CPU of a morning, which a busy machine disturbs less than its wall: whatever it does, by row that it reads, by
    #: revision that is held.
    morning_cpu_s: float
    morning_row_s: float
    morning_revision_s: float
    rebuilt_rows_a_s: float
    #: A rebuild takes in one reading after the other, each by the same statements.
    rebuilt_sitting_s: float
    published_mb_a_s: float
    name_s: float

    def a_morning_cpu_s(self, rows: float, revisions: float) -> float:
        return self.morning_cpu_s + rows * self.morning_row_s + revisions * self.morning_revision_s

    def raw_gb(self, year: Figures) -> float:
        return (year["neows_rows"] * self.neows_raw_bytes + year["cad_rows"] * self.cad_raw_bytes) / 1e9

    def record_gb(self, year: Figures) -> float:
        return revisions(year) * self.revision_bytes / 1e9

    def rebuild_s(self, year: Figures) -> float:
        """At least: what is held by then makes each reading a little slower."""
        sittings = 2 * 365.25 * year["year"]  # a morning and a second opinion a day
        return rows(year) / self.rebuilt_rows_a_s + sittings * self.rebuilt_sitting_s

    def publish_s(self, year: Figures) -> float:
        return self.record_gb(year) * 1000 / self.published_mb_a_s


def rows(year: Figures) -> int:
    return year["neows_rows"] + year["cad_rows"]


def revisions(year: Figures) -> int:
    return year["neows_revisions"] + year["cad_revisions"]


def costs(results: Results) -> Costs | None:
    """None where not all of it was measured."""
    few, many = results.size("file", 1), results.size("file", results.times)
    padded = results.size("file", results.times, padded=True)
    did = results.really
    if few is None or many is None or padded is None or not did:
        return None
    by_row, by_revision = _by_row_and_revision(few, many, padded)
    a_second = many.rows / many.rebuild_s
    return Costs(
        neows_json_bytes=did["neows_bytes"] / did["neows_rows"],
        neows_raw_bytes=did["neows_raw_bytes"] / did["neows_rows"],
        cad_json_bytes=did["cad_bytes"] / did["cad_rows"],
        cad_raw_bytes=did["cad_raw_bytes"] / did["cad_rows"],
        revision_bytes=padded.record_mb * 1e6 / padded.revisions,
        morning_cpu_s=few.morning_cpu_s - by_row * few.morning_rows - by_revision * few.revisions,
        morning_row_s=by_row,
        morning_revision_s=by_revision,
        rebuilt_rows_a_s=a_second,
        rebuilt_sitting_s=max(did["rebuild_ms"] / 1000 - rows(did) / a_second, 0.0) / (2 * results.mornings),
        published_mb_a_s=padded.record_mb / padded.publish_s,
        name_s=padded.name_s,
    )


def _by_row_and_revision(few: Size, many: Size, padded: Size) -> tuple[float, float]:
    """Seconds of a morning for each row that it reads and each revision that is held: two steps, two unknowns. What
    comes out below nothing is noise, and nothing then."""
    steps = [
        (
            other.morning_rows - one.morning_rows,
            float(other.revisions - one.revisions),
            other.morning_cpu_s - one.morning_cpu_s,
        )
        for one, other in ((few, many), (many, padded))
    ]
    (rows_1, held_1, took_1), (rows_2, held_2, took_2) = steps
    by_revision = max((took_2 * rows_1 - took_1 * rows_2) / (held_2 * rows_1 - held_1 * rows_2), 0.0)
    return max((took_1 - by_revision * held_1) / rows_1, 0.0), by_revision


def morning_rows(results: Results, year: int, times: int) -> float:
    """Rows that NeoWs tells in a morning of that year."""
    before = results.year(year - 1, times)["neows_rows"] if year > 1 else 0
    return (results.year(year, times)["neows_rows"] - before) / 365.25


def breaks_at(results: Results, name: str, most_rows: float) -> float:
    """With how many times the discoveries the longest answer of the last year has `most_rows`."""
    last = max(each["year"] for each in results.decade)
    own = results.year(last, 1)[name]
    further = (results.year(last, results.times)[name] - own) / (results.times - 1)
    return 1 + (most_rows - own) / further
