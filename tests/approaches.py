"""Hand-made answers of JPL's close-approach data, and a server of them."""

import json
import socket
from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from faults import Act, Request, response
from flyby.days import Window

SIGNATURE = {"source": "NASA/JPL SBDB Close Approach Data API", "version": "1.5"}

#: The Julian date of this moment is 2451545.
J2000 = datetime(2000, 1, 1, 12)  # noqa: DTZ001
WINDOW = Window(date(2020, 1, 1), date(2020, 3, 1))


def julian_date(cd: str) -> str | None:
    """`cd` as JPL's `jd`; None where it is no moment."""
    try:
        moment = datetime.strptime(cd, "%Y-%b-%d %H:%M")  # noqa: DTZ007
    except (TypeError, ValueError):
        return None
    return f"{(moment - J2000) / timedelta(days=1) + 2451545:.9f}"


def make_row(des: str = "2020 AY1", cd: str = "2020-Jan-01 00:54", **fields: Any) -> dict[str, Any]:
    """One row in today's shape; `fields` replace its own, and one given as `...` is left out."""
    row = {
        "des": des,
        "orbit_id": "18",
        "jd": julian_date(cd),
        "cd": cd,
        "dist": "0.0211660525256395",
        "dist_min": "0.0211628345552616",
        "dist_max": "0.0211692704882042",
        "v_rel": "5.62203195551878",
        "v_inf": "5.59959589405614",
        "t_sigma_f": "< 00:01",
        "h": "25.1",
        "diameter": None,
        "diameter_sigma": None,
        "fullname": f"       ({des})",
    } | fields
    return {field: value for field, value in row.items() if value is not ...}


def make_cad(*rows: dict[str, Any], **fields: Any) -> bytes:
    """An answer that lists `rows`, which must have the same fields; two plain ones if none are given."""
    rows = rows or (
        make_row(),
        make_row("433", "2020-Feb-03 18:00", fullname="   433 Eros (A898 PA)", diameter="16.84"),
    )
    whole = {"signature": SIGNATURE, "count": len(rows), "fields": list(rows[0]), "data": [[*r.values()] for r in rows]}
    return json.dumps({field: value for field, value in (whole | fields).items() if value is not ...}).encode()


def serving(body: bytes) -> Act:
    """Answer with those rows of `body` that lie in the window asked for."""
    whole = json.loads(body)
    at = whole["fields"].index("cd")
    rows = [(datetime.strptime(row[at], "%Y-%b-%d %H:%M").isoformat(), row) for row in whole["data"]]  # noqa: DTZ007

    def act(connection: socket.socket, request: Request) -> bool:
        asked = dict(parse_qsl(urlsplit(request.target).query))
        data = [row for moment, row in rows if asked["date-min"] <= moment <= asked["date-max"]]
        connection.sendall(response(json.dumps(whole | {"count": len(data), "data": data}).encode()))
        return True

    return act
