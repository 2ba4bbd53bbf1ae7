"""Reading a NeoWs feed: the body of an answer in, validated rows out. Pure: bytes and dates only.

Accepts every shape that NeoWs is known to have sent since September 2015, and fields it has yet to invent; rejects
whatever is not a feed for the window asked for. `decode` raises FeedError and nothing else, whatever the bytes.
"""

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Annotated, Any

import msgspec

from flyby.days import FIRST_DAY, LAST_DAY, Window
from flyby.errors import FeedError
from flyby.sources.dataset import Before, Feed, Observation
from flyby.sources.observations import FIRM_AU, NOTHING_OF_WITNESS, designation, number, place, quote, unreadable

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
    near_earth_objects: dict[str, list[msgspec.Raw]]
    links: _Links | None = None


# Not strict: NeoWs writes some of its numbers as text.
_BODY = msgspec.json.Decoder(_Body, strict=False)
_NEO = msgspec.json.Decoder(_Neo, strict=False)

#: Since when new objects have ids of eight digits, and around which days, and among how many rows, they are looked for.
LONG_IDS_SINCE, LONG_IDS_WITHIN_DAYS, LONG_IDS_AMONG = datetime(2021, 7, 1, tzinfo=UTC), 45, 8

#: Longer bodies are rejected without a search for the object at fault, which needs many times their size in memory.
_SEARCHED_BYTES = 4 << 20


def decode(body: bytes, window: Window, before: Before | None = None) -> Feed:
    """The feed that `body` holds, if it is one for `window`: a row for each approach, on the day it is listed under.

    Raises FeedError, whose one line names the object and the field at fault.
    """
    try:
        whole = _BODY.decode(body)
        rows = _rows(whole, window, {} if before is None else before)
        return Feed(rows, simulated=bool(whole.links and whole.links.simulated))
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
        and len(feed.rows) >= LONG_IDS_AMONG
        and not any(len(row.id or "") >= 8 for row in feed.rows)
    ):
        return f"no id of eight digits or more among {len(feed.rows)} flybys"
    return None


def _rows(whole: _Body, window: Window, before: Before) -> list[Observation]:
    """The rows of a body; FeedError where it contradicts itself or the window."""
    days = {day.isoformat() for day in window.days}
    rows: list[Observation] = []
    listed = 0
    for day, objects in whole.near_earth_objects.items():
        if day not in days:
            raise FeedError(f"not a feed for {window}: it lists {quote(day)}")
        listed += len(objects)
        for raw in objects:
            said = day, bytes(raw)
            if said not in before:
                before[said] = _approaches(*said)
            rows += before[said]
    if listed != whole.element_count:
        raise FeedError(f"not a feed: element_count is {whole.element_count}, but {listed} objects are listed")
    return rows


def _approaches(day_text: str, said: bytes) -> list[Observation]:
    """The rows of one object, for the day under which it is listed."""
    neo = _NEO.decode(said)
    if b"\\" in said:  # without an escape there is no NUL
        _replace_nul(neo)
    neo_id, name, diameter = neo.id or neo.neo_reference_id, neo.name, neo.estimated_diameter
    if not neo_id:
        raise FeedError(f"not a feed: {quote(name)}, {day_text}: id is missing")
    here = [approach for approach in neo.close_approach_data if approach.close_approach_date == day_text]
    if not here:
        raise FeedError(f"not a feed: {quote(name)}, {day_text}: no close_approach_data for that day")
    day, midnight_ms = _day(day_text)
    alias = number(name)
    rows = []
    for approach in here:
        if wrong := _contradiction(approach, midnight_ms):
            raise FeedError(f"not a feed: {quote(name)}, {day_text}: {wrong}")
        # Without the full date the epoch is 07:00 or 08:00 UTC of the day: a date, not a time.
        epoch_ms = approach.epoch_date_close_approach if approach.close_approach_date_full else None
        distance = approach.miss_distance
        rows.append(
            Observation(
                designation(name),
                neo_id,
                (alias,) if alias else (),
                day,
                None if epoch_ms is None else epoch_ms * 1000,
                # An id's group is what is left of it without its last six digits: 2, 3, 54, later 55.
                neo_id[:-6],
                distance.astronomical <= FIRM_AU,
                False,
                # Of two ids for one designation the better row knows its time of day, then is the numbered object's,
                # then has the higher id: the copy that a renumbering leaves behind lacks these (measured on the
                # recordings).
                f"{epoch_ms is not None:d}{name[:1].isdigit():d}{len(neo_id):03}{neo_id}",
                (
                    neo_id,
                    name,
                    approach.orbiting_body,
                    distance.astronomical,
                    distance.lunar,
                    distance.kilometers,
                    approach.relative_velocity.kilometers_per_second,
                    neo.absolute_magnitude_h,
                    diameter and diameter.meters.estimated_diameter_min,
                    diameter and diameter.meters.estimated_diameter_max,
                    neo.is_potentially_hazardous_asteroid,
                    neo.is_sentry_object,
                    *NOTHING_OF_WITNESS,
                ),
            )
        )
    return rows


@lru_cache(maxsize=4096)
def _day(text: str) -> tuple[date, int]:
    """The day, and its midnight in milliseconds since 1970."""
    return date.fromisoformat(text), _epoch_ms(datetime.fromisoformat(f"{text}T00:00Z"))


def _contradiction(approach: _Approach, midnight_ms: int) -> str | None:
    """How an approach is no flyby of the Earth on the day whose midnight is given; None if it is one."""
    if approach.orbiting_body != "Earth":
        return f"orbiting_body is {quote(repr(approach.orbiting_body))}, not Earth"
    epoch_ms = approach.epoch_date_close_approach
    # Seconds, say, are a moment too: one in January 1970.
    if epoch_ms is not None and not -_DAY_MS <= epoch_ms - midnight_ms < 2 * _DAY_MS:
        return f"epoch_date_close_approach is {epoch_ms}, in milliseconds another day"
    return None


def _replace_nul(neo: _Neo) -> None:
    """Replace NUL, which no text column can hold, by U+FFFD; all other text stays as it came."""
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
