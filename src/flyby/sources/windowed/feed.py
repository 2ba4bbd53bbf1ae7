"""What an API's answers say, by its declaration. Pure: bytes in, rows of the dataset out."""

import math
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec

from flyby.days import FIRST_DAY, LAST_DAY, Window
from flyby.errors import FeedError
from flyby.sources.dataset import Before, Feed, Observation
from flyby.sources.observations import quote, unreadable

if TYPE_CHECKING:
    from flyby.sources.windowed.api import Api, Form, Path, Type, Value

#: The pages of an answer, each as it came, in one body: a JSON text sequence (RFC 7464).
SEPARATOR, END = b"\x1e", b"\n"

#: Where errors say what is wrong: the names that APIs have for it.
_COMPLAINTS = ("message", "error_message", "errorMessage", "error_description", "detail", "description", "title")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_US = timedelta(microseconds=1)
_SEARCHED_BYTES = 64 << 10
_MISSING = object()


class Rows:
    """The decoder of one API: `sources.dataset.Decoder`."""

    def __init__(self, api: "Api") -> None:
        self._api = api

    def decode(self, body: bytes, window: Window, before: Before | None = None) -> Feed:
        """The rows that `body` holds, if they are those of `window`.

        Raises FeedError, whose one line names the row and the field at fault.
        """
        found: dict[str, tuple[int, Observation]] = {}
        before = {} if before is None else before
        for number, page in enumerate(pages(body)):
            for n, said in enumerate(self.listed(page)):
                row = self._row(n, said, window)
                on_page, other = found.get(row.entity, (number, row))
                # Rows may move from page to page while they are read: then the later one counts.
                if on_page == number and other != row:
                    raise FeedError(f"row {n} ({quote(row.entity)}): its {self._api.key} is another row's, too")
                found[row.entity] = (number, before.setdefault(row, row))
        return Feed([row for _, row in found.values()])

    def listed(self, page: bytes) -> list[Any]:
        """What one page lists, not looked at yet. Raises FeedError if it is no such list."""
        where = self._api.rows
        rows = _at(parsed(page), where)
        if not isinstance(rows, list):
            said = self.complaint(page)
            what = "missing" if rows is _MISSING else "no list"
            raise FeedError(f"not a list of rows: {str(where) or 'the answer'} is {what}{f' ({said})' if said else ''}")
        return rows

    def complaint(self, body: bytes) -> str:
        """What an error body says of itself, in one line of at most 160 characters; empty if nothing."""
        try:
            said = msgspec.json.decode(body[:_SEARCHED_BYTES])
        except (ValueError, RecursionError):
            return ""
        return quote(next(_complaints(said), ""), 160)

    def doubt(self, feed: Feed, window: Window, requested_at: datetime) -> str | None:  # noqa: ARG002
        """An answer of such an API gives no cause for doubt by itself."""
        return None

    def _row(self, n: int, said: Any, window: Window) -> Observation:
        api = self._api
        if not isinstance(said, dict):
            raise FeedError(f"row {n} is no object")
        key = _text(_at(said, api.key))
        if not key:
            raise FeedError(f"row {n}: {api.key} is missing, or no key")
        where = f"row {n} ({quote(key)})"
        try:
            at_us, day = _moment(_at(said, api.moment), api.moment_form)
        except ValueError as error:
            raise FeedError(f"{where}: {api.moment} {error}") from None
        if not window.start <= day <= window.end:
            raise FeedError(f"{where}: {api.moment} is on {day}, which was not asked for ({window})")
        return Observation(
            key,
            None,
            _names(_at(said, api.aliases)) if api.aliases else (),
            day,
            at_us,
            _text(_at(said, api.group)) if api.group else None,
            True,
            False,
            "",
            tuple(_value(said, value, where) for value in api.values),
        )


def pages(body: bytes) -> list[bytes]:
    """The pages of a landed body, each as it came."""
    return body.split(SEPARATOR)[1:] if body.startswith(SEPARATOR) else [body]


def together(pages: list[bytes]) -> bytes:
    """The body of these pages; of one page, that itself."""
    return pages[0] if len(pages) == 1 else b"".join(SEPARATOR + page + END for page in pages)


def parsed(page: bytes) -> Any:
    """The JSON of a page. Raises FeedError if it is none."""
    try:
        return msgspec.json.decode(page)
    except RecursionError:
        raise FeedError("not a list of rows: nested too deep") from None
    except ValueError as error:
        raise FeedError(f"not a list of rows: {unreadable(page, error) or error}") from None


def next_link(page: bytes, path: "Path") -> str | None:
    """Where the page says that the next one is; None if there is none."""
    link = _at(parsed(page), path)
    if link is _MISSING or link is None or link == "":
        return None
    if not isinstance(link, str):
        raise FeedError(f"{path} is no link")
    return link


