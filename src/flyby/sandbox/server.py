"""The built-in sky on loopback, in the shapes of NASA's NeoWs and JPL's close-approach data.

    GET /neo/rest/v1/feed?start_date=…&end_date=…   as NeoWs: key in `api_key` or X-Api-Key, quota, errors
    GET /cad.api?date-min=…&date-max=…&dist-max=…   as CAD
    GET /-/now/2026-11-23T06:30:00Z                 sets the clock, which then stands still; /-/now/real lets it run
    GET /-/as-of/2026-11-23                         the end of that day; /-/as-of/now lets the clock run
    GET /-/fault/groups=54,cad-down                 faults from now on; /-/fault/none heals

The request header X-Now sets the clock for one request. Every answer says that it is simulated: in the header
X-Simulated, and in the body.
"""

import asyncio
import re
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from http import HTTPStatus
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qsl, quote, unquote
from zlib import crc32

import msgspec

from flyby.days import DAY, FIRST_DAY, LAST_DAY, WINDOW_DAYS
from flyby.errors import UsageError
from flyby.sandbox.population import KM_PER_AU, MINUTES_PER_DAY, CadRow, Population, Row

SIMULATED = "flyby's built-in sky: these asteroids do not exist"
FEED, CAD = "/neo/rest/v1/feed", "/cad.api"
HOUR = timedelta(hours=1)
#: Where Julian days are counted from here: noon of this day ends 2,451,545 of them.
J2000 = datetime(2000, 1, 1, 12, tzinfo=UTC)
DEMO_KEY, DEMO_HOURLY, DEMO_DAILY = "DEMO_KEY", 30, 50
#: The key that NeoWs does not know, until the fault `unknown-key=…` names another.
UNKNOWN_KEY = "UNKNOWN_KEY"
#: Stands for the caller's key in what is kept ready; cannot occur in JSON text.
KEY_SLOT = "\x00"
MILES_PER_KM, FEET_PER_M, LUNAR_PER_AU = 0.6213711922373339, 3.280839895013123, 389.0
#: NeoWs converts speeds with a coarser mile than distances.
MILES_PER_H_PER_KM_H = 2.2369 / 3.6
NAMED_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
HEROKU_PAGE = (
    b"<!DOCTYPE html><html><head><title>Application Error</title></head><body><p>Application error: An error "
    b"occurred in the application and your page could not be served.</p></body></html>"
)
FAULTS = "groups=2|3|54, down, empty, cad-down, unknown-key=KEY and none, with commas between"
#: The last second of a day: CAD's dates without a time mean all of their day.
LAST_SECOND = time(23, 59, 59, 999_999)
CAD_FIELDS = ("des", "orbit_id", "jd", "cd", "dist", "dist_min", "dist_max", "v_rel", "v_inf", "t_sigma_f", "h")

encode = msgspec.json.encode


class Sandbox:
    """The built-in sky, served in a background thread of this process while the context lasts.

    `now` (aware) fixes its clock, which then moves only by `set_now`; None is the real time. `port` 0 takes a free one.
    The clock decides what is listed, what "today" is, and when the quota of a key fills again. `population` is another
    sky than that of the seed.
    """

    def __init__(
        self,
        *,
        seed: int = 2026,
        port: int = 0,
        now: datetime | None = None,
        hourly_limit: int = 1000,
        population: Population | None = None,
    ) -> None:
        self._app = _App(population or Population(seed), now=now, hourly_limit=hourly_limit)
        self._port = port
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="flyby-sandbox", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        try:
            self._server = asyncio.run_coroutine_threadsafe(
                asyncio.start_server(self._app.serve, "127.0.0.1", self._port, backlog=256), self._loop
            ).result()
        except OSError as error:
            self._end_loop()
            raise UsageError(f"port {self._port} cannot be used: {error.strerror}; choose another") from None
        self._port = self._server.sockets[0].getsockname()[1]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result()
        self._end_loop()

    @property
    def url(self) -> str:
        """What to use as FLYBY_NEOWS_URL."""
        return f"http://127.0.0.1:{self._port}{FEED.removesuffix('/feed')}"

    @property
    def cad_url(self) -> str:
        """What to use as FLYBY_CAD_URL."""
        return f"http://127.0.0.1:{self._port}{CAD}"

    @property
    def requests(self) -> int:
        """Feed requests answered so far, whatever the answer was."""
        return self._app.requests

    @property
    def population(self) -> Population:
        """The sky behind the server: what its answers are to be compared with."""
        return self._app.population

    def set_now(self, moment: datetime | None) -> None:
        """Set the clock to an aware moment; None lets it run with the real time."""
        self._app.now = moment

    def set_fault(self, fault: str | None) -> None:
        """Break it: comma-separated `groups=54` (no ids of that group), `down`, `empty`, `cad-down`, `unknown-key=K`.

        Replaces the faults that were set; None heals. UsageError for a fault that is none of these.
        """
        self._app.faults = _parse_faults(fault or "none")

    async def _close(self) -> None:
        self._server.close()
        connections = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in connections:
            task.cancel()
        await asyncio.gather(*connections, return_exceptions=True)
        await asyncio.sleep(0)  # their sockets close in the loop's next turn

    def _end_loop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


