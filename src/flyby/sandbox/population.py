"""A simulated population of near-Earth asteroids: who passes on a day, and what NASA would say of it at a moment.

The shapes (how many, how near, how large, how fast, how late found, how often revised) are formulas fitted to what
NeoWs really listed for 2000 to 2026. Every day is made from the seed and its date alone, so days can be asked for in
any order, and a day far away costs no more than the next one. Numbers are rounded before they leave, so that the last
bit of a platform's logarithm does not show. Threads may share a population.

It obeys physics: nothing passes within the Earth or its atmosphere, what comes near is as fast as the Earth's gravity
makes it, what is known of an orbit shrinks the range within which it passes, and the truth lies in that range nearly
always.

What NeoWs lists changes once a day, at its reload. The state after the reload of a date is that date's *edition*;
everything below is a function of the edition, as the ordinal of its date.
"""

import math
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from hashlib import blake2b
from itertools import pairwise
from random import Random

KM_PER_AU = 149597870.7
#: Neither NeoWs nor CAD lists what passes farther away.
FARTHEST_AU = 0.5
#: What comes nearer to the Earth's centre meets the ground or burns up: no flyby. The mean radius and 100 km of air.
CLOSEST_AU = (6371.0 + 100.0) / KM_PER_AU
#: The Earth's gravity, GM, as in JPL's ephemeris DE440. What falls in from far away with the speed v has at the
#: distance r the speed sqrt(v² + 2 GM / r).
EARTH_GM_KM3_S2 = 398600.435507
SLOWEST_KM_S = 0.4
MINUTES_PER_DAY = 1440
#: A flyby is listed at most this many days from where it truly belongs, while its orbit is poor.
LARGEST_SHIFT_DAYS = 2
#: One sigma of the time against one of the distance, both in km along the way (measured on JPL's answer for 2020).
TIME_PER_DISTANCE = 0.45
#: JPL's three sigma are a little narrow: of what it revised, nearly one in a hundred left them.
STATED_SIGMA = 0.85
#: Of the faint objects found long before or after their flyby so many were lost within weeks: their orbits stay poor.
LOST_SHARE, LOST_FAINTER_THAN = 0.33, 22.5
#: JPL lists no flyby of which it does not know the time to ten days.
MOST_UNCERTAIN_MINUTES = 14_390.0

#: Objects designated from 2020 on have ids 54xxxxxx, earlier ones 3xxxxxx, numbered ones 2xxxxxx.
FIRST_HALF_MONTH_YEAR, FIRST_LONG_ID_YEAR = 1996, 2020
HALF_MONTHS = "ABCDEFGHJKLMNOPQRSTUVWXY"
SECOND_LETTERS = "ABCDEFGHJKLMNOPQRSTUVWXYZ"
#: Nothing in this sky was found before the surveys began.
SURVEYS_BEGAN = date(1998, 1, 1).toordinal()

#: What becomes of designations: an object found around its flyby has one nobody else has; one found long before (KNOWN)
#: or long after (LATE) may pass again, always a multiple of LONG_CYCLE_DAYS later.
AROUND_DAYS = 24
AROUND_CYCLE_DAYS, AROUND_PER_DAY = 64, 19
LONG_CYCLE_DAYS, KNOWN_PER_DAY, LATE_PER_DAY = 17, 14, 11
KNOWN_FROM = AROUND_CYCLE_DAYS * AROUND_PER_DAY
LATE_FROM = KNOWN_FROM + LONG_CYCLE_DAYS * KNOWN_PER_DAY
#: Designations in a half-month: 25 letters times 66, and coprime to the stride that scatters them.
DESIGNATIONS, SCATTER = 1650, 677

