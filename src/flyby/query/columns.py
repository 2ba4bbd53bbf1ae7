"""The columns of `close_approaches`: name, DuckDB type, and what it says, with its unit."""

COLUMNS = (
    ("designation", "VARCHAR", "what stays when ids change: the last parentheses of the name, else the name"),
    ("neo_id", "VARCHAR", "NeoWs' id, which changes when the asteroid is numbered"),
    ("name", "VARCHAR", "the name as NeoWs writes it"),
    ("close_approach_date", "DATE", "the data day: UTC date of the closest approach"),
    ("close_approach_at", "TIMESTAMPTZ", "the moment of the closest approach; NULL where only the day is known"),
    ("orbiting_body", "VARCHAR", "always Earth so far"),
    ("miss_distance_au", "DOUBLE", "closest distance, in astronomical units"),
    ("miss_distance_ld", "DOUBLE", "closest distance, in lunar distances (389 to the au)"),
    ("miss_distance_km", "DOUBLE", "closest distance, in kilometres"),
    ("relative_velocity_km_s", "DOUBLE", "speed relative to the Earth, in kilometres a second"),
    ("absolute_magnitude_h", "DOUBLE", "absolute magnitude H, in magnitudes; NULL where not known"),
    ("diameter_min_m", "DOUBLE", "estimated diameter at the least, were it bright; in metres; NULL where not known"),
    ("diameter_max_m", "DOUBLE", "estimated diameter at the most, were it dark; in metres; NULL where not known"),
    ("is_potentially_hazardous", "BOOLEAN", "NASA's flag for size and orbit; says nothing of this flyby"),
    ("is_sentry_object", "BOOLEAN", "is on JPL's list of possible impactors; NULL where not said"),
    ("listed", "BOOLEAN", "is in the source's latest answer for its day"),
    ("sources", "VARCHAR[]", "who lists it"),
    ("first_seen_at", "TIMESTAMPTZ", "when flyby first saw it"),
    ("last_seen_at", "TIMESTAMPTZ", "the last answer that listed it"),
    ("revision", "INTEGER", "1, 2, …: how often what is said of it changed"),
)
