"""Values in what JSON knows."""

from datetime import UTC, date, datetime
from decimal import Decimal
from math import isfinite
from typing import Any


def plain(value: Any) -> Any:
    """`value` as JSON has it: moments in UTC, no NaN and no infinities, for which JSON has no words."""
    match value:
        case dict():
            return {str(key): plain(part) for key, part in value.items()}
        case list() | tuple() | set():
            return [plain(part) for part in value]
        case datetime():
            return (value.astimezone(UTC) if value.tzinfo else value).isoformat().replace("+00:00", "Z")
        case date():
            return value.isoformat()
        case Decimal():
            return plain(float(value))
        case float():
            return value if isfinite(value) else None
        case None | bool() | int() | str():
            return value
    return str(value)
