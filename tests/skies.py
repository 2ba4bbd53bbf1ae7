"""A small sky of which every number on the page is known."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from answers import Home, Row, body, moment, row, window
from approaches import make_cad, make_row
from flyby.output.report import write_report
from flyby.record.load import publish_record

NOW = datetime(2019, 2, 16, 6, 5, tzinfo=UTC)
HOSTILE = '<img src=x onerror="window.hit = 1"></script><script>window.hit = 1</script>'
FORMULA = '=HYPERLINK("x","y")'

AA = row("2019 AA", "3840001", "2019-02-10", au=0.4)
BB = row("2019 BB", "3840002", "2019-02-15", au=0.3)
CC = row("2019 CC", "3840003", "2019-02-17", au=0.001)
DD = row("2019 DD", "3840004", "2019-02-18", au=0.03)
EE = row("2019 EE", "3840005", "2019-02-19", au=0.1)
EE_LATER = row("2019 EE", "3840005", "2019-02-19", au=0.11, at="07:45")
FF = row("2019 FF", "3840006", "2019-02-15", au=0.2)
GG = row("2019 GG", "3840007", "2019-02-20", au=0.15, at=None, h=None)
HH = row("2019 HH", "3840008", "2019-02-23", au=0.25)

#: What the page is to list, by designation: two last night, four coming, one earlier.
PAST, COMING = {"2019 AA", "2019 BB", "2019 FF"}, {"2019 CC", "2019 EE", "2019 GG", "2019 HH"}


def feed(rows: Iterable[Row], *, simulated: bool = False) -> bytes:
    """The rows as a feed in which 2019 CC is potentially hazardous, 2019 GG has a name that is markup, and 2019 HH one
    that a spreadsheet takes for a formula."""
    told: dict[str, Any] = json.loads(body(rows))
    for neo in (neo for day in told["near_earth_objects"].values() for neo in day):
        neo["is_potentially_hazardous_asteroid"] = "2019 CC" in neo["name"]
        neo["name"] = {"(2019 GG)": f"{HOSTILE} (2019 GG)", "(2019 HH)": f"{FORMULA} (2019 HH)"}.get(
            neo["name"], neo["name"]
        )
    if simulated:
        told["links"]["simulated"] = "these asteroids do not exist"
    return json.dumps(told).encode()


def two_mornings(folder: Path, *, simulated: bool = False) -> Home:
    """A home after the mornings of 15 and 16 February 2019. Since the first: 2019 FF and 2019 GG are new, 2019 EE is
    revised, 2019 DD is listed no more, and 23 February was read for the first time, with 2019 HH."""
    home = Home(folder)
    for at, readings in {
        "2019-02-15": [("2019-02-07", "2019-02-14", [AA]), ("2019-02-15", "2019-02-22", [BB, CC, DD, EE])],
        "2019-02-16": [
            ("2019-02-08", "2019-02-15", [AA, BB, FF]),
            ("2019-02-16", "2019-02-23", [CC, EE_LATER, GG, HH]),
        ],
    }.items():
        for first, last, rows in readings:
            home.land(moment(at), window(first, last), feed(rows, simulated=simulated))
        home.take_in()
    publish_record(home.settings)
    return home


def heard_jpl(home: Home) -> Home:
    """`home` after JPL was heard on both mornings too. Its range around 2019 CC, 0.39 LD, narrows from 0.1–9 LD to less
    than a tenth, that around 2019 EE stays 8–78 LD, and the time of 2019 GG may be off by three days."""
    for at, cc, orbit in (
        ("2019-02-15T12:00", ("0.0002", "0.023"), "1"),
        ("2019-02-16T06:00", ("0.00098", "0.00102"), "2"),
    ):
        rows = [
            make_row("2019 CC", "2019-Feb-17 06:20", dist="0.001", dist_min=cc[0], dist_max=cc[1], orbit_id=orbit),
            make_row("2019 EE", "2019-Feb-19 07:45", dist="0.11", dist_min="0.02", dist_max="0.2"),
            make_row(
                "2019 GG", "2019-Feb-20 10:00", dist="0.15", dist_min="0.149", dist_max="0.151", t_sigma_f="3_00:00"
            ),
        ]
        home.land(moment(at), window("2019-02-01", "2019-03-31"), make_cad(*rows), source="cad")
        home.take_in()
    publish_record(home.settings)
    return home


def write_page(home: Home, page: Path | None = None, *, now: datetime = NOW) -> Path:
    """`write_report` of what `home` published."""
    return write_report(home.settings.published, page or home.settings.report, now=now)
