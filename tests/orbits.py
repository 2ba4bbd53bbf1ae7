"""Hand-made orbits in JPL's words and in NeoWs', and what NASA would say of the flyby that they make."""

import json
from datetime import datetime, timedelta
from typing import Any

from flyby.jobs.orbit import moment
from flyby.orbits.elements import Elements, from_sbdb

#: An asteroid that does not exist: it passes at 0.0375 au on 2019-02-11, 09:12 TDB, three weeks after its epoch.
NAME = "(2019 ZZ)"
ELEMENTS = {"e": ".3", "a": "1.2", "q": ".84", "i": "7.5", "om": "337", "w": "230", "ma": "304", "n": ".75"}
EPOCH = 2_458_500.5


def make_sbdb(name: str = NAME, *, without: str = "", pars: dict[str, Any] | None = None, **fields: Any) -> bytes:
    """SBDB's answer about one body; `fields` replace elements, `without` is left out wherever it stands, `pars` are
    A1, A2, A3."""
    elements = [
        {"name": key, "value": value, "sigma": "1e-8", "label": key, "units": None}
        for key, value in (ELEMENTS | fields).items()
        if key != without
    ]
    orbit = {
        "source": "JPL",
        "equinox": "J2000",
        "epoch": str(EPOCH),
        "orbit_id": "7",
        "condition_code": "0",
        "data_arc": "3946",
        "elements": elements,
        "model_pars": [{"name": key, "value": value, "kind": "EST"} for key, value in (pars or {}).items()],
    }
    whole = {
        "signature": {"source": "NASA/JPL Small-Body Database (SBDB) API", "version": "1.3"},
        "object": {"fullname": name, "des": name.strip("()"), "kind": "au", "neo": True},
        "orbit": {key: value for key, value in orbit.items() if key != without},
        "phys_par": [{"name": "H", "value": "19.5"}, {"name": "G", "value": ".15"}],
    }
    return json.dumps({key: value for key, value in whole.items() if key != without}).encode()


def make_neows(name: str = NAME, *, without: str = "", **fields: Any) -> dict[str, Any]:
    """The same as an object of NeoWs' answer with `detailed=true`."""
    orbit = {
        "orbit_id": "7",
        "orbit_uncertainty": "0",
        "data_arc_in_days": 3946,
        "epoch_osculation": str(EPOCH),
        "eccentricity": ELEMENTS["e"],
        "semi_major_axis": ELEMENTS["a"],
        "inclination": ELEMENTS["i"],
        "ascending_node_longitude": ELEMENTS["om"],
        "perihelion_argument": ELEMENTS["w"],
        "mean_anomaly": ELEMENTS["ma"],
        "equinox": "J2000",
    } | fields
    neo = {"name": name, "absolute_magnitude_h": 19.5, "orbital_data": orbit}
    del_from = orbit if without in orbit else neo
    del_from.pop(without, None)
    return neo


def elements(**fields: Any) -> Elements:
    """The orbit of the asteroid that does not exist."""
    return from_sbdb(make_sbdb(**fields), NAME)


def minute(jd: float) -> datetime:
    """The moment of a Julian day as NASA prints it, rounded to the minute."""
    at = moment(jd) + timedelta(seconds=30)
    return at.replace(second=0, microsecond=0)
