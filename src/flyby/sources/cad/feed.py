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
from collections.abc import Callable
from datetime import date, datetime
from functools import lru_cache
from typing import Annotated, Any, TypeVar

import msgspec

from flyby.days import DAY, Window
from flyby.errors import FeedError
from flyby.sources.dataset import Before, Feed, Observation
from flyby.sources.observations import FIRM_AU, designation, number, place, quote, unreadable

KM_PER_AU = 149_597_870.7
#: NeoWs' own factor (measured on its answers), so that the two sources' lunar distances can be compared.
LUNAR_PER_AU = 389.0

# Bounds far outside anything that passes the Earth: what they keep out is infinities and negative distances.
_MOST = 1e12
_MAGNITUDES = (-100.0, 100.0)
_LONGEST_TEXT = 200
#: A range that is wider than the sky says nothing.
_WIDEST_AU = 1e3

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
_DAY_US = 86_400_000_000
_EPOCH = date(1970, 1, 1)

_ABSENT, _REQUIRED = object(), object()

_T = TypeVar("_T")


class _Signature(msgspec.Struct):
    source: str
    simulated: str | None = None


class _Body(msgspec.Struct):
    signature: _Signature
    count: Annotated[int, msgspec.Meta(ge=0)]  # text in some versions
    # Left out where there are no rows.
    fields: list[str] = []
    data: list[msgspec.Raw] = []


_BODY = msgspec.json.Decoder(_Body, strict=False)
_ROW = msgspec.json.Decoder(list[Any])
_COMPLAINT_BYTES = 1 << 16


def doubt(feed: Feed, window: Window, requested_at: datetime) -> str | None:  # noqa: ARG001  as every source is asked
    """Of itself an answer of JPL's gives no reason for doubt."""
    return None


def decode(body: bytes, window: Window, before: Before | None = None) -> Feed:
    """The close approaches that `body` lists, comets among them, if they are those of `window`, or at most a day beyond
    it.

    Raises FeedError, whose one line names the row and the field at fault.
    """
    before = {} if before is None else before
    try:
        whole = _BODY.decode(body)
        if whole.count != len(whole.data):
            raise FeedError(f"not close-approach data: count is {whole.count}, but {len(whole.data)} rows are listed")
        fields = tuple(whole.fields)
        rows = []
        for n, raw in enumerate(whole.data, 1):
            said = fields, bytes(raw)
            if said not in before:
                before[said] = _row(_Said(n, fields, _values(n, raw)))
            rows.append(before[said])
    except FeedError:
        raise
    except RecursionError:
        raise FeedError("not close-approach data: nested too deep") from None
    except ValueError as error:  # msgspec's own errors and Unicode's
        what = unreadable(body, error) or complaint(body) or place(error)
        raise FeedError(f"not close-approach data: {what}") from None
    for n, row in enumerate(rows, 1):
        if not window.start - DAY <= row.day <= window.end + DAY:
            raise FeedError(f"not close-approach data for {window}: row {n} ({quote(row.entity)}) is on {row.day}")
    return Feed(rows, simulated=bool(whole.signature.simulated))


def _values(n: int, raw: msgspec.Raw) -> list[Any]:
    try:
        return _ROW.decode(raw)
    except msgspec.ValidationError as error:
        raise FeedError(f"not close-approach data: row {n}: {place(error)}") from None


def _row(said: "_Said") -> Observation:
    """A row of the table. Raises FeedError, which names it and the field at fault."""
    if "body" in said.fields:  # JPL names it where it was asked for others, too
        said.value("body", _earth, "not Earth")
    des = said.value("des", _text, "no designation")
    name = said.value("fullname", _text, "no name", otherwise=des)
    moment = said.value("cd", _moment, "no time like 2020-Jan-01 00:54")
    of_moment = moment // _DAY_US
    day = said.value("jd", _julian_day, "no Julian date", otherwise=of_moment)
    if not -1 <= of_moment - day <= 1:
        raise FeedError(f"not close-approach data: {said}: cd and jd are days apart")
    distance_au = said.number("dist", 0.0, _MOST, "no distance")
    least_au = said.number("dist_min", 0.0, _WIDEST_AU, "no distance", otherwise=None)
    most_au = said.number("dist_max", 0.0, _WIDEST_AU, "no distance", otherwise=None)
    # Measured, not estimated: the least and the most are one.
    diameter_m = _times(said.number("diameter", 0.0, _MOST, "no diameter", otherwise=None), 1000)
    alias = number(name) or number(des)
    is_comet = bool(_COMET.match(des) or _COMET.match(name))
    return Observation(
        # A number stays one where there is no full name: whose it is, the record finds out.
        designation(name) if name.endswith(")") else des,
        None,
        (alias,) if alias else (),
        _date(day),
        moment,
        None,
        distance_au <= FIRM_AU and not is_comet,
        is_comet,
        "",
        (
            None,
            name,
            "Earth",
            distance_au,
            distance_au * LUNAR_PER_AU,
            distance_au * KM_PER_AU,
            said.number("v_rel", 0.0, _MOST, "no speed"),
            said.number("h", *_MAGNITUDES, "no magnitude", otherwise=None),
            diameter_m,
            diameter_m,
            None,
            None,
            least_au,
            most_au,
            _times(least_au, LUNAR_PER_AU),
            _times(most_au, LUNAR_PER_AU),
            _times(least_au, KM_PER_AU),
            _times(most_au, KM_PER_AU),
            said.value("t_sigma_f", sigma_minutes, "no uncertainty like 2_08:33", otherwise=None),
            said.number("v_inf", 0.0, _MOST, "no speed", otherwise=None),
            said.value("orbit_id", _text, "no orbit", otherwise=None),
            _times(said.number("diameter_sigma", 0.0, _MOST, "no uncertainty", otherwise=None), 1000),
        ),
    )


