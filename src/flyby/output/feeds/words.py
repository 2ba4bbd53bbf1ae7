"""What feeds say of a flyby: names without surprises, links, how sure NASA is, and ids that stay."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote
from uuid import NAMESPACE_URL, UUID, uuid5

from flyby.query.asteroids import links
from flyby.query.sure import DAY_MIN, is_timed, is_wide
from flyby.words import count

Flyby = Mapping[str, Any]

_OURS = uuid5(NAMESPACE_URL, "urn:flyby")


def identity(*what: str) -> UUID:
    """The id, for ever, of what is named."""
    return uuid5(_OURS, "\n".join(what))


def plain(text: str) -> str:
    """A name that a source tells, on one line and without what steers a display: control characters, right-to-left
    marks, whatever XML has no words for."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in " ".join(text.split()))


def named(flyby: Flyby) -> str:
    """The asteroid's name in a text, without the parentheses in which a designation alone stands."""
    name = plain(flyby["name"])
    return name[1:-1] if re.fullmatch(r"\([^()]+\)", name) else name


def jpl(designation: str) -> str:
    """JPL's page of the asteroid."""
    return links(designation)["jpl"]


def link(flyby: Flyby, site: str | None) -> str:
    """The asteroid's own page, below `site` if there is one, else JPL's."""
    designation = str(flyby["designation"])
    return f"{site}/#{quote(designation.replace(' ', '-'), safe='')}" if site else jpl(designation)


def when(flyby: Flyby) -> str:
    """The moment, as precisely as it is known."""
    sigma = flyby.get("close_approach_sigma_min")
    day = f"{flyby['close_approach_date']:%Y-%m-%d}"
    if not is_timed(flyby):
        return f"{day}, give or take {_span(sigma)}" if sigma else f"{day}, at an hour that is not known"
    told = f"{_utc(flyby['close_approach_at']):%Y-%m-%d %H:%M} UTC"
    return f"{told}, give or take {_span(sigma)}" if sigma and sigma >= 1 else told


def distance(flyby: Flyby) -> str:
    """The distance, with its range where that is worth telling."""
    told = f"{_lunar(flyby['miss_distance_ld'])} ({flyby['miss_distance_km']:,.0f} km)"
    least, most = flyby.get("miss_distance_min_ld"), flyby.get("miss_distance_max_ld")
    if least is None or most is None:
        return told
    if not is_wide(flyby):
        sure = "certainly inside the Moon's distance" if most < 1 else "known to within a tenth"
        return f"{told}, {sure}"
    inside = ", certainly inside the Moon's distance" if most < 1 else ", possibly inside it" if least < 1 else ""
    return f"{told}, between {_lunar(least)} and {_lunar(most)}{inside}"


def short_distance(flyby: Flyby) -> str:
    """The distance in a title."""
    least, most = flyby.get("miss_distance_min_ld"), flyby.get("miss_distance_max_ld")
    if least is not None and most is not None and is_wide(flyby):
        return f"between {least:.2g} and {most:.2g} LD" if most < 100 else f"{least:.3g} LD or more"
    return f"{flyby['miss_distance_ld']:.2f} LD" if flyby["miss_distance_ld"] < 10 else _short(flyby)


def size(flyby: Flyby) -> str:
    """The estimated diameter; empty where none is known."""
    least, most = flyby["diameter_min_m"], flyby["diameter_max_m"]
    if least is None or most is None:
        return ""
    return f"{least:,.0f} to {most:,.0f} m" if most >= 10 else f"{least:.1f} to {most:.1f} m"


def facts(flyby: Flyby) -> list[str]:
    """What is known, a line each."""
    sized = size(flyby)
    return [
        f"Closest approach: {when(flyby)}",
        f"Distance from the Earth's centre: {distance(flyby)}",
        f"Speed: {flyby['relative_velocity_km_s']:.1f} km/s",
        *([f"Estimated size: {sized}"] if sized else []),
        *(["Potentially hazardous by NASA's rule of size and orbit"] if flyby["is_potentially_hazardous"] else []),
    ]


def _short(flyby: Flyby) -> str:
    return f"{flyby['miss_distance_ld']:,.0f} LD"


def _lunar(distance_ld: float) -> str:
    digits = 3 if distance_ld < 0.1 else 2 if distance_ld < 10 else 0
    return f"{distance_ld:,.{digits}f} lunar distances"


def _span(minutes: float) -> str:
    if minutes < 120:
        return count(minutes, "minute")
    return count(minutes / 60, "hour") if minutes < 2 * DAY_MIN else count(minutes / DAY_MIN, "day")


def _utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC)