def serve(
    *, seed: int, port: int, now: datetime | None, hourly_limit: int, on_ready: Callable[[Sandbox], None]
) -> None:
    """Serve the built-in sky until Ctrl-C; `on_ready` is told once it listens."""
    with Sandbox(seed=seed, port=port, now=now, hourly_limit=hourly_limit) as sandbox:
        try:
            on_ready(sandbox)
            threading.Event().wait()
        except KeyboardInterrupt:
            return


@dataclass(frozen=True, slots=True)
class _Faults:
    groups: frozenset[str] = frozenset()
    unknown_key: str = UNKNOWN_KEY
    down: bool = False
    empty: bool = False
    cad_down: bool = False


def _parse_faults(text: str) -> _Faults:
    groups, unknown_key, flags = set(), UNKNOWN_KEY, set()
    for fault in text.split(","):
        name, _, value = fault.partition("=")
        if name == "groups" and value in ("2", "3", "54"):
            groups.add(value)
        elif name == "unknown-key" and value:
            unknown_key = value
        elif fault in ("down", "empty", "cad-down", "none"):
            flags.add(fault)
        else:
            raise UsageError(f"no fault is called {fault!r}; there are {FAULTS}")
    return _Faults(frozenset(groups), unknown_key, "down" in flags, "empty" in flags, "cad-down" in flags)


@dataclass(slots=True)
class _Response:
    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str = "application/json;charset=UTF-8"