#: Flybys a day that are listed in the end, by year.
PER_DAY = ((1900.0, 5.8), (1995.0, 6.0), (2000.0, 6.6), (2010.0, 9.4), (2015.0, 11.7), (2020.0, 17.9), (2026.0, 19.8))
#: Share discovered by so many days after the flyby, for what passes near and for what passes far.
NEAR_LAG = (
    (0.0, -9000.0), (0.01, -5130.0), (0.05, -1090.0), (0.065, -365.0), (0.10, -23.0), (0.20, -10.0), (0.30, -6.0),
    (0.40, -3.0), (0.50, -1.0), (0.62, 1.0), (0.72, 3.0), (0.88, 7.0), (0.94, 14.0), (0.97, 30.0), (0.976, 365.0),
    (1.0, 1600.0),
)  # fmt: skip
FAR_LAG = (
    (0.0, -9000.0), (0.19, -4390.0), (0.32, -2190.0), (0.42, -950.0), (0.48, -365.0), (0.53, -155.0), (0.58, -60.0),
    (0.615, -14.0), (0.65, 0.0), (0.658, 1.0), (0.668, 3.0), (0.68, 7.0), (0.692, 14.0), (0.715, 30.0), (0.745, 90.0),
    (0.795, 365.0), (0.865, 700.0), (0.94, 1100.0), (1.0, 1700.0),
)  # fmt: skip

Curve = Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Row:
    """One flyby as NeoWs lists it in one edition."""

    neo_id: str
    name: str
    designation: str
    #: Where the list has it; `at` lies in this day.
    day: date
    at: datetime
    #: False where only the day is told: `close_approach_date_full` is null.
    timed: bool
    miss_distance_au: float
    relative_velocity_km_s: float
    #: None for the few whose magnitude nobody measured.
    absolute_magnitude_h: float | None
    is_potentially_hazardous: bool
    is_sentry_object: bool
    #: Counts the orbits computed so far, from 1.
    orbit: int
    #: The moment itself, of which `at` is the nearest minute.
    instant: datetime
    velocity_infinity_km_s: float
    #: How uncertain the orbit is said to leave the distance and the time, three sigma.
    uncertain_km: float
    uncertain_minutes: float


@dataclass(frozen=True, slots=True)
class CadRow:
    """One flyby as JPL's close-approach data lists it."""

    des: str
    fullname: str
    orbit_id: str
    instant: datetime
    miss_distance_au: float
    miss_distance_min_au: float
    miss_distance_max_au: float
    relative_velocity_km_s: float
    velocity_infinity_km_s: float
    #: Three sigma.
    uncertain_minutes: float
    absolute_magnitude_h: float | None
    #: Measured, of a few.
    diameter_km: float | None = None
    diameter_sigma_km: float | None = None
    is_comet: bool = False

    @property
    def at(self) -> datetime:
        """The minute that JPL prints."""
        return _nearest_minute(self.instant)


