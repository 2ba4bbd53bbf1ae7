"""The way of an asteroid from its elements: into a place and a velocity, then step by step among everything that pulls.

SciPy's DOP853 (Dormand and Prince's method of order 8 with a step that minds its own error; Hairer, Nørsett and Wanner,
Solving Ordinary Differential Equations I) carries the Newtonian pull of all bodies of the ephemeris, the Sun's
post-Newtonian term and, where JPL fitted one, the acceleration that is not gravity. Units: au, days of TDB, ICRF.
"""

from collections.abc import Callable
from math import cos, pi, radians, sin, sqrt
from typing import NamedTuple

import numpy as np
from scipy.integrate import solve_ivp

from flyby.orbits.elements import Elements, OrbitError
from flyby.orbits.ephemeris import GM_SUN, LIGHT_AU_D, Ephemeris, Vector

#: The obliquity of the ecliptic of J2000 that JPL's elements refer to: 84,381.448″ (IAU 1976).
OBLIQUITY = radians(84_381.448 / 3600)
#: Of a step, relative and in au: 15 m at 1 au. Tighter changes nothing that can be measured.
PRECISION, LEAST_AU = 1e-13, 1e-15


class Leg(NamedTuple):
    """The way from `first_jd` to `last_jd`: `at` gives place and velocity (six rows) at moments in between."""

    first_jd: float
    last_jd: float
    solution: Callable[[Vector], Vector]

    def at(self, jd: Vector) -> Vector:
        """x, y, z in au and their velocities in au a day, from the barycentre: row, moment."""
        return self.solution(jd)


def eccentric_anomaly(mean_anomaly: float, e: float) -> float:
    """The E, in radians, with E − e sin E = M (Kepler), by Newton's steps; for 0 ≤ e < 1."""
    mean_anomaly = (mean_anomaly + pi) % (2 * pi) - pi
    anomaly = mean_anomaly + e * sin(mean_anomaly) if e < 0.8 else pi * (1 if mean_anomaly >= 0 else -1)
    for _ in range(100):
        step = (anomaly - e * sin(anomaly) - mean_anomaly) / (1 - e * cos(anomaly))
        anomaly -= step
        if abs(step) < 1e-15:
            break
    return anomaly


def state(elements: Elements) -> Vector:
    """Place and velocity at the epoch from the Sun, in the axes of the ICRF: the two-body orbit that the elements
    describe (e.g. Danby, Fundamentals of Celestial Mechanics, 6.15)."""
    e, a = elements.e, elements.a_au
    anomaly = eccentric_anomaly(radians(elements.mean_anomaly_deg), e)
    flat, rate = sqrt(1 - e * e), sqrt(GM_SUN / a**3) / (1 - e * cos(anomaly))
    x, y = a * (cos(anomaly) - e), a * flat * sin(anomaly)
    vx, vy = -a * rate * sin(anomaly), a * flat * rate * cos(anomaly)
    turn = _about_x(OBLIQUITY) @ _about_z(radians(elements.node_deg))
    turn = turn @ _about_x(radians(elements.i_deg)) @ _about_z(radians(elements.perihelion_deg))
    return np.concatenate([turn @ [x, y, 0.0], turn @ [vx, vy, 0.0]])


def journey(elements: Elements, to_jd: float, ephemeris: Ephemeris, *, precision: float = PRECISION) -> Leg:
    """The way from the epoch to `to_jd`, which may lie before it.

    Raises OrbitError beyond what the ephemeris has, and where the asteroid meets something head on.
    """
    for jd in (elements.epoch_jd, to_jd):
        if not ephemeris.reaches(jd):
            raise OrbitError(f"{elements.name}: JD {jd:.1f} is beyond DE440, which has the years 1550 to 2650")
    sun = np.concatenate([part[:, 0] for part in ephemeris.track("Sun", np.array([elements.epoch_jd]))])
    # A Julian day has seven digits before its point: the days since the epoch are the more exact clock.
    span = to_jd - elements.epoch_jd
    pull = _pull(elements, ephemeris)
    solved = solve_ivp(
        pull, (0.0, span), state(elements) + sun, method="DOP853", rtol=precision, atol=LEAST_AU, dense_output=True
    )
    if not solved.success:
        raise OrbitError(f"{elements.name}: its way cannot be followed ({solved.message})")
    return Leg(elements.epoch_jd, to_jd, lambda jd: solved.sol(jd - elements.epoch_jd))


def _pull(elements: Elements, ephemeris: Ephemeris) -> Callable[[float, Vector], Vector]:
    """The velocity and the acceleration at so many days after the epoch, from place and velocity."""
    gm, sun_at, epoch_jd = ephemeris.gm, ephemeris.names.index("Sun"), elements.epoch_jd
    a1, a2, a3 = elements.a1_au_d2, elements.a2_au_d2, elements.a3_au_d2
    is_pushed = any((a1, a2, a3))
    light2 = LIGHT_AU_D**2

    def pull(since: float, y: Vector) -> Vector:
        place, velocity = y[:3], y[3:]
        places = ephemeris.places(epoch_jd + since)
        to = places - place
        near = np.sqrt((to * to).sum(axis=1))
        pulled = (gm / near**3) @ to
        # The Sun's field to the first order beyond Newton's (e.g. Moyer 2003, 4-61). The Sun's own velocity, 15 m/s, is
        # left out.
        r, distance = -to[sun_at], near[sun_at]
        mu = GM_SUN / distance
        pulled += mu / (light2 * distance**2) * ((4 * mu - velocity @ velocity) * r + 4 * (r @ velocity) * velocity)
        if is_pushed:
            # JPL's for asteroids: along the ray of the Sun, along the way, and square to both, by (1 au / r)².
            ray = r / distance
            across = np.cross(r, velocity)
            across /= sqrt(across @ across)
            pulled += (a1 * ray + a2 * np.cross(across, ray) + a3 * across) / distance**2
        return np.concatenate([velocity, pulled])

    return pull


def _about_x(angle: float) -> Vector:
    return np.array([[1, 0, 0], [0, cos(angle), -sin(angle)], [0, sin(angle), cos(angle)]])


def _about_z(angle: float) -> Vector:
    return np.array([[cos(angle), -sin(angle), 0], [sin(angle), cos(angle), 0], [0, 0, 1]])