class _App:
    """Requests in, responses out. Runs in one thread: only plain attributes are set from others."""

    def __init__(self, population: Population, *, now: datetime | None, hourly_limit: int) -> None:
        self.population = population
        self.now = now
        self.hourly_limit = hourly_limit
        self.faults = _Faults()
        self.requests = 0
        self._used: dict[str, deque[datetime]] = {}
        self._day = lru_cache(maxsize=10_000)(self._encode_day)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                request, *lines = head.split("\r\n")
                method, target, _ = request.split(" ", 2)
                headers = {k.strip().lower(): v.strip() for k, _, v in (line.partition(":") for line in lines if line)}
                response = self.answer(method, target, headers)
                # what a body would hold is not read, so the connection cannot be used again
                close = headers.get("connection", "").lower() == "close" or method != "GET"
                more = "".join(f"{name}: {value}\r\n" for name, value in response.headers.items())
                writer.write(
                    f"HTTP/1.1 {response.status} {HTTPStatus(response.status).phrase}\r\n"
                    f"Content-Type: {response.content_type}\r\nContent-Length: {len(response.body)}\r\n"
                    f"X-Simulated: true\r\n{'Connection: close' if close else 'Connection: keep-alive'}\r\n"
                    f"{more}\r\n".encode()
                    + response.body
                )
                await writer.drain()
                if close:
                    break
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError, ValueError):
            pass  # the caller went away, or does not speak HTTP
        except asyncio.CancelledError:
            pass  # the sandbox ends
        finally:
            writer.close()

    def answer(self, method: str, target: str, headers: dict[str, str]) -> _Response:
        path, _, query_text = target.partition("?")
        query = dict(parse_qsl(query_text, keep_blank_values=True))
        if method != "GET":
            return _Response(405, _gateway("METHOD_NOT_ALLOWED", "only GET is served"), {"Allow": "GET"})
        if path.startswith("/-/"):
            return self._control(unquote(path))
        try:
            now = _moment(headers["x-now"]) if "x-now" in headers else self.now or datetime.now(UTC)
        except ValueError:
            return _Response(400, encode({"error": "X-Now is no moment: 2026-11-23T06:30:00Z"}))
        if path == FEED:
            self.requests += 1
            return self._feed(query, headers, now)
        if path == CAD:
            return self._cad(query, now)
        return _Response(404, _application(404, "NOT_FOUND", "No message available", target))

    def _control(self, path: str) -> _Response:
        verb, _, value = path.removeprefix("/-/").partition("/")
        try:
            if verb == "now":
                self.now = None if value == "real" else _moment(value)
            elif verb == "as-of":
                self.now = None if value == "now" else _moment(f"{date.fromisoformat(value)}T23:59:59Z")
            elif verb == "fault":
                self.faults = _parse_faults(value)
            else:
                return _Response(404, encode({"error": "there are /-/now/…, /-/as-of/… and /-/fault/…"}))
        except (ValueError, UsageError) as error:
            return _Response(400, encode({"error": str(error)}))
        return _Response(200, encode({verb: value}))

    def _feed(self, query: dict[str, str], headers: dict[str, str], now: datetime) -> _Response:
        key = headers.get("x-api-key") or query.get("api_key")
        if not key:
            return _Response(
                403, _gateway("API_KEY_MISSING", "No api_key was supplied. Get one at https://api.nasa.gov:443")
            )
        if key == self.faults.unknown_key:
            return _Response(
                403, _gateway("API_KEY_INVALID", "An invalid api_key was supplied. Get one at https://api.nasa.gov:443")
            )
        limit, remaining, wait_s = self._take(key, now)
        quota = {"X-RateLimit-Limit": str(limit), "X-RateLimit-Remaining": str(remaining)}
        if wait_s:
            message = (
                "You have exceeded your rate limit. Try again later or contact us at https://api.nasa.gov:443/contact/ "
                "for assistance"
            )
            body = _gateway("OVER_RATE_LIMIT", message)
            return _Response(429, body, {**quota, "Retry-After": str(wait_s)}, "text/html")
        if self.faults.down:
            return _Response(503, HEROKU_PAGE, {**quota, "Via": "1.1 heroku-router"}, "text/html")
        if self.faults.empty:
            return _Response(200, b"", quota)
        try:
            start, end = _asked(query, now.astimezone(UTC).date())
        except ValueError:
            message = "Date Format Exception - Expected format (yyyy-mm-dd) - The Feed date limit is only 7 Days"
            dates = "&".join(f"{name}={query[name]}" for name in ("start_date", "end_date") if name in query)
            return _Response(400, _application(400, "BAD_REQUEST", message, f"{FEED}?{dates}"), quota)
        body = self._feed_body(start, end, self.population.edition(now))
        return _Response(200, body.replace(KEY_SLOT.encode(), quote(key).encode()), quota)

    def _take(self, key: str, now: datetime) -> tuple[int, int, int]:
        """(limit, remaining, seconds to wait) for one more request with the key; counted unless it has to wait."""
        allowances = [(HOUR, self.hourly_limit)]
        if key == DEMO_KEY:
            allowances = [(HOUR, DEMO_HOURLY), (24 * HOUR, DEMO_DAILY)]
        used = self._used.setdefault(key, deque())
        if used and now < used[-1]:  # the clock went back: a new life
            used.clear()
        while used and used[0] <= now - allowances[-1][0]:
            used.popleft()
        left = []
        for span, allowed in allowances:
            within = len(used) if span == allowances[-1][0] else sum(moment > now - span for moment in used)
            if within >= allowed:
                full_again = (used[-allowed] if allowed else now) + span
                return allowances[0][1], 0, int((full_again - now).total_seconds()) + 1
            left.append(allowed - within - 1)
        used.append(now)
        return allowances[0][1], min(left), 0

    def _feed_body(self, start: date, end: date, edition: date) -> bytes:
        days = [start + n * DAY for n in range((end - start).days + 1)]
        # NeoWs does not sort its days either
        days.sort(key=lambda day: crc32(day.isoformat().encode()))
        lists = [(day, *self._day(day, edition, self.faults.groups)) for day in days]
        width = end - start
        if width:  # the neighbours share a day with this window
            links = {"next": _feed_link(end, end + width), "previous": _feed_link(start - width, start)}
        else:
            links = {"next": _feed_link(end + DAY, end + DAY), "prev": _feed_link(start - DAY, start - DAY)}
        links |= {"self": _feed_link(start, end), "simulated": SIMULATED}
        head = _ready({"links": links, "element_count": sum(count for _, count, _ in lists)})
        objects = b",".join(b'"%s":[%s]' % (day.isoformat().encode(), body) for day, count, body in lists if count)
        return head[:-1] + b',"near_earth_objects":{' + objects + b"}}"

    def _encode_day(self, day: date, edition: date, without: frozenset[str]) -> tuple[int, bytes]:
        rows = [row for row in self.population.listed_in(day, edition) if _group(row.neo_id) not in without]
        return len(rows), b",".join(_ready(_neo(row)) for row in rows)

    def _cad(self, query: dict[str, str], now: datetime) -> _Response:
        if self.faults.cad_down:
            return _Response(503, HEROKU_PAGE, content_type="text/html")
        signature = {"source": "NASA/JPL SBDB Close Approach Data API", "version": "1.5", "simulated": SIMULATED}
        try:
            today = now.astimezone(UTC).date()
            first = _cad_instant(query.get("date-min", "now"), today, time.min)
            last = _cad_instant(query.get("date-max", "+60"), today, LAST_SECOND)
            if not FIRST_DAY <= first.date() <= LAST_DAY or not FIRST_DAY <= last.date() <= LAST_DAY:
                raise ValueError("date-min and date-max lie in 1900 to 2200")
            farthest_au = _cad_distance(query.get("dist-max", "0.05"))
        except ValueError as error:
            message = {"message": str(error), "moreInfo": "https://ssd-api.jpl.nasa.gov/doc/cad.html", "code": "400"}
            return _Response(400, encode(message))
        fullname, diameter = query.get("fullname") == "true", query.get("diameter") == "true"
        earth = query.get("body", "Earth").lower() in ("earth", "all")
        data = [
            _cad_row(row, fullname=fullname, diameter=diameter)
            for n in range((last.date() - first.date()).days + 1 if earth else 0)
            for row in self.population.cad(first.date() + n * DAY, now)
            if first <= row.instant <= last and row.miss_distance_au <= farthest_au
        ]
        fields = list(CAD_FIELDS)
        if diameter:
            fields += ["diameter", "diameter_sigma"]
        if fullname:
            fields.append("fullname")
        answer = {"signature": signature, "count": len(data), "fields": fields, "data": data}
        return _Response(200, encode(answer), content_type="application/json")


