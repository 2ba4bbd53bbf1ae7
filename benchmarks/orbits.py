"""How exact the orbit check is, from recorded answers: `make orbits` writes the figures of docs/orbits.md.

NeoWs was asked about single asteroids (elements, and every approach from 1900 to 2200 that JPL computed from them): each
approach is computed again from the elements alone and laid beside what NASA says. What was said of a week in 2016 with
elements is laid beside what was said of the same flybys in 2020, when their orbits were better known.
"""

import json
import sys
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from flyby.jobs.orbit import SAME_KM, SAME_MIN
from flyby.orbits.elements import Elements, from_neows
from flyby.orbits.ephemeris import Ephemeris
from flyby.orbits.sky import Way, nearest

SHARED = Path(__file__).parents[2] / "shared"
PAGE = Path(__file__).parents[1] / "docs" / "orbits.md"
FEED_OF_2016 = "2016-11-19_2016-11-20_picamator-NeoWsClient.json"

YEAR_D = 365.25
#: The years from the epoch by which errors are told, and how far from a time an approach may be found.
SPANS = (5, 10, 25, 50, 100)
NEAR_DAYS = 3.0
#: What is put in on purpose, in km.
PUT_IN_KM = 1000.0
BEGIN, END = "<!-- figures: make orbits -->\n", "<!-- end of the figures -->\n"


@dataclass(frozen=True)
class Pair:
    """One recorded approach, and what flyby computes: how far from the epoch in years, NASA's distance, and by how much
    flyby's is greater and later; None where flyby finds no approach."""

    name: str
    years: float
    km: float
    more_km: float | None
    later_min: float | None

    @property
    def is_same(self) -> bool:
        if self.more_km is None or self.later_min is None:
            return False
        return abs(self.more_km) <= SAME_KM and abs(self.later_min) <= SAME_MIN


def recorded(shared: Path) -> list[dict[str, Any]]:
    """Every object that was recorded with its elements, in NeoWs' words."""
    found = []
    for path in sorted((shared / "recordings" / "objects").glob("*.json")):
        answer = json.loads(path.read_bytes())
        found += answer.get("near_earth_objects", [answer])
    return found


def approaches(neo: dict[str, Any]) -> Iterator[tuple[float, float]]:
    """The approaches to the Earth that NASA tells: the Julian day, and the distance in km."""
    for approach in neo["close_approach_data"]:
        if approach["orbiting_body"] == "Earth":
            jd = approach["epoch_date_close_approach"] / 86_400_000 + 2_440_587.5
            yield jd, float(approach["miss_distance"]["kilometers"])


def pairs(elements: Elements, told: Iterable[tuple[float, float]], ephemeris: Ephemeris, *, years: float) -> list[Pair]:
    """What NASA tells within so many years of the epoch, beside what flyby computes."""
    told = [(jd, km) for jd, km in told if abs(jd - elements.epoch_jd) <= years * YEAR_D]
    if not told:
        return []
    ends = min(jd for jd, _ in told) - NEAR_DAYS, max(jd for jd, _ in told) + NEAR_DAYS
    found = Way(elements, *ends, ephemeris).approaches()
    made = []
    for jd, km in told:
        ours = nearest(found, jd, within_days=NEAR_DAYS)
        more, later = (ours.distance_km - km, (ours.jd - jd) * 1440) if ours else (None, None)
        made.append(Pair(elements.name, (jd - elements.epoch_jd) / YEAR_D, km, more, later))
    return made


def measured(shared: Path, *, years: float, with_asteroids: bool = True) -> list[Pair]:
    """All recorded approaches within so many years of their elements' epoch."""
    made: list[Pair] = []
    for neo in recorded(shared):
        elements = from_neows(neo)
        ephemeris = Ephemeris(with_asteroids=with_asteroids, but=elements.number)
        made += pairs(elements, approaches(neo), ephemeris, years=years)
    return made


def faults(found: Sequence[Pair]) -> tuple[int, int]:
    """How many of the errors that are put into the distances, 1,000 km to either side, are found; and of how many."""
    wrong = [
        Pair(pair.name, pair.years, pair.km + put_in, pair.more_km - put_in, pair.later_min)
        for pair in found
        if pair.more_km is not None
        for put_in in (-PUT_IN_KM, PUT_IN_KM)
    ]
    return sum(not pair.is_same for pair in wrong), len(wrong)


@dataclass(frozen=True)
class Young:
    """A flyby of 2016: how well its orbit was known then (0 to 9), by how many km the distance that follows from the
    elements of 2016 differs from what NeoWs said with them, and from what it said in 2020."""

    name: str
    uncertainty: str
    then_km: float
    in_2020_km: float | None