class Population:
    """The sky of one seed."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self._flybys = lru_cache(maxsize=2048)(self._make_day)
        self._reload = lru_cache(maxsize=4096)(self._draw_reload)

    def edition(self, at: datetime) -> date:
        """The date of the last reload at or before the moment `at` (aware)."""
        at = at.astimezone(UTC)
        today = at.date()
        return today if at >= self._reload(today) else today - timedelta(days=1)

    def reload(self, day: date) -> datetime:
        """When NeoWs takes in that day's news: between 06:15 and 12:15 UTC."""
        return self._reload(day)

    def listed(self, day: date, at: datetime) -> list[Row]:
        """What NeoWs lists for `day` at the moment `at` (aware)."""
        return self.listed_in(day, self.edition(at))

    def listed_in(self, day: date, edition: date) -> list[Row]:
        """What NeoWs lists for `day` after the reload of the date `edition`."""
        known_by = edition.toordinal()
        return [row for flyby in self._around(day) for row in flyby.rows(known_by) if row.day == day]

    def cad(self, day: date, at: datetime) -> list[CadRow]:
        """What JPL's close-approach data lists for `day` at the moment `at` (aware), by time.

        It has NeoWs' next edition hours early, one row for an object that was numbered, and comets. It goes by the
        instant: what passes in the last half minute of a day is that day's, though its minute is the next day's.
        """
        at = at.astimezone(UTC)
        rows = (flyby.cad(at, self.seed) for flyby in self._around(day))
        asteroids = [row for row in rows if row is not None and row.instant.date() == day]
        return sorted([*asteroids, *self._comets(day, at)], key=lambda row: (row.instant, row.des))

    def _around(self, day: date) -> Iterator["_Flyby"]:
        """Every flyby that an edition may list for `day`."""
        middle = day.toordinal()
        for ordinal in range(middle - LARGEST_SHIFT_DAYS, middle + LARGEST_SHIFT_DAYS + 1):
            yield from self._flybys(ordinal)

    def _draw_reload(self, day: date) -> datetime:
        minute = _rng(f"{self.seed}/reload/{day}").randrange(6 * 60 + 15, 12 * 60 + 15)
        return datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(minutes=minute)

    def _make_day(self, ordinal: int) -> tuple["_Flyby", ...]:
        rng = _rng(f"{self.seed}/day/{ordinal}")
        year = _decimal_year(ordinal)
        # October has half as many again as July: northern surveys, long clear nights
        season = 1 + 0.2 * math.cos(2 * math.pi * (year % 1 - 0.79))
        taken = {"around": 0, "known": 0, "late": 0}
        flybys = []
        for _ in range(_poisson(rng, _along(PER_DAY, year) * season)):
            distance = _draw_distance(rng, year)
            discovered = ordinal + _draw_lag(rng, distance)
            if discovered < SURVEYS_BEGAN:
                discovered = max(ordinal, SURVEYS_BEGAN) + int(7000 * rng.random() ** 2)
            lag = discovered - ordinal
            group = "around" if abs(lag) <= AROUND_DAYS else "known" if lag < 0 else "late"
            place = taken[group]
            taken[group] += 1
            if place < {"around": AROUND_PER_DAY, "known": KNOWN_PER_DAY, "late": LATE_PER_DAY}[group]:
                flybys.append(_make_flyby(rng, self.seed, ordinal, discovered, distance, group, place))
        return tuple(flybys)

    def _comets(self, day: date, at: datetime) -> list[CadRow]:
        """About three comets a year pass too: CAD has them, NeoWs does not."""
        rng = _rng(f"{self.seed}/comets/{day}")
        if rng.random() >= 3 / 365:
            return []
        instant = _midnight(day.toordinal()) + timedelta(seconds=round(86_399 * rng.random()))
        if rng.random() < 0.6:
            des = f"{rng.randrange(901, 1000)}P"
            fullname, orbit_id, discovered = f"{des}/Sandbox", str(rng.randrange(7, 120)), date.min
        else:  # seen once in history, and found not long before
            discovered = day - timedelta(days=rng.randrange(20, 700))
            des = f"{discovered.year} {HALF_MONTHS[_half_month(discovered.toordinal()) % 24]}{rng.randrange(1, 9)}"
            fullname, orbit_id = f"C/{des} (Sandbox)", f"{rng.randrange(3, 40)}"
        if rng.random() < 0.3:  # some comets' orbits are named for the apparition that they are good for
            orbit_id = f"K{day.year % 100:02}{rng.randrange(1, 10)}/{orbit_id}"
        if at.date() < discovered:
            return []
        distance = round(0.04 + 0.45 * rng.random(), 12)
        from_afar = round(9 + 15 * rng.random(), 10)
        return [
            CadRow(
                des,
                fullname,
                orbit_id,
                instant,
                distance,
                *_range_au(distance, 120.0),
                _speed(from_afar, distance),
                from_afar,
                0.2,
                None,
                is_comet=True,
            )
        ]


