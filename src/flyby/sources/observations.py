"""What every source's answers become, rows of one schema, and the words for what is wrong with an answer. Pure."""

import msgspec
import pyarrow as pa

#: Lengths and speeds have their unit in the name; NULL is what the source does not say.
OBSERVATIONS = pa.schema(
    [
        pa.field("request_id", pa.string(), nullable=False),
        pa.field("designation", pa.string(), nullable=False),
        pa.field("neo_id", pa.string()),
        pa.field("name", pa.string(), nullable=False),
        pa.field("close_approach_date", pa.date32(), nullable=False),
        pa.field("close_approach_at", pa.timestamp("us", tz="UTC")),
        pa.field("orbiting_body", pa.string(), nullable=False),
        pa.field("miss_distance_au", pa.float64(), nullable=False),
        pa.field("miss_distance_ld", pa.float64(), nullable=False),
        pa.field("miss_distance_km", pa.float64(), nullable=False),
        pa.field("relative_velocity_km_s", pa.float64(), nullable=False),
        pa.field("absolute_magnitude_h", pa.float64()),
        pa.field("diameter_min_m", pa.float64()),
        pa.field("diameter_max_m", pa.float64()),
        pa.field("is_potentially_hazardous", pa.bool_()),
        pa.field("is_sentry_object", pa.bool_()),
    ]
)


def designation(name: str) -> str:
    """What stays of a name when ids change: the text in its last parentheses, else the name itself."""
    end = name.rfind(")")
    start = name.rfind("(", 0, end) if end > 0 else -1
    return (name[start + 1 : end].strip() if start >= 0 else "") or name


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
