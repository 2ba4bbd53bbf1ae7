"""Reading orbits: JPL's or NeoWs' answer about one asteroid in, its elements out. Pure, and without the extra.

Elements are those of JPL: an ellipse about the Sun in the ecliptic of J2000, and the moment at which it touches the way
(the epoch), a Julian day of TDB. Whatever lacks one is rejected by an OrbitError, whose line says whose and which.
"""

import math
from typing import Any

import msgspec

from flyby.errors import FeedError, SourceError
from flyby.sources.observations import number, place, quote, unreadable

#: The G of the magnitudes where none was measured (Bowell et al. 1989).
USUAL_G = 0.15
#: The radius of the Sun. A way through it would be followed for ever.
SUN_AU = 0.00465
#: A hundred times a lively comet's.
MOST_PUSH_AU_D2 = 1e-5


class OrbitError(SourceError):
    """No orbit of an asteroid, or none that is whole; the message says whose, and which field. Final."""


class Elements(msgspec.Struct, frozen=True, kw_only=True):
    """One orbit. Angles in degrees, lengths in au, times in days; H and G as in `sky.magnitude`."""

    name: str
    #: JPL's number for this orbit.
    orbit_id: str | None
    epoch_jd: float
    e: float
    a_au: float
    i_deg: float
    #: The longitude of the ascending node.
    node_deg: float
    #: The argument of the perihelion.
    perihelion_deg: float
    mean_anomaly_deg: float
    #: The absolute magnitude, None where it is not known, as of comets.
    h: float | None = None
    g: float = USUAL_G
    #: Days between the first and the last observation: a short arc is a young orbit.
    arc_days: float | None = None
    #: JPL's word for how uncertain it is: 0 is well known, 9 hardly.
    uncertainty: str | None = None
    #: What is no gravity, at 1 au from the Sun, in au/d²: away from it, along the way, square to both.
    a1_au_d2: float = 0.0
    a2_au_d2: float = 0.0
    a3_au_d2: float = 0.0

    @property
    def number(self) -> int | None:
        """The number with which the name of a numbered asteroid begins."""
        alias = number(self.name)
        return int(alias.removeprefix("#")) if alias else None


class _Object(msgspec.Struct):
    fullname: str


class _Value(msgspec.Struct):
    name: str
    value: Any = None


class _Orbit(msgspec.Struct):
    elements: list[_Value]
    epoch: Any = None
    equinox: str | None = None
    orbit_id: str | None = None
    data_arc: Any = None
    condition_code: str | None = None
    model_pars: list[_Value] = []


class _Sbdb(msgspec.Struct):
    object: _Object
    orbit: _Orbit
    phys_par: list[_Value] = []


class _Choice(msgspec.Struct):
    pdes: str


class _Said(msgspec.Struct):
    """What SBDB answers where it does not tell of one body."""

    message: str | None = None
    choices: list[_Choice] = msgspec.field(default_factory=list, name="list")


_SBDB, _SAID = msgspec.json.Decoder(_Sbdb, strict=False), msgspec.json.Decoder(_Said, strict=False)

#: JPL's names of the elements, and NeoWs'.
_BY_SBDB = {
    "e": "e",
    "a_au": "a",
    "i_deg": "i",
    "node_deg": "om",
    "perihelion_deg": "w",
    "mean_anomaly_deg": "ma",
}
_BY_NEOWS = {
    "e": "eccentricity",
    "a_au": "semi_major_axis",
    "i_deg": "inclination",
    "node_deg": "ascending_node_longitude",
    "perihelion_deg": "perihelion_argument",
    "mean_anomaly_deg": "mean_anomaly",
}
_PUSHES = {"A1": "a1_au_d2", "A2": "a2_au_d2", "A3": "a3_au_d2"}