@dataclass(slots=True)
class _Flyby:
    """One flyby as it truly is, and how knowledge of it comes and goes. Dates are ordinals."""

    label: str
    day: int
    minute: float
    distance_au: float
    #: Far from the Earth.
    velocity_infinity_km_s: float
    magnitude: float | None
    hazardous: bool
    sentry: bool
    designation: str
    neo_id: str
    number: int | None
    discovered: int
    #: When a better orbit was computed, the first on discovery.
    orbits: tuple[int, ...]
    #: Factor on the uncertainty of all its orbits.
    quality: float
    #: Of an object that was lost, how many days it was observed.
    lost_after: int | None
    numbered: int
    #: From here on the provisional id is no longer served beside the number's.
    renamed: int
    shift_days: int
    shifted_until: int
    withdrawn: int
    returned: int
    #: Hours after midnight at which CAD has a day's news, always before NeoWs.
    cad_hours: float
    _last: tuple[tuple[int, bool, bool], Row] | None = None

    def rows(self, edition: int) -> tuple[Row, ...]:
        """What NeoWs lists of it: nothing, a row, or for some months after numbering two."""
        if not self._listed(edition):
            return ()
        if self.number is None or edition < self.numbered:
            return (self._row(edition, numbered=False),)
        if edition >= self.renamed:
            return (self._row(edition, numbered=True),)
        # the row under the old id is no longer kept up, and mostly loses its time of day
        return (self._row(self.numbered, numbered=False, stale=True), self._row(edition, numbered=True))

    def cad(self, at: datetime, seed: int) -> CadRow | None:
        edition = (at - timedelta(hours=self.cad_hours)).toordinal()
        if not self._listed(edition):
            return None
        numbered = self.number is not None and edition >= self.numbered
        row = self._row(edition, numbered=numbered)
        return CadRow(
            str(self.number) if numbered else self.designation,
            row.name,
            str(row.orbit),
            row.instant,
            row.miss_distance_au,
            *_range_au(row.miss_distance_au, row.uncertain_km),
            row.relative_velocity_km_s,
            row.velocity_infinity_km_s,
            row.uncertain_minutes,
            row.absolute_magnitude_h,
            *(self._measured_km(seed) if numbered else (None, None)),
        )

    def _measured_km(self, seed: int) -> tuple[float | None, float | None]:
        """The diameter that somebody measured, and its sigma where that is told; mostly nobody did."""
        draws = _Draws(f"{seed}/size/{self.designation}")
        if self.magnitude is None or draws.uniform() > 0.4:
            return None, None
        albedo = 0.06 + 0.17 * draws.uniform()
        diameter = 1329 * 10 ** (-0.2 * self.magnitude) / albedo**0.5
        told = draws.uniform() < 0.7
        return round(diameter, 3), max(round(diameter * (0.02 + 0.15 * draws.uniform()), 3), 0.001) if told else None

    def _listed(self, edition: int) -> bool:
        return self.discovered <= edition and not self.withdrawn <= edition < self.returned

    def _row(self, edition: int, *, numbered: bool, stale: bool = False) -> Row:
        orbit = max(bisect_right(self.orbits, edition), 1)
        shifted = edition < self.shifted_until
        wanted = (orbit, shifted, numbered)
        last = self._last
        if not stale and last is not None and last[0] == wanted:
            return last[1]
        row = self._compute(orbit, shifted=shifted, numbered=numbered, stale=stale)
        if not stale:
            self._last = (wanted, row)
        return row

    def _compute(self, orbit: int, *, shifted: bool, numbered: bool, stale: bool) -> Row:
        arc_days = self.orbits[orbit - 1] - self.discovered
        draws = _Draws(f"{self.label}/{orbit}")
        sigma_km = self.quality * 1.2e5 / (1.0 + arc_days) ** 1.3
        km_per_minute = 60 * self.velocity_infinity_km_s
        if self.lost_after is not None:  # what is known of some days is carried over years
            sigma_km *= 1.0 + abs(self.day - self.discovered) / (3.0 + arc_days)
            most_km = MOST_UNCERTAIN_MINUTES * km_per_minute / (3 * STATED_SIGMA * TIME_PER_DISTANCE)
            sigma_km = min(sigma_km, most_km)
        error_km = sigma_km * draws.normal()
        error_minutes = TIME_PER_DISTANCE * sigma_km / km_per_minute * draws.normal()
        if shifted:  # what is two sigma off in time is uncertain in distance too
            shift_minutes = float(MINUTES_PER_DAY * self.shift_days)
            shift_km = abs(shift_minutes) / 2 * km_per_minute / TIME_PER_DISTANCE
            error_minutes += shift_minutes
            error_km += shift_km * _Draws(f"{self.label}/shift").normal()
            sigma_km = math.sqrt(sigma_km * sigma_km + shift_km * shift_km)
        reach = LARGEST_SHIFT_DAYS * MINUTES_PER_DAY
        minute = min(max(self.minute + error_minutes, -reach), reach + MINUTES_PER_DAY - 1)
        instant = _midnight(self.day) + timedelta(seconds=math.floor(60 * minute))
        at = _nearest_minute(instant)
        distance = round(_folded(self.distance_au + error_km / KM_PER_AU), 14)
        from_afar = round(self.velocity_infinity_km_s * (1 + min(max(error_km * 1e-9, -0.05), 0.05)), 10)
        # most new orbits move the magnitude by a few hundredths
        moved = draws.uniform() < 0.65
        magnitude = self.magnitude
        if magnitude is not None and moved:
            magnitude = magnitude + 0.3 * draws.normal() / (1.0 + arc_days) ** 0.35
        stated_km = 3 * STATED_SIGMA * sigma_km
        return Row(
            f"{2_000_000 + self.number}" if numbered and self.number is not None else self.neo_id,
            f"{self.number} ({self.designation})" if numbered else f"({self.designation})",
            self.designation,
            at.date(),
            at,
            not (stale and self.cad_hours < 5),
            distance,
            _speed(from_afar, distance),
            None if magnitude is None else round(magnitude, 2),
            self.hazardous,
            self.sentry,
            orbit,
            instant,
            from_afar,
            round(stated_km, 6),
            round(TIME_PER_DISTANCE * stated_km / km_per_minute, 6),
        )


