"""Hand-made NeoWs feeds in the shapes that NeoWs has sent."""

import json
from datetime import date
from typing import Any

from flyby.days import Window

WINDOW = Window(date(2019, 2, 8), date(2019, 2, 15))


def make_object(name: str = "(2019 AB)", day: str = "2019-02-08", **fields: Any) -> dict[str, Any]:
    """One object in today's shape; `fields` replace its own, and one given as `...` is left out."""
    neo = {
        "links": {"self": "http://api.nasa.gov/neo/rest/v1/neo/3840001?api_key=REDACTED"},
        "id": "3840001",
        "neo_reference_id": "3840001",
        "name": name,
        "nasa_jpl_url": "https://ssd.jpl.nasa.gov/tools/sbdb_lookup.html#/?sstr=3840001",
        "absolute_magnitude_h": 25.02,
        "estimated_diameter": {
            "kilometers": {"estimated_diameter_min": 0.0263363131, "estimated_diameter_max": 0.0588897864},
            "meters": {"estimated_diameter_min": 26.3363130952, "estimated_diameter_max": 58.8897863577},
        },
        "is_potentially_hazardous_asteroid": False,
        "close_approach_data": [make_approach(day)],
        "is_sentry_object": False,
    } | fields
    return {field: value for field, value in neo.items() if value is not ...}


def make_approach(day: str = "2019-02-08", **fields: Any) -> dict[str, Any]:
    """One approach, at 06:20 UTC of the day."""
    midnight_ms = (date.fromisoformat(day) - date(1970, 1, 1)).days * 86_400_000
    approach = {
        "close_approach_date": day,
        "close_approach_date_full": f"{date.fromisoformat(day):%Y-%b-%d} 06:20",
        "epoch_date_close_approach": midnight_ms + 22_800_000,
        "relative_velocity": {"kilometers_per_second": "7.8147859061", "kilometers_per_hour": "28133.2292620152"},
        "miss_distance": {
            "astronomical": "0.1133706803",
            "lunar": "44.1011946367",
            "kilometers": "16960012.293330961",
            "miles": "10538462.9640548218",
        },
        "orbiting_body": "Earth",
    } | fields
    return {field: value for field, value in approach.items() if value is not ...}


def make_feed(*objects: dict[str, Any], **fields: Any) -> bytes:
    """A feed that lists each object under the day of its first approach; two plain ones if none are given."""
    objects = objects or (make_object(), make_object("433 Eros (A898 PA)", "2019-02-10", id="2000433"))
    days: dict[str, list[dict[str, Any]]] = {}
    for neo in objects:
        days.setdefault(neo["close_approach_data"][0]["close_approach_date"], []).append(neo)
    whole = {"links": {"self": "http://api.nasa.gov/neo/rest/v1/feed"}, "element_count": len(objects)}
    return json.dumps(whole | {"near_earth_objects": days} | fields).encode()