def _at(said: Any, path: "Path") -> Any:
    """What lies at the path, _MISSING if nothing does."""
    for part in path.parts:
        if isinstance(part, int) and isinstance(said, list):
            said = said[part] if part < len(said) else _MISSING
        elif isinstance(said, dict):
            said = said.get(str(part), _MISSING)
        else:
            return _MISSING
    return said[: path.first] if path.first and isinstance(said, str) else said


def _text(said: Any) -> str | None:
    """A key or a group: a text, or a whole number."""
    if isinstance(said, str):
        return said.replace("\0", "\ufffd")
    return str(said) if isinstance(said, int) and not isinstance(said, bool) else None


def _names(said: Any) -> tuple[str, ...]:
    """Other keys that the row is known by: a list, or texts joined by commas."""
    names = said.split(",") if isinstance(said, str) else said if isinstance(said, list) else []
    return tuple(sorted({name for name in map(_text, names) if name}))


def _moment(said: Any, form: "Form") -> tuple[int | None, date]:
    """When a row happened: in microseconds since 1970, if that is known, and the UTC day."""
    if said is _MISSING or said is None:
        raise ValueError("is missing")
    if form == "date":
        return None, _day(said)
    at = _instant(said, form)
    return (at - _EPOCH) // _US, at.date()


def _instant(said: Any, form: "Form") -> datetime:
    if form == "iso":
        if not isinstance(said, str):
            raise ValueError("is no moment like 2025-05-04T13:53:00Z")
        try:
            at = datetime.fromisoformat(said)
        except ValueError:
            raise ValueError(f"{quote(said)!r} is no moment like 2025-05-04T13:53:00Z") from None
        at = at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
    elif isinstance(said, bool) or not isinstance(said, int | float) or not math.isfinite(said):
        raise ValueError(f"is no number of {'milliseconds' if form == 'epoch_ms' else 'seconds'}")
    else:
        try:
            at = _EPOCH + timedelta(microseconds=round(said * (1_000 if form == "epoch_ms" else 1_000_000)))
        except OverflowError:
            raise ValueError(f"is beyond {FIRST_DAY.year} to {LAST_DAY.year}: is it in the declared form?") from None
    if not FIRST_DAY <= at.date() <= LAST_DAY:
        raise ValueError(f"is beyond {FIRST_DAY.year} to {LAST_DAY.year}: is it in the declared form?")
    return at


def _day(said: Any) -> date:
    try:
        return date.fromisoformat(said)
    except (TypeError, ValueError):
        raise ValueError("is no day like 2025-05-04") from None


def _value(said: dict[str, Any], value: "Value", where: str) -> Any:
    """The value in its column's type; NULL stays NULL."""
    found = _at(said, value.path)
    if found is _MISSING:
        if value.optional:
            return None
        raise FeedError(f"{where}: {value.path} is missing")
    try:
        return None if found is None else _typed(found, value.type, value.form)
    except ValueError as error:
        raise FeedError(f"{where}: {value.path} {error}") from None


def _typed(said: Any, kind: "Type", form: "Form") -> Any:
    is_number = isinstance(said, int | float) and not isinstance(said, bool)
    if kind == "VARCHAR" and isinstance(said, str):
        return said.replace("\0", "\ufffd")
    if kind == "BOOLEAN" and isinstance(said, bool):
        return said
    if kind == "DATE":
        return _day(said)
    if kind == "TIMESTAMPTZ":
        return _instant(said, form)
    if kind in ("DOUBLE", "BIGINT") and (is_number or isinstance(said, str)):
        number = _number(said)
        if kind == "DOUBLE":
            return number
        if number == int(number) and abs(number) < 2**53:
            return int(number)
    raise ValueError(f"is {_kind(said)}, not {kind}")


def _number(said: float | str) -> float:
    """A number, also where it is written as a text."""
    try:
        number = float(said)
    except (ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number):
        raise ValueError(f"{quote(str(said))!r} is no number")
    return number


def _kind(said: Any) -> str:
    kinds = {str: "a text", bool: "true or false", int: "a number", float: "a number", list: "a list"}
    return kinds.get(type(said), "an object")


def _complaints(said: Any) -> Iterator[str]:
    """What an error says, the most particular name first."""
    if isinstance(said, dict):
        nested = said.get("error", said.get("errors"))
        if isinstance(nested, str):
            yield nested
        elif nested:
            yield from _complaints(nested)
        yield from (said[name] for name in _COMPLAINTS if isinstance(said.get(name), str))
    elif isinstance(said, list):
        for one in said[:1]:
            yield from _complaints(one)
    elif isinstance(said, str):
        yield said