def _midnight(ordinal: int) -> datetime:
    return datetime.fromordinal(ordinal).replace(tzinfo=UTC)


def _nearest_minute(instant: datetime) -> datetime:
    return (instant + timedelta(seconds=30)).replace(second=0, microsecond=0)


def _speed(from_afar_km_s: float, distance_au: float) -> float:
    """How fast something is at a distance that the Earth's gravity pulls in from far away."""
    return round(math.sqrt(from_afar_km_s**2 + 2 * EARTH_GM_KM3_S2 / (distance_au * KM_PER_AU)), 10)


def _range_au(distance_au: float, uncertain_km: float) -> tuple[float, float]:
    """The least and the most distance. An orbit that may hit is still not one through the centre."""
    uncertain_au = uncertain_km / KM_PER_AU
    return round(max(distance_au - uncertain_au, 0.05 * distance_au), 15), round(distance_au + uncertain_au, 15)


def _folded(distance_au: float) -> float:
    """The distance folded into what can be listed, which brings it no farther from any distance in there."""
    span = FARTHEST_AU - 1e-6 - CLOSEST_AU
    beyond = abs(distance_au - CLOSEST_AU) % (2 * span)
    return CLOSEST_AU + min(beyond, 2 * span - beyond)


def _rng(label: str) -> Random:
    return Random(label)  # noqa: S311  # a sky that anyone can repeat is the point


class _Draws:
    """Numbers that follow from a label alone. Only exact arithmetic, so that every platform gets the same."""

    def __init__(self, label: str) -> None:
        digest = blake2b(label.encode()).digest()
        self._words = [int.from_bytes(digest[n : n + 4], "big") / 2**32 for n in range(0, 64, 4)]

    def uniform(self) -> float:
        return self._words.pop()

    def normal(self) -> float:
        """About normal, mean 0, sigma 1, never beyond 3.5."""
        return _bell(self._words.pop() + self._words.pop() + self._words.pop() + self._words.pop())


