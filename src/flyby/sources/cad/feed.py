"""Reading JPL's close-approach data: the body of an answer in, validated rows out. Pure: bytes and dates only.

A table in JSON, whose columns are found by their names, so that further ones do no harm. `decode` raises FeedError and
nothing else, whatever the bytes.

Times: `cd` is in TDB, which is 69 s ahead of UTC. NeoWs passes `cd` on unchanged and calls it UTC. Measured: of the
4,674 flybys of 2020 that both list on one day, 95 % have the same minute in both, and the others are as often earlier
as later. So flyby takes it at face value from both and subtracts nothing: otherwise every flyby would differ by a
minute between the two, and some by a day.

Comets are counted and left out: NeoWs has none.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain
from typing import Annotated, Any, TypeVar

import msgspec
import pyarrow as pa

from flyby.days import DAY, Window
from flyby.errors import FeedError
from flyby.sources.observations import OBSERVATIONS, designation, place, quote, unreadable

KM_PER_AU = 149_597_870.7
#: NeoWs' own factor (measured on its answers), so that the two sources' lunar distances can be compared.
LUNAR_PER_AU = 389.0

# Bounds far outside anything that passes the Earth: what they keep out is infinities and negative distances.
_MOST = 1e12
_MAGNITUDES = (-100.0, 100.0)
_LONGEST_TEXT = 200

_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_MOMENT = re.compile(r"([0-9]{4})-([A-Z][a-z]{2})-([0-9]{2}) ([0-9]{2}):([0-9]{2})")
_MONTHS = {name: n for n, name in enumerate("Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(), 1)}
# 249P, 73P-B, 1P/Halley, C/2020 F3, D/1993 F2-A, 1I/'Oumuamua – and not the asteroid 2040 P-L.
_COMET = re.compile(r"(?:[0-9]+[PDI]|[PCDXI](?=/))(?=[/-]|$)")

_T = TypeVar("_T")


class _Signature(msgspec.Struct):
    source: str
    simulated: str | None = None


class _Body(msgspec.Struct):
    signature: _Signature
    count: Annotated[int, msgspec.Meta(ge=0)]  # text in some versions
    # Left out where there are no rows.
    fields: list[str] = []
    data: list[list[Any]] = []


_BODY = msgspec.json.Decoder(_Body, strict=False)
_COMPLAINT_BYTES = 1 << 16


@dataclass(frozen=True, slots=True)
class Feed:
    """The asteroids of one answer, column by column, and how many comets were beside them."""

    designations: list[str]
    names: list[str]
    #: TDB, labelled UTC as NeoWs does.
    moments: list[datetime]
    miss_distances_au: list[float]
    relative_velocities_km_s: list[float]
    magnitudes: list[float | None]
    diameters_km: list[float | None]
    comets: int
    #: The built-in sky says of itself, in `signature`, that it is not JPL.
    simulated: bool


def count(feed: Feed) -> int:
    """How many rows the feed has, comets not among them."""
    return len(feed.moments)


def decode(body: bytes, window: Window) -> Feed:
    """The close approaches that `body` lists, if they are those of `window`.

    Raises FeedError, whose one line names the row and the field at fault.
    """
    try:
        whole = _BODY.decode(body)
    except RecursionError:
        raise FeedError("not close-approach data: nested too deep") from None
    except ValueError as error:  # msgspec's own errors and Unicode's
        what = unreadable(body, error) or complaint(body) or place(error)
        raise FeedError(f"not close-approach data: {what}") from None
    if whole.count != len(whole.data):
        raise FeedError(f"not close-approach data: count is {whole.count}, but {len(whole.data)} rows are listed")
    simulated = bool(whole.signature.simulated)
    if not whole.data:
        return Feed([], [], [], [], [], [], [], 0, simulated=simulated)
    rows = _Table(whole.fields, whole.data)
    des = rows.column("des", _text, "no designation")
    names = rows.column("fullname", _text, "no name", otherwise=des)
    moments = rows.column("cd", _moment, "no time like 2020-Jan-01 00:54")
    distances_au = rows.column("dist", _positive, "no distance")
    velocities_km_s = rows.column("v_rel", _positive, "no speed")
    unknown: list[float | None] = [None] * len(des)
    magnitudes = rows.column("h", _magnitude, "no magnitude", otherwise=unknown)
    diameters_km = rows.column("diameter", _positive, "no diameter", otherwise=unknown)

    start = datetime(window.start.year, window.start.month, window.start.day, tzinfo=UTC)
    end = start + len(window.days) * DAY
    kept, comets = [], 0
    for n, moment in enumerate(moments):
        # In its last half minute the window's rows are rounded to its end, by name the next day: no fault, but not its.
        if not start <= moment <= end:
            raise FeedError(f"not close-approach data for {window}: {rows.name(n)} is on {moment:%Y-%m-%d}")
        if _COMET.match(des[n]) or _COMET.match(names[n]):
            comets += 1
        elif moment < end:
            kept.append(n)
    return Feed(
        # A number stays one where there is no full name: whose it is, the record finds out.
        designations=[designation(names[n]) if names[n].endswith(")") else des[n] for n in kept],
        names=[names[n] for n in kept],
        moments=[moments[n] for n in kept],
        miss_distances_au=[distances_au[n] for n in kept],
        relative_velocities_km_s=[velocities_km_s[n] for n in kept],
        magnitudes=[magnitudes[n] for n in kept],
        diameters_km=[diameters_km[n] for n in kept],
        comets=comets,
        simulated=simulated,
    )


def complaint(body: bytes) -> str:
    """What an error body says of itself, in one line of at most 160 characters; empty if nothing."""
    try:
        said = msgspec.json.decode(body[:_COMPLAINT_BYTES])
    except (ValueError, RecursionError):
        return ""
    message = said.get("message") if isinstance(said, dict) else None
    return quote(message, 160) if isinstance(message, str) else ""


def table(feeds: Iterable[tuple[str, Feed]]) -> pa.Table:
    """The rows of all `feeds`, each given with its request_id, in the schema OBSERVATIONS."""
    feeds = list(feeds)

    def every(column: Callable[[Feed], list[Any]]) -> list[Any]:
        return list(chain.from_iterable(column(feed) for _, feed in feeds))

    moments = every(lambda feed: feed.moments)
    distances_au = every(lambda feed: feed.miss_distances_au)
    # Measured, not estimated: the least and the most are one.
    diameters_m = [None if km is None else km * 1000 for km in every(lambda feed: feed.diameters_km)]
    unsaid = [None] * len(moments)
    columns = [
        list(chain.from_iterable([request_id] * count(feed) for request_id, feed in feeds)),
        every(lambda feed: feed.designations),
        unsaid,  # the ids are NeoWs' own
        every(lambda feed: feed.names),
        [moment.date() for moment in moments],
        moments,
        ["Earth"] * len(moments),
        distances_au,
        [au * LUNAR_PER_AU for au in distances_au],
        [au * KM_PER_AU for au in distances_au],
        every(lambda feed: feed.relative_velocities_km_s),
        every(lambda feed: feed.magnitudes),
        diameters_m,
        diameters_m,
        unsaid,
        unsaid,
    ]
    arrays = [pa.array(column, field.type) for column, field in zip(columns, OBSERVATIONS, strict=True)]
    return pa.Table.from_arrays(arrays, schema=OBSERVATIONS)


class _Table:
    """The table of an answer, to be read column by column."""

    def __init__(self, fields: list[str], rows: list[list[Any]]) -> None:
        self._fields = {field: n for n, field in enumerate(fields)}
        self._rows = rows
        for n, row in enumerate(rows):
            if len(row) != len(fields):
                raise FeedError(f"not close-approach data: row {n + 1} has {len(row)} values for {len(fields)} fields")

    def column(
        self, field: str, read: Callable[[Any], _T], fault: str, *, otherwise: Sequence[_T] | None = None
    ) -> list[_T]:
        """The values of a field as `read` understands them, which raises ValueError where it does not.

        With `otherwise` the field may be absent, or null in some rows; its values stand in.
        """
        n = self._fields.get(field)
        if n is None:
            if otherwise is None:
                raise FeedError(f"not close-approach data: the field {field} is missing")
            return list(otherwise)
        values = [row[n] for row in self._rows]
        try:
            if otherwise is None:
                return [read(value) for value in values]
            return [instead if value is None else read(value) for value, instead in zip(values, otherwise, strict=True)]
        except ValueError:
            at = next(
                n for n, value in enumerate(values) if not (otherwise and value is None) and not _reads(read, value)
            )
            said = quote(repr(values[at]), 40)
            raise FeedError(f"not close-approach data: {self.name(at)}: {field} is {fault}: {said}") from None

    def name(self, n: int) -> str:
        """What to call a row in a message."""
        des = self._fields.get("des")
        said = None if des is None else self._rows[n][des]
        return f"row {n + 1} ({quote(said)})" if isinstance(said, str) and said else f"row {n + 1}"


def _reads(read: Callable[[Any], object], value: Any) -> bool:
    try:
        read(value)
    except ValueError:
        return False
    return True


def _text(value: Any) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= _LONGEST_TEXT:
        raise ValueError
    text = value.replace("\0", "\ufffd").strip()  # NUL, which no text column can hold
    if not text:
        raise ValueError
    return text


def _moment(value: Any) -> datetime:
    match = _MOMENT.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError
    year, month, day, hour, minute = match.groups()
    return datetime(int(year), _MONTHS.get(month, 0), int(day), int(hour), int(minute), tzinfo=UTC)


def _positive(value: Any) -> float:
    return _number(value, 0.0, _MOST)


def _magnitude(value: Any) -> float:
    return _number(value, *_MAGNITUDES)


def _number(value: Any, least: float, most: float) -> float:
    """A number written as text, as CAD does, or as a number."""
    if isinstance(value, str):
        if not _NUMBER.fullmatch(value.strip()):
            raise ValueError
        value = float(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not least <= value <= most:
        raise ValueError
    return float(value)