def young(shared: Path) -> list[Young]:
    """The flybys of the recorded days of 2016, the best known first."""
    answer = json.loads((shared / "recordings" / "feeds" / FEED_OF_2016).read_bytes())
    later = pq.read_table(shared / "realsky" / "sky.parquet", columns=["desig", "epoch_ms", "miss_au"]).to_pylist()
    made = []
    for neo in (neo for day in answer["near_earth_objects"].values() for neo in day):
        elements = from_neows(neo)
        [(jd, km)] = approaches(neo)  # NeoWs told the day alone then
        [ours] = Way(elements, jd - NEAR_DAYS, jd + NEAR_DAYS, Ephemeris(with_asteroids=False)).approaches()
        called = elements.name[elements.name.rfind("(") + 1 : -1]
        found = [row for row in later if row["desig"] == called and abs(_jd(row) - ours.jd) < NEAR_DAYS]
        in_2020 = float(found[0]["miss_au"]) * 149_597_870.7 if found else None
        made.append(
            Young(
                elements.name,
                elements.uncertainty or "?",
                ours.distance_km - km,
                None if in_2020 is None else ours.distance_km - in_2020,
            )
        )
    return sorted(made, key=lambda each: (each.uncertainty, each.name))


def _jd(row: dict[str, Any]) -> float:
    return float(row["epoch_ms"]) / 86_400_000 + 2_440_587.5


def spans(found: Sequence[Pair]) -> str:
    """A table of the errors by how far from the epoch."""
    head = ["from the epoch", "approaches", "same", "median", "95 % within", "worst", "not found"]
    lines = [f"| {' | '.join(head)} |", "|---|" + "---:|" * (len(head) - 1)]
    for least, most in pairwise((0, *SPANS)):
        its = [pair for pair in found if least <= abs(pair.years) < most]
        off = sorted(abs(pair.more_km) for pair in its if pair.more_km is not None)
        same = sum(pair.is_same for pair in its) / len(its)
        figures = (off[len(off) // 2], off[min(len(off) - 1, int(0.95 * len(off)))], off[-1])
        told = [f"{len(its):,}", f"{same:.0%}", *(f"{_round(km)} km" for km in figures), f"{len(its) - len(off):,}"]
        lines.append(f"| {least} to {most} years | {' | '.join(told)} |")
    return "\n".join(lines)


def figures() -> str:
    """What stands in docs/orbits.md between its two marks."""
    alone, others = measured(SHARED, years=SPANS[-1], with_asteroids=False), Ephemeris().asteroids
    near = [pair for pair in alone if abs(pair.years) <= SPANS[0]]
    later = [pair.later_min for pair in near if pair.later_min is not None]
    found, put_in = faults(near)
    closest = min(near, key=lambda pair: pair.km)
    one = min(alone, key=lambda pair: pair.km)
    after = min((p for p in alone if p.name == one.name and p.years > one.years), key=lambda pair: pair.years)
    lines = [
        fill(
            f"{len(alone):,} recorded approaches of {len({pair.name for pair in alone})} asteroids, by how far they are "
            "from the epoch of the elements. The pull is that of the Sun, the planets and the Moon:"
        ),
        "",
        spans(alone),
        "",
        fill(
            f"Of those within five years none is off by more than {max(map(abs, later)):.2f} minutes: NASA's are rounded "
            f"to the minute. The closest of them passes at {closest.km / 1e6:.1f} million km. Errors of 1,000 km put into "
            f"their distances, to either side: {found:,} of {put_in:,} found."
        ),
        "",
        fill(
            f"The closest of all is {one.name}, {one.years:.1f} years from its epoch at {one.km:,.0f} km: it is off by "
            f"{_round(abs(one.more_km or 0))} km and {abs(one.later_min or 0):.1f} minutes. Such a passage makes of a "
            f"small error a large one: at the next, {after.years - one.years:.1f} years later, it is "
            f"{abs(after.more_km or 0):,.0f} km."
        ),
    ]
    if others:
        lines += [
            "",
            f"With the {others} largest asteroids:",
            "",
            spans(measured(SHARED, years=SPANS[-1])),
        ]
    lines += [
        "",
        "The flybys of two days of 2016, from the elements of then, beside NeoWs' distance of then and of 2020:",
        "",
        "| asteroid | uncertainty in 2016 (0 to 9) | off from then | off from 2020 |",
        "|---|---:|---:|---:|",
    ]
    for each in young(SHARED):
        in_2020 = "–" if each.in_2020_km is None else f"{_round(abs(each.in_2020_km))} km"
        lines.append(f"| {each.name} | {each.uncertainty} | {_round(abs(each.then_km))} km | {in_2020} |")
    return "\n".join(lines) + "\n"


def fill(text: str) -> str:
    return textwrap.fill(text, 120)


def _round(km: float) -> str:
    return f"{km:,.0f}" if km >= 10 else f"{km:.1f}"


def main() -> None:
    if not SHARED.exists():
        sys.exit("orbits: this needs the recorded answers beside the checkout, in ../shared")
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    PAGE.write_text(f"{before}{BEGIN}\n{figures()}\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