def _times(value: float | None, factor: float) -> float | None:
    return None if value is None else value * factor


def complaint(body: bytes) -> str:
    """What an error body says of itself, in one line of at most 160 characters; empty if nothing."""
    try:
        said = msgspec.json.decode(body[:_COMPLAINT_BYTES])
    except (ValueError, RecursionError):
        return ""
    message = said.get("message") if isinstance(said, dict) else None
    return quote(message, 160) if isinstance(message, str) else ""


def sigma_minutes(value: Any) -> float:
    """The uncertainty of a time, in minutes: `< 00:01` is 1, `2_08:33` is 3,393. ValueError if it is none."""
    match = _SIGMA.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None or int(match[3]) > 23:
        raise ValueError
    return float((int(match[2] or 0) * 24 + int(match[3])) * 60 + int(match[4]))


class _Said:
    """What a row says, by the names of its fields; as text, what to call it in a message."""

    def __init__(self, n: int, fields: tuple[str, ...], values: list[Any]) -> None:
        if len(values) != len(fields):
            raise FeedError(f"not close-approach data: row {n} has {len(values)} values for {len(fields)} fields")
        self._n = n
        self.fields = dict(zip(fields, values, strict=True))

    def __str__(self) -> str:
        des = self.fields.get("des")
        return f"row {self._n} ({quote(des)})" if isinstance(des, str) and des else f"row {self._n}"

    def value(self, field: str, read: Callable[[Any], _T], fault: str, *, otherwise: Any = _REQUIRED) -> _T:
        """The value of a field as `read` understands it, which raises ValueError where it does not.

        With `otherwise` the field may be absent, or null: that stands in.
        """
        value = self.fields.get(field, _ABSENT)
        if otherwise is not _REQUIRED and (value is None or value is _ABSENT):
            return otherwise  # type: ignore[no-any-return]
        if value is _ABSENT:
            raise FeedError(f"not close-approach data: the field {field} is missing")
        try:
            return read(value)
        except ValueError:
            raise FeedError(f"not close-approach data: {self}: {field} is {fault}: {quote(repr(value), 40)}") from None

    def number(self, field: str, least: float, most: float, fault: str, *, otherwise: Any = _REQUIRED) -> Any:
        """The number of a field, which CAD writes as text, between `least` and `most`."""
        return self.value(field, lambda value: _number(value, least, most), fault, otherwise=otherwise)


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


def _moment(value: Any) -> int:
    if not isinstance(value, str):
        raise ValueError
    minute = _MINUTES.get(value[-6:])
    if minute is None:
        raise ValueError
    return (_day_number(value[:-6]) * 1440 + minute) * _MINUTE_US


@lru_cache(maxsize=4096)
def _day_number(text: str) -> int:
    match = _DATE.fullmatch(text)
    if match is None:
        raise ValueError
    year, month, of_month = match.groups()
    return (date(int(year), _MONTHS.get(month, 0), int(of_month)) - _EPOCH).days


@lru_cache(maxsize=4096)
def _date(day: int) -> date:
    return _EPOCH + day * DAY


def _julian_day(value: Any) -> int:
    return math.floor(_number(value, *_JULIAN_DATES) - _JULIAN)


def _number(value: Any, least: float, most: float) -> float:
    """A number written as text, as CAD does, or as a number."""
    if isinstance(value, str):
        if "_" in value or not value.isascii():  # Python reads numbers in these, nobody writes them
            raise ValueError
        value = float(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not least <= value <= most:
        raise ValueError
    return float(value)
