"""Reading a NeoWs feed: the body of an answer in, validated rows out. Pure: bytes and dates only.

Accepts every shape that NeoWs is known to have sent since September 2015, and fields it has yet to invent; rejects
whatever is not a feed for the window asked for. `decode` raises FeedError and nothing else, whatever the bytes.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import chain
from typing import Annotated, Any, ClassVar

import msgspec
import pyarrow as pa

from flyby.days import FIRST_DAY, LAST_DAY, Window
from flyby.errors import FeedError
from flyby.sources.observations import FIRM_AU, as_table, designation, number, place, quote, unreadable

# Bounds far outside anything that passes the Earth: what they keep out is NaN, infinities and negative distances.
_Positive = Annotated[float, msgspec.Meta(ge=0, le=1e12)]
_Magnitude = Annotated[float, msgspec.Meta(ge=-100, le=100)]
_Text = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
_Count = Annotated[int, msgspec.Meta(ge=0)]


def _epoch_ms(day: datetime) -> int:
    return int(day.timestamp()) * 1000


_EpochMs = Annotated[
    int,
    msgspec.Meta(
        ge=_epoch_ms(datetime(FIRST_DAY.year - 1, 1, 1, tzinfo=UTC)),
        le=_epoch_ms(datetime(LAST_DAY.year + 1, 12, 31, tzinfo=UTC)),
    ),
]


_DAY_MS = 86_400_000


class _Velocity(msgspec.Struct, gc=False):
    kilometers_per_second: _Positive


class _Distance(msgspec.Struct, gc=False):
    astronomical: _Positive
    lunar: _Positive
    kilometers: _Positive


class _Approach(msgspec.Struct, gc=False):
    close_approach_date: str
    relative_velocity: _Velocity
    miss_distance: _Distance
    orbiting_body: _Text
    close_approach_date_full: str | None = None
    epoch_date_close_approach: _EpochMs | None = None


class _Meters(msgspec.Struct, gc=False):
    estimated_diameter_min: _Positive
    estimated_diameter_max: _Positive


class _Diameter(msgspec.Struct, gc=False):
    meters: _Meters


class _Neo(msgspec.Struct, gc=False):
    name: _Text
    is_potentially_hazardous_asteroid: bool
    close_approach_data: list[_Approach]
    id: _Text | None = None  # absent before October 2018
    neo_reference_id: _Text | None = None
    absolute_magnitude_h: _Magnitude | None = None
    estimated_diameter: _Diameter | None = None
    is_sentry_object: bool | None = None  # absent before October 2018


class _Links(msgspec.Struct, gc=False):
    simulated: str | None = None


class _Body(msgspec.Struct, gc=False):
    element_count: _Count
    near_earth_objects: dict[str, list[_Neo]]
    links: _Links | None = None


# Not strict: NeoWs writes some of its numbers as text.
_BODY = msgspec.json.Decoder(_Body, strict=False)

#: Since when new objects have ids of eight digits, and around which days, and among how many rows, they are looked for.
LONG_IDS_SINCE, LONG_IDS_WITHIN_DAYS, LONG_IDS_AMONG = datetime(2021, 7, 1, tzinfo=UTC), 45, 8

#: Longer bodies are rejected without a search for the object at fault, which needs many times their size in memory.
_SEARCHED_BYTES = 4 << 20


@dataclass(frozen=True, slots=True)
class Feed:
    """The rows of one feed: object and approach, pairwise, each approach on the day it is listed under."""

    neos: list[_Neo]
    approaches: list[_Approach]
    #: The built-in sky says of itself, in `links`, that it is not NASA.
    simulated: bool
    #: NeoWs lists asteroids only.
    set_apart: ClassVar[int] = 0


def count(feed: Feed) -> int:
    """How many rows the feed has."""
    return len(feed.approaches)


def decode(body: bytes, window: Window) -> Feed:
    """The feed that `body` holds, if it is one for `window`.

    Raises FeedError, whose one line names the object and the field at fault.
    """
    try:
        whole = _BODY.decode(body)
        if b"\\" in body:  # without an escape there is no NUL
            _replace_nul(whole)
        return _rows(whole, window)
    except FeedError:
        raise
    except RecursionError:
        raise FeedError("not a feed: nested too deep") from None
    except ValueError as error:  # msgspec's own errors and Unicode's
        raise FeedError(f"not a feed: {_fault(body, error)}") from None


def complaint(body: bytes) -> str:
    """What an error body says of itself, like `API_KEY_INVALID: An invalid api_key was supplied`; empty if nothing.

    The gateway and the application behind it have a shape each. One line, at most 160 characters.
    """
    try:
        said = msgspec.json.decode(body[:_SEARCHED_BYTES])
    except (ValueError, RecursionError):
        return ""
    said = said.get("error", said) if isinstance(said, dict) else None
    if not isinstance(said, dict):
        return ""
    parts = [said.get(field) for field in ("code", "http_error", "message", "error_message")]
    return quote(": ".join(part for part in parts if isinstance(part, str) and part), 160)


def doubt(feed: Feed, window: Window, requested_at: datetime) -> str | None:
    """Why the answer looks incomplete, as far as it alone can tell; None if it does not."""
    asked_on = requested_at.date()
    # Since 2021 new objects get ids of eight digits (54…) and are most of what is listed for the weeks around now: by
    # chance none of them among eight happens once in 2,000 times.
    if (
        requested_at >= LONG_IDS_SINCE
        and abs((window.start - asked_on).days) <= LONG_IDS_WITHIN_DAYS
        and count(feed) >= LONG_IDS_AMONG
        and not any(len(neo.id or neo.neo_reference_id or "") >= 8 for neo in feed.neos)
    ):
        return f"no id of eight digits or more among {count(feed)} flybys"
    return None


def table(feeds: Iterable[tuple[str, Feed]]) -> pa.Table:
    """The rows of all `feeds`, each given with its request_id, in the schema OBSERVATIONS."""
    feeds = list(feeds)
    neos = list(chain.from_iterable(feed.neos for _, feed in feeds))
    approaches = list(chain.from_iterable(feed.approaches for _, feed in feeds))
    distances = [a.miss_distance for a in approaches]
    diameters = [n.estimated_diameter for n in neos]
    names = [n.name for n in neos]
    ids = [n.id or n.neo_reference_id or "" for n in neos]
    numbers = [number(name) for name in names]
    # Without the full date the epoch is 07:00 or 08:00 UTC of the day: a date, not a time.
    moments = [
        None
        if a.epoch_date_close_approach is None or not a.close_approach_date_full
        else a.epoch_date_close_approach * 1000
        for a in approaches
    ]
    columns: dict[str, list[Any]] = {
        "request_id": list(chain.from_iterable([request_id] * count(feed) for request_id, feed in feeds)),
        "entity": [designation(name) for name in names],
        "id": ids,
        "aliases": [[] if number is None else [number] for number in numbers],
        "day": [date.fromisoformat(a.close_approach_date) for a in approaches],
        "moment": moments,
        # An id's group is what is left of it without its last six digits: 2, 3, 54, later 55.
        "cohort": [neo_id[:-6] for neo_id in ids],
        "firm": [d.astronomical <= FIRM_AU for d in distances],
        "apart": [False] * len(ids),
        # Of two ids for one designation the better row knows its time of day, then is the numbered object's, then has
        # the higher id: the copy that a renumbering leaves behind lacks these (measured on the recordings).
        "preference": [
            f"{moment is not None:d}{name[:1].isdigit():d}{len(neo_id):03}{neo_id}"
            for moment, name, neo_id in zip(moments, names, ids, strict=True)
        ],
        "neo_id": ids,
        "name": names,
        "orbiting_body": [a.orbiting_body for a in approaches],
        "miss_distance_au": [d.astronomical for d in distances],
        "miss_distance_ld": [d.lunar for d in distances],
        "miss_distance_km": [d.kilometers for d in distances],
        "relative_velocity_km_s": [a.relative_velocity.kilometers_per_second for a in approaches],
        "absolute_magnitude_h": [n.absolute_magnitude_h for n in neos],
        "diameter_min_m": [d and d.meters.estimated_diameter_min for d in diameters],
        "diameter_max_m": [d and d.meters.estimated_diameter_max for d in diameters],
        "is_potentially_hazardous": [n.is_potentially_hazardous_asteroid for n in neos],
        "is_sentry_object": [n.is_sentry_object for n in neos],
    }
    return as_table(columns)


def _rows(whole: _Body, window: Window) -> Feed:
    """The rows of a body whose types are right; FeedError where it contradicts itself or the window."""
    days = {day.isoformat() for day in window.days}
    neos: list[_Neo] = []
    approaches: list[_Approach] = []
    listed = 0
    for day, objects in whole.near_earth_objects.items():
        if day not in days:
            raise FeedError(f"not a feed for {window}: it lists {quote(day)}")
        listed += len(objects)
        midnight_ms = _epoch_ms(datetime.fromisoformat(f"{day}T00:00Z"))
        for neo in objects:
            if not (neo.id or neo.neo_reference_id):
                raise FeedError(f"not a feed: {quote(neo.name)}, {day}: id is missing")
            here = [approach for approach in neo.close_approach_data if approach.close_approach_date == day]
            if not here:
                raise FeedError(f"not a feed: {quote(neo.name)}, {day}: no close_approach_data for that day")
            for approach in here:
                if wrong := _contradiction(approach, midnight_ms):
                    raise FeedError(f"not a feed: {quote(neo.name)}, {day}: {wrong}")
            neos += [neo] * len(here)
            approaches += here
    if listed != whole.element_count:
        raise FeedError(f"not a feed: element_count is {whole.element_count}, but {listed} objects are listed")
    return Feed(neos, approaches, simulated=bool(whole.links and whole.links.simulated))


def _contradiction(approach: _Approach, midnight_ms: int) -> str | None:
    """How an approach is no flyby of the Earth on the day whose midnight is given; None if it is one."""
    if approach.orbiting_body != "Earth":
        return f"orbiting_body is {quote(repr(approach.orbiting_body))}, not Earth"
    epoch_ms = approach.epoch_date_close_approach
    # Seconds, say, are a moment too: one in January 1970.
    if epoch_ms is not None and not -_DAY_MS <= epoch_ms - midnight_ms < 2 * _DAY_MS:
        return f"epoch_date_close_approach is {epoch_ms}, in milliseconds another day"
    return None


def _replace_nul(whole: _Body) -> None:
    """Replace NUL, which no text column can hold, by U+FFFD; all other text stays as it came."""
    for neo in chain.from_iterable(whole.near_earth_objects.values()):
        neo.name = neo.name.replace("\0", "\ufffd")
        neo.id = neo.id and neo.id.replace("\0", "\ufffd")
        neo.neo_reference_id = neo.neo_reference_id and neo.neo_reference_id.replace("\0", "\ufffd")


def _fault(body: bytes, error: ValueError) -> str:
    """What is wrong with a body that did not decode, in words; `error` is the decoder's own account of it."""
    if what := unreadable(body, error):
        return what
    if said := complaint(body):
        return said
    if len(body) <= _SEARCHED_BYTES:
        try:
            return next(_faults(json.loads(body)), None) or place(error)
        except (ValueError, RecursionError):
            pass
    return place(error)


def _faults(whole: Any) -> Iterator[str]:
    """Every fault in the types of a parsed body, each with the name of the object it is in."""
    if not isinstance(whole, dict):
        yield "the answer is not a JSON object"
        return
    for field in ("element_count", "near_earth_objects"):
        if field not in whole:
            yield f"{field} is missing"
    days = whole.get("near_earth_objects")
    if not isinstance(days, dict):
        return
    for day, objects in days.items():
        for n, neo in enumerate(objects if isinstance(objects, list) else ()):
            try:
                msgspec.convert(neo, _Neo, strict=False)
            except msgspec.ValidationError as error:
                names = [neo.get(key) for key in ("name", "id", "neo_reference_id")] if isinstance(neo, dict) else []
                name = next((name for name in names if isinstance(name, str) and name.strip()), f"object {n + 1}")
                yield f"{quote(name)}, {quote(day)}: {place(error)}"