def _gateway(code: str, message: str) -> bytes:
    return encode({"error": {"code": code, "message": message}})


def _application(code: int, http_error: str, message: str, target: str) -> bytes:
    request = f"http://api.nasa.gov{target.removeprefix('/neo')}"
    return encode({"code": code, "http_error": http_error, "error_message": message, "request": request})


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} has no time zone: write it as 2026-11-23T06:30:00Z")
    return moment


def _asked(query: dict[str, str], today: date) -> tuple[date, date]:
    """The window that a feed request asks for, as NeoWs reads it; ValueError where NeoWs answers 400."""
    start = _feed_day(query["start_date"]) if "start_date" in query else today
    end = _feed_day(query["end_date"]) if "end_date" in query else start + (WINDOW_DAYS - 1) * DAY
    start, end = min(start, end), max(start, end)
    if end - start >= WINDOW_DAYS * DAY or not FIRST_DAY <= start <= end <= LAST_DAY:
        raise ValueError
    return start, end


def _feed_day(text: str) -> date:
    # NeoWs also takes 2018-12-6
    if not re.fullmatch(r"\d{4}-\d{1,2}-\d{1,2}", text, re.ASCII):
        raise ValueError
    return date(*map(int, text.split("-")))


def _feed_link(start: date, end: date) -> str:
    return f"http://api.nasa.gov/neo/rest/v1/feed?start_date={start}&end_date={end}&detailed=false&api_key={KEY_SLOT}"


def _ready(value: dict[str, Any]) -> bytes:
    """JSON in which KEY_SLOT is one byte, to be replaced by the caller's key."""
    return encode(value).replace(b"\\u0000", KEY_SLOT.encode())


def _group(neo_id: str) -> str:
    return "54" if neo_id.startswith("54") else neo_id[0]


def _neo(row: Row) -> dict[str, Any]:
    """One element of near_earth_objects[day], in the shape of 2024 and later."""
    neo: dict[str, Any] = {
        "links": {"self": f"http://api.nasa.gov/neo/rest/v1/neo/{row.neo_id}?api_key={KEY_SLOT}"},
        "id": row.neo_id,
        "neo_reference_id": row.neo_id,
        "name": row.name,
        "nasa_jpl_url": f"https://ssd.jpl.nasa.gov/tools/sbdb_lookup.html#/?sstr={row.neo_id}",
    }
    if row.absolute_magnitude_h is not None:  # a few real objects have neither key
        neo["absolute_magnitude_h"] = row.absolute_magnitude_h
        neo["estimated_diameter"] = _diameters(row.absolute_magnitude_h)
    neo["is_potentially_hazardous_asteroid"] = row.is_potentially_hazardous
    au, km_s, km = row.miss_distance_au, row.relative_velocity_km_s, row.miss_distance_au * KM_PER_AU
    neo["close_approach_data"] = [
        {
            "close_approach_date": row.day.isoformat(),
            "close_approach_date_full": _named_minute(row.at) if row.timed else None,
            "epoch_date_close_approach": int((row.at if row.timed else _pacific_midnight(row.day)).timestamp()) * 1000,
            "relative_velocity": {
                "kilometers_per_second": _decimals(km_s, 10),
                "kilometers_per_hour": _decimals(km_s * 3600, 10),
                "miles_per_hour": _decimals(km_s * 3600 * MILES_PER_H_PER_KM_H, 10),
            },
            "miss_distance": {
                "astronomical": _decimals(au, 10),
                "lunar": _decimals(au * LUNAR_PER_AU, 10),
                "kilometers": _decimals(km, 9),
                "miles": _decimals(km * MILES_PER_KM, 9),
            },
            "orbiting_body": "Earth",
        }
    ]
    neo["is_sentry_object"] = row.is_sentry_object
    if row.is_sentry_object:
        neo["sentry_data"] = f"http://api.nasa.gov/neo/rest/v1/neo/sentry/{row.neo_id}?api_key={KEY_SLOT}"
    return neo


