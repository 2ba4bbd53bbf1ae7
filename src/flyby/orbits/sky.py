"""What comes of a way: when and how closely it passes the Earth, and how bright that looks from there.

Distances are between the centres, as NASA's are. Nothing is corrected for the time that light takes, nor is it there.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from math import log10

import numpy as np
from scipy.optimize import brentq

from flyby.orbits.elements import Elements
from flyby.orbits.ephemeris import AU_KM, Ephemeris, Vector
from flyby.orbits.motion import PRECISION, journey

#: To the au, as NeoWs writes them.
LD_PER_AU = 389.0
#: A telescope of 15 cm shows stars to this magnitude under a dark sky: 2 + 5 log10 of its aperture in millimetres.
APERTURE_MM = 150
LIMIT = 2 + 5 * log10(APERTURE_MM)
#: Nearer to the Sun than this, in degrees, nothing is looked for: it is in twilight, or up by day.
LEAST_ELONGATION_DEG = 40.0
#: So many days around an approach it is looked for at its brightest, every half hour.
BRIGHT_DAYS, LOOKS_A_DAY = 10, 48
#: How often, in days, the distance is looked at in search of a minimum.
STEP_D = 0.25


@dataclass(frozen=True, slots=True)
class Approach:
    """One minimum of the distance from the Earth: when (a Julian day, TDB), how far, how fast."""

    jd: float
    distance_au: float
    speed_km_s: float

    @property
    def distance_km(self) -> float:
        return self.distance_au * AU_KM

    @property
    def distance_ld(self) -> float:
        return self.distance_au * LD_PER_AU


@dataclass(frozen=True, slots=True)
class Look:
    """How bright it looks from the Earth at its brightest in a dark sky, and when (a Julian day, TDB)."""

    jd: float
    magnitude: float
    phase_deg: float
    elongation_deg: float

    @property
    def is_in_reach(self) -> bool:
        """Whether a small telescope shows it."""
        return self.magnitude <= LIMIT


class Way:
    """The way of one asteroid through the days from `first_jd` to `last_jd`, followed from its epoch to both sides."""

    def __init__(
        self,
        elements: Elements,
        first_jd: float,
        last_jd: float,
        ephemeris: Ephemeris,
        *,
        precision: float = PRECISION,
    ) -> None:
        self.elements = elements
        self.first_jd, self.last_jd = first_jd, last_jd
        self._ephemeris = ephemeris
        ends = (min(first_jd, elements.epoch_jd - 1), max(last_jd, elements.epoch_jd + 1))
        self._before, self._after = (journey(elements, end, ephemeris, precision=precision) for end in ends)

    def at(self, jd: Vector) -> Vector:
        """Place and velocity from the barycentre, in au and au a day: row, moment."""
        is_before = jd < self.elements.epoch_jd
        found = np.empty((6, jd.size))
        for leg, here in ((self._before, is_before), (self._after, ~is_before)):
            if here.any():
                found[:, here] = leg.at(jd[here])
        return found

    def from_body(self, jd: Vector, body: str = "Earth") -> tuple[Vector, Vector]:
        """Place and velocity from the centre of a body: axis, moment."""
        place, velocity = self._ephemeris.track(body, jd)
        found = self.at(jd)
        return found[:3] - place, found[3:] - velocity

    def approaches(self, body: str = "Earth") -> list[Approach]:
        """Every minimum of the distance, in the order of time."""
        steps = max(2, int((self.last_jd - self.first_jd) / STEP_D) + 1)
        moments = np.linspace(self.first_jd, self.last_jd, steps)
        place, velocity = self.from_body(moments, body)
        nearing = (place * velocity).sum(axis=0) < 0
        turns = np.flatnonzero(nearing[:-1] & ~nearing[1:])
        return [self._closest(float(moments[n]), float(moments[n + 1]), body) for n in turns]

    def _closest(self, first_jd: float, last_jd: float, body: str) -> Approach:
        middle = (first_jd + last_jd) / 2  # from there, or a Julian day's own digits end at a tenth of a millisecond

        def nearing(since: float) -> float:
            place, velocity = self.from_body(np.array([middle + since]), body)
            return float((place * velocity).sum())

        jd = middle + float(brentq(nearing, first_jd - middle, last_jd - middle, xtol=1e-9))
        place, velocity = self.from_body(np.array([jd]), body)
        speed = float(np.linalg.norm(velocity)) * AU_KM / 86_400
        return Approach(jd, float(np.linalg.norm(place)), speed)

    def brightest(self, around_jd: float) -> Look | None:
        """The brightest look in a dark sky within BRIGHT_DAYS of a moment; None where H is not known, or where it never
        stands far enough from the Sun."""
        if self.elements.h is None:
            return None
        first, last = max(around_jd - BRIGHT_DAYS, self.first_jd), min(around_jd + BRIGHT_DAYS, self.last_jd)
        moments = np.linspace(first, last, max(2, int((last - first) * LOOKS_A_DAY)))
        from_earth, _ = self.from_body(moments)
        from_sun, _ = self.from_body(moments, "Sun")
        sun = from_earth - from_sun  # from the Earth
        distance, r, earth_r = (np.linalg.norm(vector, axis=0) for vector in (from_earth, from_sun, sun))
        phase = _angle((from_earth * from_sun).sum(axis=0) / (distance * r))
        elongation = _angle((from_earth * sun).sum(axis=0) / (distance * earth_r))
        shown = magnitude(self.elements.h, self.elements.g, r, distance, phase)
        shown[(elongation < LEAST_ELONGATION_DEG) | ~np.isfinite(shown)] = np.inf
        best = int(np.argmin(shown))
        if not np.isfinite(shown[best]):
            return None
        return Look(float(moments[best]), float(shown[best]), float(phase[best]), float(elongation[best]))


def magnitude(h: float, g: float, r_au: Vector, distance_au: Vector, phase_deg: Vector) -> Vector:
    """The apparent visual magnitude by the H, G system of the IAU (Bowell et al. 1989, in Asteroids II, p. 524).

    `r_au` is the distance from the Sun, `distance_au` from the Earth, `phase_deg` the angle between the two as seen
    from the asteroid. The formula was made for angles to 120°; beyond it is a guess.
    """
    half = np.tan(np.radians(phase_deg) / 2)
    lit = (1 - g) * np.exp(-3.33 * half**0.63) + g * np.exp(-1.87 * half**1.22)
    # What shows its dark side alone has no magnitude, nor has what an odd G makes darker than dark.
    with np.errstate(divide="ignore", invalid="ignore"):
        found: Vector = h + 5 * np.log10(r_au * distance_au) - 2.5 * np.log10(lit)
    return found


def nearest(approaches: Iterable[Approach], jd: float, *, within_days: float) -> Approach | None:
    """The approach that is nearest to a moment, if one is near enough."""
    near = [each for each in approaches if abs(each.jd - jd) <= within_days]
    return min(near, key=lambda each: abs(each.jd - jd), default=None)


def _angle(cosine: Vector) -> Vector:
    found: Vector = np.degrees(np.arccos(np.clip(cosine, -1.0, 1.0)))
    return found
