"""The independent check: what flyby computes of flybys from their orbits, beside what the record says of them.

JPL's Small-Body Database is asked for the orbits, one after another; nothing of its answers is kept. NASA's times are
read as TDB, which they are (docs/how-it-works.md), so no time here is converted.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from flyby.errors import FeedError, FlybyError, HomeError, UsageError
from flyby.orbits.elements import Elements, OrbitError
from flyby.orbits.ephemeris import Ephemeris
from flyby.orbits.sbdb import Sbdb
from flyby.orbits.sky import APERTURE_MM, BRIGHT_DAYS, LIMIT, Approach, Way, nearest
from flyby.query.asteroids import find
from flyby.query.database import opened, query_text, with_values
from flyby.settings import SBDB_URL, Settings

#: Called the same: so many km and minutes. NASA's times are rounded to the minute.
SAME_KM, SAME_MIN = 200.0, 1.0
#: Flybys that are farther than this from the epoch of the elements are not computed: docs/orbits.md has the errors.
REACH_YEARS = 10
YEAR_D = 365.25
#: An approach that is so many days from NASA's time, or from the noon of its day, is not the same.
NEAR_DAYS = 3.0
#: Of an asteroid that the record does not have: from when to when, and how near.
BACK_DAYS, AHEAD_DAYS, WITHIN_AU = 30, 365, 0.5

_J2000, _J2000_JD = datetime(2000, 1, 1, 12, tzinfo=UTC), 2_451_545.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One flyby: `told_…` is the record's, None where it has none; the rest flyby's. Times are TDB.

    `agrees` is within SAME_KM and SAME_MIN, `in_range` within JPL's 3-sigma range, as exactly as SAME_KM tells (None:
    it gives none).
    """

    designation: str
    name: str
    flyby_id: str | None
    told_date: date | None
    told_at: datetime | None
    told_km: float | None
    told_ld: float | None
    told_min_km: float | None
    told_max_km: float | None
    computed_at: datetime | None
    computed_km: float | None
    computed_ld: float | None
    computed_km_s: float | None
    difference_km: float | None
    difference_min: float | None
    agrees: bool | None
    in_range: bool | None
    magnitude: float | None
    brightest_at: datetime | None
    elongation_deg: float | None
    in_small_telescope: bool | None
    orbit_id: str | None
    epoch: date
    years_from_epoch: float
    uncertainty: str | None
    arc_days: float | None


@dataclass(frozen=True, slots=True)
class Rejected:
    """An asteroid whose orbit JPL does not tell, and why."""

    designation: str
    name: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Orbits:
    """Every flyby that was asked about. `left_out` of them are too far from the epoch of their elements; `asteroids` is
    how many large ones pulled, `limit` the faintest magnitude of a telescope of `aperture_mm`."""

    now: datetime
    simulated: bool
    checks: list[Check]
    rejected: list[Rejected]
    left_out: int
    asteroids: int
    aperture_mm: int = APERTURE_MM
    limit: float = round(LIMIT, 1)


def check_coming(settings: Settings, flybys: Sequence[dict[str, Any]]) -> Orbits:
    """The check of these rows of `close_approaches`. An asteroid whose orbit is not told is rejected, the others are
    not."""
    by_designation: dict[str, list[dict[str, Any]]] = {}
    for flyby in flybys:
        by_designation.setdefault(flyby["designation"], []).append(flyby)
    checks: list[Check] = []
    rejected, left_out, asteroids = [], 0, 0
    simulated = _is_simulated(settings)
    with Sbdb(settings.sbdb_url) as sbdb:
        for designation, rows in by_designation.items():
            try:
                elements = sbdb.elements(designation)
                ephemeris = Ephemeris(but=elements.number)
                found, more = checked(elements, rows, ephemeris)
            except (OrbitError, FeedError) as error:
                rejected.append(Rejected(designation, rows[0]["name"], str(error)))
                continue
            checks, left_out, asteroids = checks + found, left_out + more, ephemeris.asteroids
    checks.sort(key=lambda check: (check.told_date or date.min, check.name))
    return Orbits(
        now=settings.now(),
        simulated=simulated,
        checks=checks,
        rejected=rejected,
        left_out=left_out,
        asteroids=asteroids,
    )


def check_asteroid(settings: Settings, text: str) -> Orbits:
    """The check of every flyby that the record has of the asteroid called `text`; of one that the record does not have,
    the approaches of the next year.

    Raises OrbitError where JPL does not tell its orbit.
    """
    simulated = _is_simulated(settings)
    designation, rows = _recorded(settings, text)
    with Sbdb(settings.sbdb_url) as sbdb:
        elements = sbdb.elements(designation)
    ephemeris, now = Ephemeris(but=elements.number), settings.now()
    if rows:
        checks, left_out = checked(elements, rows, ephemeris)
    else:
        at = julian(now)
        way = Way(elements, at - BACK_DAYS, at + AHEAD_DAYS, ephemeris)
        near = [approach for approach in way.approaches() if approach.distance_au <= WITHIN_AU]
        checks, left_out = [_check(elements, way, approach, None, designation) for approach in near], 0
    return Orbits(
        now=now,
        simulated=simulated,
        checks=checks,
        rejected=[],
        left_out=left_out,
        asteroids=ephemeris.asteroids,
    )