def from_sbdb(body: bytes, asked: str) -> Elements:
    """The orbit that SBDB tells of the asteroid called `asked`.

    Raises OrbitError where it tells none, or none that is whole, FeedError for what may have been cut off on the way.
    """
    _check_found(body, asked)
    try:
        whole = _SBDB.decode(body)
    except RecursionError:
        raise OrbitError(f"{asked}: not an orbit: nested too deep") from None
    except ValueError as error:
        if why := unreadable(body, error):
            raise FeedError(f"{asked}: not an orbit: {why}") from None
        raise OrbitError(f"{asked}: {place(error)}") from None
    orbit, name = whole.orbit, quote(" ".join(whole.object.fullname.split()))
    values = {each.name: each.value for each in orbit.elements}
    read = {ours: _number(values.get(theirs), name, theirs) for ours, theirs in _BY_SBDB.items()}
    for each in orbit.model_pars:
        if each.name in _PUSHES:
            read[_PUSHES[each.name]] = _number(each.value, name, each.name)
    physical = {each.name: each.value for each in whole.phys_par if each.value is not None}
    if "G" in physical:
        read["g"] = _number(physical["G"], name, "G")
    return _sound(
        Elements(
            name=name,
            orbit_id=orbit.orbit_id,
            epoch_jd=_number(orbit.epoch, name, "epoch"),
            h=_number(physical["H"], name, "H") if "H" in physical else None,
            arc_days=None if orbit.data_arc is None else _number(orbit.data_arc, name, "data_arc"),
            uncertainty=orbit.condition_code,
            **read,
        ),
        _equinox(orbit.equinox),
        _BY_SBDB,
    )


def from_neows(neo: dict[str, Any]) -> Elements:
    """The orbit that NeoWs tells of an asteroid, as an object of an answer with `detailed=true`. Raises OrbitError."""
    name = quote(str(neo.get("name", "an object without a name")))
    data = neo.get("orbital_data")
    if not isinstance(data, dict):
        raise OrbitError(f"{name}: orbital_data is missing")
    h = neo.get("absolute_magnitude_h")
    arc = data.get("data_arc_in_days")
    return _sound(
        Elements(
            name=name,
            orbit_id=data.get("orbit_id"),
            epoch_jd=_number(data.get("epoch_osculation"), name, "epoch_osculation"),
            h=None if h is None else _number(h, name, "absolute_magnitude_h"),
            arc_days=None if arc is None else _number(arc, name, "data_arc_in_days"),
            uncertainty=data.get("orbit_uncertainty"),
            **{ours: _number(data.get(theirs), name, theirs) for ours, theirs in _BY_NEOWS.items()},
        ),
        _equinox(data.get("equinox")),
        _BY_NEOWS,
    )


def _check_found(body: bytes, asked: str) -> None:
    try:
        said = _SAID.decode(body)
    except (ValueError, RecursionError):
        return  # the other decoder says better why
    if said.choices:
        names = ", ".join(quote(choice.pdes, 20) for choice in said.choices[:3])
        raise OrbitError(f"{asked}: JPL knows several bodies so called ({names} …): name one by its designation")
    if said.message is not None and "not found" in said.message:
        raise OrbitError(f"{asked}: JPL knows no asteroid of that name")


def _number(value: Any, name: str, field: str) -> float:
    """The number that a source writes, as text or as a number."""
    if value is None:
        raise OrbitError(f"{name}: {field} is missing")
    try:
        read = float(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else math.nan
    except (ValueError, OverflowError):
        read = math.nan
    if not math.isfinite(read):
        raise OrbitError(f"{name}: {field}: {quote(str(value), 20)!r} is no number")
    return read


def _equinox(text: Any) -> str:
    return "J2000" if text is None else str(text)


def _sound(elements: Elements, equinox: str, named: dict[str, str]) -> Elements:
    """The elements, if they are those of an ellipse in the axes that flyby knows."""
    if equinox != "J2000":
        raise OrbitError(f"{elements.name}: equinox: {quote(equinox, 20)!r} is not J2000")
    if not 0 <= elements.e < 1:
        raise OrbitError(f"{elements.name}: {named['e']}: {elements.e:g} is no ellipse's")
    if elements.a_au <= 0:
        raise OrbitError(f"{elements.name}: {named['a_au']}: {elements.a_au:g} au is no ellipse's")
    if (least := elements.a_au * (1 - elements.e)) < SUN_AU:
        raise OrbitError(
            f"{elements.name}: {named['a_au']} and {named['e']}: {least:g} au from the Sun is inside of it"
        )
    if max(map(abs, (elements.a1_au_d2, elements.a2_au_d2, elements.a3_au_d2))) > MOST_PUSH_AU_D2:
        raise OrbitError(f"{elements.name}: A1, A2, A3: more than {MOST_PUSH_AU_D2:g} au/d² is beyond any body")
    return elements