def _bell(sum_of_four: float) -> float:
    return (sum_of_four - 2) * 1.7320508075688772


def _normal(rng: Random) -> float:
    return _bell(rng.random() + rng.random() + rng.random() + rng.random())


def _poisson(rng: Random, mean: float) -> int:
    floor, product, count = math.exp(-mean), rng.random(), 0
    while product > floor:
        product *= rng.random()
        count += 1
    return count


def _along(curve: Curve, x: float) -> float:
    """The curve's value at `x`, straight between its points and level beyond them."""
    for (x0, y0), (x1, y1) in pairwise(curve):
        if x < x1:
            return y0 + (y1 - y0) * max(x - x0, 0.0) / (x1 - x0)
    return curve[-1][1]


def _decimal_year(ordinal: int) -> float:
    day = date.fromordinal(ordinal)
    return day.year + (ordinal - date(day.year, 1, 1).toordinal()) / 366


def _draw_distance(rng: Random, year: float) -> float:
    """Uniform, and on top the small objects that are found only because they come near, more of them every year."""
    if rng.random() < min(max(0.02 * (year - 2010), 0.0), 0.2):
        near = -0.035 * math.log(1 - rng.random())
        if near < FARTHEST_AU:
            return max(near, CLOSEST_AU)
    return max(FARTHEST_AU * rng.random(), CLOSEST_AU)


def _draw_lag(rng: Random, distance: float) -> int:
    """Days from flyby to discovery; negative if it was known before."""
    near = distance < 0.05 or rng.random() < (0.38 if distance < 0.1 else 0.15 if distance < 0.15 else 0.0)
    return math.ceil(_along(NEAR_LAG if near else FAR_LAG, rng.random()))


def _make_flyby(rng: Random, seed: int, day: int, discovered: int, distance: float, group: str, place: int) -> _Flyby:
    half_month, slot = _half_month(discovered), _slot(day, group, place)
    designation = _designation(half_month, slot)
    label = f"{seed}/flyby/{designation}/{day}"
    number, numbered = None, 0
    if group == "around":
        below = distance / 0.08
        magnitude = 24.3 - (2.9 if below < 1 else 4.2) * math.log10(below) + 1.2 * _normal(rng)
        hazardous = magnitude <= 22 and (distance < 0.05 or rng.random() < max(0.08, 0.6 - 2 * distance))
    else:
        # of the object and not of this flyby: it may pass again
        draws = _Draws(f"{seed}/object/{designation}")
        magnitude = (22.2 + 2.75 * draws.normal()) if group == "known" else (24.7 + 2.4 * draws.normal())
        hazardous = magnitude <= 22 and draws.uniform() < 0.28
        if magnitude <= 22 and not hazardous and distance < 0.05:
            distance += 0.05
        if draws.uniform() < 1 / (1 + math.exp((magnitude - 20.9) / 0.9)):
            number = 21_000 + int(2.6 * (half_month * (DESIGNATIONS - KNOWN_FROM) + slot - KNOWN_FROM))
            numbered = _first_of(half_month) + 900 + int(3000 * draws.uniform())
    magnitude = max(magnitude, 14.0)
    may_be_lost = group != "around" and number is None and magnitude > LOST_FAINTER_THAN
    lost_after = _draw_lost(label) if may_be_lost else None
    velocity = (8.6 + 16 * distance) * math.exp(0.5 * _normal(rng))
    # what is slower than gravity makes it is as slow as can be
    from_afar_squared = max(velocity**2 - 2 * EARTH_GM_KM3_S2 / (distance * KM_PER_AU), SLOWEST_KM_S**2)
    withdrawn = returned = 10**7
    if rng.random() < 0.02:
        withdrawn = max(discovered, day) + 3 + int(900 * rng.random() ** 2)
        if rng.random() < 0.25:
            returned = withdrawn + 3 + int(30 * rng.random())
    shift_days = shifted_until = 0
    if rng.random() < 0.03 and lost_after is None:
        shift_days = rng.choice((-2, -1, -1, 1, 1, 2))
        shifted_until = max(discovered, day) + 2 + int(60 * rng.random())
    return _Flyby(
        label=label,
        day=day,
        minute=MINUTES_PER_DAY * rng.random(),
        distance_au=distance,
        velocity_infinity_km_s=math.sqrt(from_afar_squared),
        magnitude=None if rng.random() < 1 / 8000 else magnitude,
        hazardous=hazardous,
        sentry=magnitude > 23 and distance < 0.2 and rng.random() < 0.08,
        designation=designation,
        neo_id=_provisional_id(half_month, slot),
        number=number,
        discovered=discovered,
        orbits=_draw_orbits(rng, discovered, day, lost_after),
        quality=0.2 + 2.4 * rng.random() ** 2,
        lost_after=lost_after,
        numbered=numbered,
        renamed=numbered + 90 + int(270 * rng.random()),
        shift_days=shift_days,
        shifted_until=shifted_until,
        withdrawn=withdrawn,
        returned=returned,
        cad_hours=6 * rng.random(),
    )


