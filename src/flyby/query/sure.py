"""How sure JPL is of a flyby, as its range and the uncertainty of its time say. Rows of `close_approaches` in."""

from collections.abc import Mapping
from typing import Any

#: A time that is uncertain by so many minutes is a day, and no minute is told.
DAY_MIN = 1440.0
#: A range whose ends differ by less than this share of the distance need not be told.
NARROW = 0.1


def is_timed(flyby: Mapping[str, Any]) -> bool:
    """Whether the moment is known better than by the day."""
    return flyby["close_approach_at"] is not None and (flyby.get("close_approach_sigma_min") or 0.0) < DAY_MIN


def is_wide(flyby: Mapping[str, Any]) -> bool:
    """Whether the distance is so uncertain that one number would not tell it."""
    least, most = flyby.get("miss_distance_min_ld"), flyby.get("miss_distance_max_ld")
    return least is not None and most is not None and most - least > NARROW * flyby["miss_distance_ld"]
