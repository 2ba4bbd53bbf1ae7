"""A feed as typed Arrow columns, decoded by msgspec: where floor B and dlt, fed Arrow, start. No code of flyby's."""

from datetime import date

import msgspec
import pyarrow as pa

SCHEMA = pa.schema(
    {
        "id": pa.string(),
        "name": pa.string(),
        "close_approach_date": pa.date32(),
        "close_approach_date_full": pa.string(),
        "close_approach_at": pa.timestamp("ms"),
        "orbiting_body": pa.string(),
        "miss_distance_au": pa.float64(),
        "miss_distance_ld": pa.float64(),
        "miss_distance_km": pa.float64(),
        "relative_velocity_km_s": pa.float64(),
        "absolute_magnitude_h": pa.float64(),
        "diameter_min_m": pa.float64(),
        "diameter_max_m": pa.float64(),
        "is_potentially_hazardous": pa.bool_(),
        "is_sentry_object": pa.bool_(),
    }
)


class Metres(msgspec.Struct, gc=False):
    estimated_diameter_min: float
    estimated_diameter_max: float


class Diameter(msgspec.Struct, gc=False):
    meters: Metres


class Velocity(msgspec.Struct, gc=False):
    kilometers_per_second: float


class Miss(msgspec.Struct, gc=False):
    astronomical: float
    lunar: float
    kilometers: float


class Approach(msgspec.Struct, gc=False):
    close_approach_date: date
    epoch_date_close_approach: int
    relative_velocity: Velocity
    miss_distance: Miss
    orbiting_body: str
    close_approach_date_full: str | None = None


class Neo(msgspec.Struct, gc=False):
    neo_reference_id: str
    name: str
    is_potentially_hazardous_asteroid: bool
    close_approach_data: list[Approach]
    absolute_magnitude_h: float | None = None
    estimated_diameter: Diameter | None = None
    is_sentry_object: bool | None = None


class Feed(msgspec.Struct, gc=False):
    near_earth_objects: dict[str, list[Neo]]


# strict=False: NeoWs writes speeds and distances as strings.
DECODER = msgspec.json.Decoder(Feed, strict=False)


def table(body: bytes) -> pa.Table:
    """One answer's rows, one per object and day."""
    rows = [
        (
            neo.neo_reference_id,
            neo.name,
            approach.close_approach_date,
            approach.close_approach_date_full,
            approach.epoch_date_close_approach,
            approach.orbiting_body,
            approach.miss_distance.astronomical,
            approach.miss_distance.lunar,
            approach.miss_distance.kilometers,
            approach.relative_velocity.kilometers_per_second,
            neo.absolute_magnitude_h,
            neo.estimated_diameter.meters.estimated_diameter_min if neo.estimated_diameter else None,
            neo.estimated_diameter.meters.estimated_diameter_max if neo.estimated_diameter else None,
            neo.is_potentially_hazardous_asteroid,
            neo.is_sentry_object,
        )
        for neos in DECODER.decode(body).near_earth_objects.values()
        for neo in neos
        for approach in neo.close_approach_data
    ]
    if not rows:
        return SCHEMA.empty_table()
    columns = zip(zip(*rows, strict=True), SCHEMA.types, strict=True)
    return pa.table([pa.array(column, kind) for column, kind in columns], SCHEMA)