def _draw_lost(label: str) -> int | None:
    """After how many days an object was lost; None if it is observed to this day."""
    draws = _Draws(f"{label}/lost")
    return int(math.exp(3.4 * draws.uniform())) if draws.uniform() < LOST_SHARE else None


def _draw_orbits(rng: Random, discovered: int, day: int, lost_after: int | None) -> tuple[int, ...]:
    """When its orbit is computed anew: often at first, ever more seldom, and again when it comes by."""
    when = max(discovered, day - 800)
    orbits = [discovered]
    while when < day + 4000:
        passing = abs(when - day) <= 10
        gap = 1 + int((4 if passing else 0.7 * (when - discovered)) * rng.random())
        if when < day - 10 < when + gap:
            gap = day - 10 - when
        when += gap
        orbits.append(when)
    if lost_after is not None:
        orbits = [discovered + after for after in (0, 1, 3, 7, 15) if after <= lost_after]
    return tuple(orbits)


def _half_month(ordinal: int) -> int:
    """How many half-months after January 1996 began: the MPC's designations go by them."""
    day = date.fromordinal(ordinal)
    return (day.year - FIRST_HALF_MONTH_YEAR) * 24 + (day.month - 1) * 2 + (day.day > 15)


def _first_of(half_month: int) -> int:
    year, part = divmod(half_month, 24)
    return date(FIRST_HALF_MONTH_YEAR + year, part // 2 + 1, 16 if part % 2 else 1).toordinal()


def _slot(day: int, group: str, place: int) -> int:
    """Which of its half-month's designations a flyby gets: one that no other flyby within weeks can have."""
    if group == "around":
        return day % AROUND_CYCLE_DAYS * AROUND_PER_DAY + place
    if group == "known":
        return KNOWN_FROM + day % LONG_CYCLE_DAYS * KNOWN_PER_DAY + place
    return LATE_FROM + day % LONG_CYCLE_DAYS * LATE_PER_DAY + place


def _designation(half_month: int, slot: int) -> str:
    year, part = divmod(half_month, 24)
    cycle, letter = divmod((slot * SCATTER + 13 * half_month) % DESIGNATIONS, len(SECOND_LETTERS))
    return f"{FIRST_HALF_MONTH_YEAR + year} {HALF_MONTHS[part]}{SECOND_LETTERS[letter]}{cycle or ''}"


def _provisional_id(half_month: int, slot: int) -> str:
    first_long = (FIRST_LONG_ID_YEAR - FIRST_HALF_MONTH_YEAR) * 24
    if half_month < first_long:
        return f"{3_000_000 + half_month * DESIGNATIONS + slot}"
    return f"{54_000_000 + (half_month - first_long) * DESIGNATIONS + slot}"
