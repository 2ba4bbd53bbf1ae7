"""Reading JPL's close-approach data: the body of an answer in, validated rows out. Pure: bytes and dates only.

A table in JSON, whose columns are found by their names, so that further ones do no harm. `decode` raises FeedError and
nothing else, whatever the bytes.

Times: `cd` is in TDB, which is 69 s ahead of UTC, and rounded to the minute. NeoWs passes `cd` on unchanged and calls
it UTC. Measured: of the 4,674 flybys of 2020 that both list on one day, 95 % have the same minute in both, and the
others are as often earlier as later. So flyby takes it at face value from both and subtracts nothing: otherwise every
flyby would differ by a minute between the two. The data day is that of `jd`, the exact time, by which JPL cuts its
answers: of the four rows of 2020 printed at 00:00 three are of the evening before.

Comets are kept apart: NeoWs has none.
"""

import math
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import lru_cache
from itertools import chain
from typing import Annotated, Any, TypeVar

import msgspec
import pyarrow as pa

from flyby.days import Window
from flyby.errors import FeedError
from flyby.sources.observations import FIRM_AU, as_table, designation, number, place, quote, unreadable

KM_PER_AU = 149_597_870.7
#: NeoWs' own factor (measured on its answers), so that the two sources' lunar distances can be compared.
LUNAR_PER_AU = 389.0

# Bounds far outside anything that passes the Earth: what they keep out is infinities and negative distances.
_MOST = 1e12
_MAGNITUDES = (-100.0, 100.0)
_LONGEST_TEXT = 200
#: A range that is wider than the sky says nothing.
_WIDEST_AU = 1e3

