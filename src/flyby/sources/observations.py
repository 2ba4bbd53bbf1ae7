"""What every source's answers become, rows of one schema, and the words for what is wrong with an answer. Pure."""

import re

import msgspec

from flyby.sources.dataset import Column

#: Lengths and speeds have their unit in the name; NULL is what the source does not say.
VALUES = (
    Column("neo_id", "VARCHAR", "NeoWs' id, which changes when the asteroid is numbered"),
    Column("name", "VARCHAR", "the name as the source writes it"),
    Column("orbiting_body", "VARCHAR", "always Earth so far"),
    Column("miss_distance_au", "DOUBLE", "closest distance from the Earth's centre, in astronomical units"),
    Column(
        "miss_distance_ld", "DOUBLE", "closest distance from the Earth's centre, in lunar distances (389 to the au)"
    ),
    Column("miss_distance_km", "DOUBLE", "closest distance from the Earth's centre, in kilometres"),
    Column("relative_velocity_km_s", "DOUBLE", "speed relative to the Earth when closest, in kilometres a second"),
    Column("absolute_magnitude_h", "DOUBLE", "absolute magnitude H, in magnitudes; NULL where not known"),
    Column("diameter_min_m", "DOUBLE", "estimated diameter at the least, were it bright; in metres; NULL if not known"),
    Column("diameter_max_m", "DOUBLE", "estimated diameter at the most, were it dark; in metres; NULL where not known"),
    Column("is_potentially_hazardous", "BOOLEAN", "NASA's flag for size and orbit; says nothing of this flyby"),
    Column("is_sentry_object", "BOOLEAN", "is on JPL's list of possible impactors; NULL where not said"),
    # What JPL alone says, and says of its own distance and time.
    Column("miss_distance_min_au", "DOUBLE", "JPL's least distance, 3-sigma, in astronomical units", of_witness=True),
    Column("miss_distance_max_au", "DOUBLE", "JPL's greatest distance, 3-sigma, in au", of_witness=True),
    Column("miss_distance_min_ld", "DOUBLE", "JPL's least distance, 3-sigma, in lunar distances", of_witness=True),
    Column("miss_distance_max_ld", "DOUBLE", "JPL's greatest distance, 3-sigma, in lunar distances", of_witness=True),
    Column("miss_distance_min_km", "DOUBLE", "JPL's least distance, 3-sigma, in kilometres", of_witness=True),
    Column("miss_distance_max_km", "DOUBLE", "JPL's greatest distance, 3-sigma, in kilometres", of_witness=True),
    Column("close_approach_sigma_min", "DOUBLE", "JPL's 3-sigma uncertainty of the time, in minutes", of_witness=True),
    Column("velocity_infinity_km_s", "DOUBLE", "JPL's speed far from the Earth, in km a second", of_witness=True),
    Column("orbit_id", "VARCHAR", "JPL's number for the orbit that this was computed from", of_witness=True),
    Column("diameter_sigma_m", "DOUBLE", "JPL's 1-sigma uncertainty of a measured diameter, in m", of_witness=True),
)

#: Of what lies nearer than this nothing was lost in any healthy answer since 2025. Beyond it NeoWs cleans up: in 2024
#: and 2025 about half of all.
FIRM_AU = 0.2


def designation(name: str) -> str:
    """What stays of a name when ids change: the text in its last parentheses, else the name itself."""
    end = name.rfind(")")
    start = name.rfind("(", 0, end) if end > 0 else -1
    return (name[start + 1 : end].strip() if start >= 0 else "") or name


#: 2020 AY1, 2040 P-L: a provisional designation begins with a year, or with a survey's count, not with a number.
_PROVISIONAL = re.compile(r"[0-9]{4} ([A-Z]{1,2}[0-9]*|[PT]-[L123])")


def number(name: str) -> str | None:
    """The number with which the name of a numbered object begins, as an alias: `#433`; None if there is none."""
    digits = name[: len(name) - len(name.lstrip("0123456789"))]
    if not digits or name[len(digits) : len(digits) + 1] not in ("", " ") or _PROVISIONAL.fullmatch(name):
        return None
    return f"#{digits}"


#: Of what JPL alone says NeoWs says nothing.
NOTHING_OF_WITNESS = (None,) * sum(column.of_witness for column in VALUES)


#: What is a list of flybys, in NeoWs' shape or in JPL's, and how the built-in sky says that it is neither's.
_LISTS = re.compile(rb'"near_earth_objects"\s*:|"signature"\s*:\s*\{[^}]*"NASA/JPL SBDB')
_SIMULATED = re.compile(rb'"simulated"\s*:')


def is_simulated(body: bytes) -> bool | None:
    """Whether an answer is the built-in sky's; None if it is no list of flybys."""
    return _SIMULATED.search(body) is not None if _LISTS.search(body) else None


def quote(text: str, length: int = 60) -> str:
    """Text from an answer, fit for one line of a message: nothing unprintable, at most `length` characters."""
    shown = "".join(c if c.isprintable() else "\ufffd" for c in text[:length])
    return shown + "…" if len(text) > length else shown


def unreadable(body: bytes, error: ValueError) -> str | None:
    """Why a body is not JSON at all; None if it is. `error` is the decoder's own account of it."""
    start = body[:200].lstrip()
    if not start:
        return "the answer is empty"
    if start.startswith(b"<"):
        return "the answer is a page (HTML or XML)"
    if not isinstance(error, msgspec.ValidationError):
        return "the answer is not JSON, or not whole" if isinstance(error, msgspec.DecodeError) else "it is not UTF-8"
    return None


def place(error: Exception) -> str:
    """msgspec's message, turned around: the field first, then what is the matter with it."""
    what, _, path = str(error).partition(" - at `$")
    path = path.rstrip("`").lstrip(".")
    if what.startswith("Object missing required field `"):
        field = what.split("`")[1]
        return f"{path}.{field} is missing" if path else f"{field} is missing"
    what = what.replace("`", "").replace("Expected ", "expected ")
    return f"{path}: {what}" if path else what
