"""The asteroids: what NeoWs lists, and what JPL's close-approach data, from which it is made, lists beside it."""

from datetime import date
from importlib.resources import files

from flyby.days import WINDOW_DAYS
from flyby.sources.cad import feed as cad
from flyby.sources.dataset import Dataset, Source
from flyby.sources.neows import feed as neows
from flyby.sources.observations import VALUES, is_simulated

NEOWS = Source(
    name="neows",
    title="NASA NeoWs",
    role="primary",
    priority=1,
    decoder=neows,
    things="flybys",
    window_days=WINDOW_DAYS,
    edge_minutes=60,
    # Seven rows or more on each of 73 recorded healthy days; 1, 3 and 4 on the broken ones.
    few_a_day=5,
    few_since=date(2025, 1, 1),
)
#: It filters by the instant, and its answers are asked for a day wider than they are judged.
CAD = Source(
    name="cad",
    title="JPL CAD",
    role="witness",
    priority=2,
    decoder=cad,
    things="flybys",
    window_days=366,
    margin_days=1,
    edge_minutes=60,
)

ASTEROIDS = Dataset(
    name="asteroids",
    sources=(NEOWS, CAD),
    values=VALUES,
    shown=(
        *("entity", "neo_id", "name", "day", "moment", "orbiting_body", "miss_distance_au", "miss_distance_ld"),
        *("miss_distance_km", "relative_velocity_km_s", "absolute_magnitude_h", "diameter_min_m", "diameter_max_m"),
        *("is_potentially_hazardous", "is_sentry_object"),
    ),
    believed="close_approaches",
    words={
        "thing_id": "flyby_id",
        "entity": "designation",
        "ids": "neo_ids",
        "day": "close_approach_date",
        "moment": "close_approach_at",
        "things": "flybys",
        "witness_only": "cad_only",
        "primary_only": "neows_only",
        "set_apart": "comets",
    },
    word_comments={
        "designation": "what stays when ids change: the last parentheses of the name, else the name",
        "neo_ids": "every id that it was ever listed under",
        "close_approach_date": "the data day: UTC date of the closest approach",
        "close_approach_at": "the moment of the closest approach; NULL where only the day is known",
        "flybys": "how many flybys are listed for the day now",
        "comets": "comets in the answer: kept in comet_approaches",
        "id": "NeoWs' id: neo_id",
        "is_potentially_hazardous_asteroid": "what is_potentially_hazardous says, by the lesson's name",
    },
    as_of=files("flyby.sources").joinpath("asteroids_as_of.sql").read_text(encoding="utf-8"),
    views=files("flyby.sources").joinpath("asteroids.sql").read_text(encoding="utf-8"),
    view_comments={
        "raw_asteroid_data": "The table of the lesson that flyby grew out of",
        "comet_approaches": "The comets that JPL lists, as it says now; kept apart from the asteroids",
    },
    is_simulated=is_simulated,
)