_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_DATE = re.compile(r"([0-9]{4})-([A-Z][a-z]{2})-([0-9]{2})")
_MONTHS = {name: n for n, name in enumerate("Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(), 1)}
_MINUTES = {f" {minute // 60:02}:{minute % 60:02}": minute for minute in range(1440)}
#: How JPL writes the uncertainty of a time: `< 00:01`, `00:07`, `2_08:33` (days_hours:minutes).
_SIGMA = re.compile(r"(<\s*)?(?:([0-9]{1,6})_)?([0-9]{1,2}):([0-5][0-9])")
# 249P, 73P-B, 1P/Halley, C/2020 F3, D/1993 F2-A, 1I/'Oumuamua – and not the asteroid 2040 P-L.
_COMET = re.compile(r"(?:[0-9]+[PDI]|[PCDXI](?=/))(?=[/-]|$)")

#: The Julian date of 1970-01-01, and those of the years 1 and 9999.
_JULIAN = 2_440_587.5
_JULIAN_DATES = (1_721_426.0, 5_373_484.0)
_MINUTE_US = 60_000_000
_EPOCH = date(1970, 1, 1)

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
    """The rows of one answer, column by column; comets are among them, and marked."""

    designations: list[str]
    numbers: list[str | None]
    names: list[str]
    #: The data day, from 1970-01-01.
    days: list[int]
    #: TDB, labelled UTC as NeoWs does, in microseconds.
    moments: list[int]
    is_comet: list[bool]
    miss_distances_au: list[float]
    least_au: list[float | None]
    most_au: list[float | None]
    sigmas_min: list[float | None]
    relative_velocities_km_s: list[float]
    velocities_infinity_km_s: list[float | None]
    magnitudes: list[float | None]
    diameters_km: list[float | None]
    diameter_sigmas_km: list[float | None]
    orbit_ids: list[str | None]
    #: The built-in sky says of itself, in `signature`, that it is not JPL.
    simulated: bool

    @property
    def set_apart(self) -> int:
        """How many comets there are."""
        return sum(self.is_comet)


def count(feed: Feed) -> int:
    """How many rows the feed has, comets not among them."""
    return len(feed.days) - feed.set_apart


def doubt(feed: Feed, window: Window, requested_at: datetime) -> str | None:  # noqa: ARG001  as every source is asked
    """Of itself an answer of JPL's gives no reason for doubt."""
    return None


def decode(body: bytes, window: Window) -> Feed:
    """The close approaches that `body` lists, if they are those of `window`, or at most a day beyond it.

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
    rows = _Table(whole.fields, whole.data)
    if not whole.data:
        return Feed([], [], [], [], [], [], [], [], [], [], [], [], [], [], [], [], bool(whole.signature.simulated))
    if "body" in whole.fields:  # JPL names it where it was asked for others, too
        rows.column("body", _earth, "not Earth")
    des = rows.column("des", _text, "no designation")
    names = rows.column("fullname", _text, "no name", otherwise=des)
    moments = rows.column("cd", _moment, "no time like 2020-Jan-01 00:54")
    days = rows.column("jd", _julian_day, "no Julian date", otherwise=[moment // 86_400_000_000 for moment in moments])
    distances_au = rows.numbers("dist", 0.0, _MOST, "no distance")
    unknown: list[float | None] = [None] * len(des)
    least_au = rows.numbers("dist_min", 0.0, _WIDEST_AU, "no distance", otherwise=unknown)
    most_au = rows.numbers("dist_max", 0.0, _WIDEST_AU, "no distance", otherwise=unknown)
    first, last = (window.start - _EPOCH).days, (window.end - _EPOCH).days
    for n, (moment, day) in enumerate(zip(moments, days, strict=True)):
        if not first - 1 <= day <= last + 1:
            raise FeedError(
                f"not close-approach data for {window}: {rows.name(n)} is on {date.fromordinal(day + 719_163)}"
            )
        if not -1 <= moment // 86_400_000_000 - day <= 1:
            raise FeedError(f"not close-approach data: {rows.name(n)}: cd and jd are days apart")
    nothing: list[str | None] = [None] * len(des)
    return Feed(
        # A number stays one where there is no full name: whose it is, the record finds out.
        designations=[designation(n) if n.endswith(")") else d for d, n in zip(des, names, strict=True)],
        numbers=[number(n) or number(d) for d, n in zip(des, names, strict=True)],
        names=names,
        days=days,
        moments=moments,
        is_comet=[bool(_COMET.match(d) or _COMET.match(n)) for d, n in zip(des, names, strict=True)],
        miss_distances_au=distances_au,
        least_au=least_au,
        most_au=most_au,
        sigmas_min=rows.column("t_sigma_f", sigma_minutes, "no uncertainty like 2_08:33", otherwise=unknown),
        relative_velocities_km_s=rows.numbers("v_rel", 0.0, _MOST, "no speed"),
        velocities_infinity_km_s=rows.numbers("v_inf", 0.0, _MOST, "no speed", otherwise=unknown),
        magnitudes=rows.numbers("h", *_MAGNITUDES, "no magnitude", otherwise=unknown),
        diameters_km=rows.numbers("diameter", 0.0, _MOST, "no diameter", otherwise=unknown),
        diameter_sigmas_km=rows.numbers("diameter_sigma", 0.0, _MOST, "no uncertainty", otherwise=unknown),
        orbit_ids=rows.column("orbit_id", _text, "no orbit", otherwise=nothing),
        simulated=bool(whole.signature.simulated),
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

    def times(values: list[float | None], factor: float) -> list[float | None]:
        return [None if value is None else value * factor for value in values]

    distances_au, least_au, most_au = (
        every(lambda feed: feed.miss_distances_au),
        every(lambda feed: feed.least_au),
        every(lambda feed: feed.most_au),
    )
    comets = every(lambda feed: feed.is_comet)
    # Measured, not estimated: the least and the most are one.
    diameters_m = times(every(lambda feed: feed.diameters_km), 1000)
    columns: dict[str, list[Any]] = {
        "request_id": list(chain.from_iterable([request_id] * len(feed.days) for request_id, feed in feeds)),
        "entity": every(lambda feed: feed.designations),
        "aliases": [[] if number is None else [number] for number in every(lambda feed: feed.numbers)],
        "day": every(lambda feed: feed.days),
        "moment": every(lambda feed: feed.moments),
        "firm": [au <= FIRM_AU and not is_comet for au, is_comet in zip(distances_au, comets, strict=True)],
        "apart": comets,
        "preference": [""] * len(comets),
        "name": every(lambda feed: feed.names),
        "orbiting_body": ["Earth"] * len(comets),
        "miss_distance_au": distances_au,
        "miss_distance_ld": times(distances_au, LUNAR_PER_AU),
        "miss_distance_km": times(distances_au, KM_PER_AU),
        "relative_velocity_km_s": every(lambda feed: feed.relative_velocities_km_s),
        "absolute_magnitude_h": every(lambda feed: feed.magnitudes),
        "diameter_min_m": diameters_m,
        "diameter_max_m": diameters_m,
        "miss_distance_min_au": least_au,
        "miss_distance_max_au": most_au,
        "miss_distance_min_ld": times(least_au, LUNAR_PER_AU),
        "miss_distance_max_ld": times(most_au, LUNAR_PER_AU),
        "miss_distance_min_km": times(least_au, KM_PER_AU),
        "miss_distance_max_km": times(most_au, KM_PER_AU),
        "close_approach_sigma_min": every(lambda feed: feed.sigmas_min),
        "velocity_infinity_km_s": every(lambda feed: feed.velocities_infinity_km_s),
        "orbit_id": every(lambda feed: feed.orbit_ids),
        "diameter_sigma_m": times(every(lambda feed: feed.diameter_sigmas_km), 1000),
    }
    return as_table(columns)


def sigma_minutes(value: Any) -> float:
    """The uncertainty of a time, in minutes: `< 00:01` is 1, `2_08:33` is 3,393. ValueError if it is none."""
    match = _SIGMA.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None or int(match[3]) > 23:
        raise ValueError
    return float((int(match[2] or 0) * 24 + int(match[3])) * 60 + int(match[4]))


class _Table:
    """The table of an answer, to be read column by column."""

    def __init__(self, fields: list[str], rows: list[list[Any]]) -> None:
        self._rows = rows
        for n, row in enumerate(rows):
            if len(row) != len(fields):
                raise FeedError(f"not close-approach data: row {n + 1} has {len(row)} values for {len(fields)} fields")
        self._columns = dict(zip(fields, zip(*rows, strict=True), strict=True)) if rows else {}

    def column(
        self, field: str, read: Callable[[Any], _T], fault: str, *, otherwise: Sequence[_T] | None = None
    ) -> list[_T]:
        """The values of a field as `read` understands them, which raises ValueError where it does not.

        With `otherwise` the field may be absent, or null in some rows; its values stand in.
        """
        values = self._columns.get(field)
        if values is None:
            if otherwise is None:
                raise FeedError(f"not close-approach data: the field {field} is missing")
            return list(otherwise)
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

    def numbers(
        self, field: str, least: float, most: float, fault: str, *, otherwise: Sequence[Any] | None = None
    ) -> list[Any]:
        """The numbers of a field, which CAD writes as text, between `least` and `most`."""
        return self.column(field, lambda value: _number(value, least, most), fault, otherwise=otherwise)

    def name(self, n: int) -> str:
        """What to call a row in a message."""
        des = self._columns.get("des")
        said = None if des is None else des[n]
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


def _earth(value: Any) -> str:
    if value != "Earth":
        raise ValueError
    return "Earth"


#: Day numbers by how JPL writes the day: an answer has the same few again and again.
_day_numbers: dict[str, int] = {}


def _moment(value: Any) -> int:
    if not isinstance(value, str):
        raise ValueError
    day = _day_numbers.get(value[:-6])
    minute = _MINUTES.get(value[-6:])
    if minute is None:
        raise ValueError
    if day is None:
        match = _DATE.fullmatch(value[:-6])
        if match is None:
            raise ValueError
        year, month, of_month = match.groups()
        day = (datetime(int(year), _MONTHS.get(month, 0), int(of_month), tzinfo=UTC).date() - _EPOCH).days
        if len(_day_numbers) > 200_000:
            _day_numbers.clear()
        _day_numbers[value[:-6]] = day
    return (day * 1440 + minute) * _MINUTE_US


def _julian_day(value: Any) -> int:
    return math.floor(_number(value, *_JULIAN_DATES) - _JULIAN)


def _number(value: Any, least: float, most: float) -> float:
    """A number written as text, as CAD does, or as a number."""
    if isinstance(value, str):
        value = _read_number(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not least <= value <= most:
        raise ValueError
    return float(value)


# JPL's list of a morning is yesterday's but for a few rows.
@lru_cache(maxsize=1 << 15)
def _read_number(text: str) -> float:
    if not _NUMBER.fullmatch(text.strip()):
        raise ValueError
    return float(text)