def _diameters(magnitude_h: float) -> dict[str, dict[str, float]]:
    """From the magnitude, for albedos of 0.25 and 0.05."""
    at_albedo_1_km = 1329 * 10 ** (-0.2 * magnitude_h)
    smallest, largest = at_albedo_1_km / 0.25**0.5, at_albedo_1_km / 0.05**0.5
    return {
        unit: {"estimated_diameter_min": round(smallest * k, 10), "estimated_diameter_max": round(largest * k, 10)}
        for unit, k in (("kilometers", 1), ("meters", 1000), ("miles", MILES_PER_KM), ("feet", 1000 * FEET_PER_M))
    }


def _decimals(value: float, places: int) -> str:
    """As NeoWs writes numbers: at most so many decimals, no zeros at the end."""
    return f"{value:.{places}f}".rstrip("0").rstrip(".")


def _named_minute(at: datetime) -> str:
    return f"{at.year}-{NAMED_MONTHS[at.month - 1]}-{at.day:02} {at.hour:02}:{at.minute:02}"


def _pacific_midnight(day: date) -> datetime:
    """What NeoWs gives as the epoch of a row without a time: midnight where its machine stands, in summer 07:00 UTC."""
    return datetime(day.year, day.month, day.day, 7 if 4 <= day.month <= 10 else 8, tzinfo=UTC)


def _cad_instant(text: str, today: date, otherwise: time) -> datetime:
    """The instant that a date-min or date-max names; a date without a time has `otherwise`."""
    if text == "now":
        day = today
    elif text.startswith(("+", " ")):  # an unquoted plus in a query is a space
        day = today + int(text[1:]) * DAY
    elif re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?", text, re.ASCII):
        return datetime.fromisoformat(text).replace(tzinfo=UTC)
    else:
        day = date.fromisoformat(text)
    return datetime.combine(day, otherwise, UTC)


def _cad_distance(text: str) -> float:
    return float(text[:-2]) / LUNAR_PER_AU if text.upper().endswith("LD") else float(text)


def _cad_row(row: CadRow, *, fullname: bool, diameter: bool) -> list[str | None]:
    cells: list[str | None] = [
        row.des,
        row.orbit_id,
        _julian_day(row.instant),
        _named_minute(row.at),
        f"{row.miss_distance_au:.15g}",
        f"{row.miss_distance_min_au:.15g}",
        f"{row.miss_distance_max_au:.15g}",
        f"{row.relative_velocity_km_s:.15g}",
        f"{row.velocity_infinity_km_s:.15g}",
        _sigma(row.uncertain_minutes),
        # whole magnitudes end with their point
        None if row.absolute_magnitude_h is None else f"{row.absolute_magnitude_h:#.4g}".rstrip("0"),
    ]
    if diameter:
        cells += [_told(row.diameter_km), _told(row.diameter_sigma_km)]
    if fullname:
        cells.append(f"{row.fullname:>18}")
    return cells


def _told(value: float | None) -> str | None:
    return None if value is None else f"{value:g}"


def _julian_day(instant: datetime) -> str:
    """To nine decimals, put together from whole numbers: a float has no room for them."""
    noons, seconds = divmod((instant - J2000) // timedelta(seconds=1), 86_400)
    return f"{2_451_545 + noons}.{round(seconds * 10**9 / 86_400):09}"


def _sigma(minutes: float) -> str:
    """As JPL writes the uncertainty of a time: `< 00:01`, `00:07`, `2_08:33`."""
    if minutes < 1:
        return "< 00:01"
    days, left = divmod(round(minutes), MINUTES_PER_DAY)
    return f"{f'{days}_' if days else ''}{left // 60:02}:{left % 60:02}"