def checked(elements: Elements, rows: Sequence[dict[str, Any]], ephemeris: Ephemeris) -> tuple[list[Check], int]:
    """Rows of one asteroid in `close_approaches` beside what follows from its elements, and how many are left out."""
    moments = [(_told(row), row) for row in rows]
    near = [(jd, row) for jd, row in moments if abs(jd - elements.epoch_jd) <= REACH_YEARS * YEAR_D]
    if not near:
        return [], len(rows)
    margin = NEAR_DAYS + BRIGHT_DAYS
    way = Way(elements, min(jd for jd, _ in near) - margin, max(jd for jd, _ in near) + margin, ephemeris)
    approaches = way.approaches()
    checks = [
        _check(elements, way, nearest(approaches, jd, within_days=NEAR_DAYS), row, row["designation"])
        for jd, row in near
    ]
    return checks, len(rows) - len(near)


def julian(moment: datetime) -> float:
    """The Julian day of a moment, in its own scale of time."""
    return _J2000_JD + (moment - _J2000) / timedelta(days=1)


def moment(jd: float) -> datetime:
    """The moment of a Julian day, to the second, in its own scale of time."""
    return _J2000 + timedelta(seconds=round((jd - _J2000_JD) * 86_400))


def _check(
    elements: Elements, way: Way, approach: Approach | None, row: dict[str, Any] | None, designation: str
) -> Check:
    told = row or {}
    look = way.brightest(approach.jd) if approach else None
    told_at, told_km = told.get("close_approach_at"), told.get("miss_distance_km")
    least, most = told.get("miss_distance_min_km"), told.get("miss_distance_max_km")
    more_km = later_min = in_range = None
    if approach and row:
        more_km = approach.distance_km - row["miss_distance_km"]
        later_min = None if told_at is None else (approach.jd - julian(told_at)) * 1440
        if least is not None and most is not None:
            in_range = least - SAME_KM <= approach.distance_km <= most + SAME_KM
    agrees = None
    if row:
        agrees = more_km is not None and abs(more_km) <= SAME_KM and abs(later_min or 0.0) <= SAME_MIN
    at_jd = approach.jd if approach else _told(told)
    return Check(
        designation=designation,
        name=told.get("name") or elements.name,
        flyby_id=told.get("flyby_id"),
        told_date=told.get("close_approach_date"),
        told_at=told_at,
        told_km=told_km,
        told_ld=told.get("miss_distance_ld"),
        told_min_km=least,
        told_max_km=most,
        computed_at=moment(approach.jd) if approach else None,
        computed_km=approach.distance_km if approach else None,
        computed_ld=approach.distance_ld if approach else None,
        computed_km_s=approach.speed_km_s if approach else None,
        difference_km=more_km,
        difference_min=later_min,
        agrees=agrees,
        in_range=in_range,
        magnitude=look.magnitude if look else None,
        brightest_at=moment(look.jd) if look else None,
        elongation_deg=look.elongation_deg if look else None,
        # Without H nothing is known; with it, what never leaves the twilight is in no telescope's reach.
        in_small_telescope=look.is_in_reach if look else None if elements.h is None or approach is None else False,
        orbit_id=elements.orbit_id,
        epoch=moment(elements.epoch_jd).date(),
        years_from_epoch=(at_jd - elements.epoch_jd) / YEAR_D,
        uncertainty=elements.uncertainty,
        arc_days=elements.arc_days,
    )


def _told(row: dict[str, Any]) -> float:
    """The Julian day of NASA's time, or of noon where only the day is known."""
    at = row["close_approach_at"]
    return julian(at or datetime.combine(row["close_approach_date"], time(12), UTC))


def _recorded(settings: Settings, text: str) -> tuple[str, list[dict[str, Any]]]:
    """The designation of the asteroid that is called `text`, and its flybys; the text itself, and none, where the
    record has no such asteroid."""
    with opened(settings.database) as connection:
        try:
            designation = find(connection.execute(query_text("known_as")).fetchall(), text)
        except (UsageError, HomeError):
            raise
        except FlybyError:
            return " ".join(text.split()), []
        result = connection.execute(with_values(query_text("flybys_of"), {"designation": designation}))
        names = [column[0] for column in result.description or ()]
        return designation, [dict(zip(names, row, strict=True)) for row in result.fetchall()]


def _is_simulated(settings: Settings) -> bool:
    """Whether the record is the built-in sky's; FlybyError where JPL would be asked for what does not exist."""
    with opened(settings.database) as connection:
        [(simulated,)] = connection.execute(query_text("simulated")).fetchall()
    if simulated and settings.sbdb_url == SBDB_URL:
        raise FlybyError(
            "this record is of the built-in sky, whose asteroids JPL does not know: there is no orbit to ask for"
        )
    return bool(simulated)
