"""A NeoWs on loopback: the built-in sky, thinned out, behind every fault that a source can have.

What it does with a request follows from the seed, the caller's key and the number of that caller's request alone. It
remembers what it said, so that the answers in raw/ can be held against it.
"""

import gzip
import hashlib
import http.client
import json
import random
import re
import select
import socket
import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from email.utils import format_datetime
from functools import cache
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit
from zlib import crc32

from answers import Row
from faults import HEROKU_PAGE, OVER_RATE_LIMIT, FaultServer, Request, bomb, drip, endless, reset, response, send, stall
from flyby.days import Window
from flyby.sandbox import Sandbox

#: Every key of a campaign begins like this: finding it anywhere is a leak.
KEY_PREFIX = "TortureKey"
SLOT = b"KEYSLOTKEYSLOT"
#: One object in so many is listed.
THIN = 4
EVIL = "\"'); DROP TABLE revisions; --\n<b onclick=x>\u202e\0{{7*7}}$(id)"

Body = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Told(Row):
    """A row as the source told it, in all its values."""

    full_name: str = ""
    ld: float = 0.0
    km: float = 0.0
    km_s: float = 0.0
    diameters_m: tuple[float, float] | None = None
    hazardous: bool = False

    @property
    def name(self) -> str:
        return self.full_name

    def values(self) -> dict[str, Any]:
        return {
            "neo_id": self.neo_id,
            "name": self.full_name,
            "close_approach_date": self.day,
            "close_approach_at": self.at and datetime.combine(self.day, self.at, UTC),
            "orbiting_body": "Earth",
            "miss_distance_au": self.au,
            "miss_distance_ld": self.ld,
            "miss_distance_km": self.km,
            "relative_velocity_km_s": self.km_s,
            "absolute_magnitude_h": self.h,
            "diameter_min_m": self.diameters_m and self.diameters_m[0],
            "diameter_max_m": self.diameters_m and self.diameters_m[1],
            "is_potentially_hazardous": self.hazardous,
            "is_sentry_object": self.sentry,
        }


@dataclass(frozen=True, slots=True)
class Said:
    """One complete answer, less the key: what is to lie in raw/."""

    window: Window
    status: int
    sha256: str


Rows = tuple[Told, ...] | None


@dataclass(slots=True)
class Source:
    """A context manager; serves `url` while it lasts. `now` is what the sky's clock says, `share` how many of a hundred
    requests go wrong."""

    seed: int
    now: datetime
    share: int = 50
    faults: Counter[str] = field(default_factory=Counter)
    #: What every complete answer meant: its rows, None for what is no feed.
    meant: dict[Said, Rows] = field(default_factory=dict)
    #: The complete answers that a key was given.
    given: defaultdict[str, list[Said]] = field(default_factory=lambda: defaultdict(list))
    #: Keys that came where a redirect led.
    strayed: list[str] = field(default_factory=list)
    _server: FaultServer = field(default_factory=FaultServer)
    _elsewhere: FaultServer = field(default_factory=FaultServer)
    _sandbox: Sandbox | None = None
    _asked: Counter[str] = field(default_factory=Counter)
    _feeds: dict[tuple[Window, date], Body] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _stack: ExitStack = field(default_factory=ExitStack)

    def __enter__(self) -> Self:
        self._sandbox = self._stack.enter_context(Sandbox(seed=self.seed, hourly_limit=10**9))
        self._server.play(self._answer)
        self._elsewhere.play(self._stray)
        self._stack.enter_context(self._server)
        self._stack.enter_context(self._elsewhere)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    @property
    def url(self) -> str:
        return self._server.url

    def _stray(self, connection: socket.socket, request: Request) -> None:
        self.strayed.append(request.headers.get("x-api-key", ""))
        connection.sendall(response(b"{}"))

    def _answer(self, connection: socket.socket, request: Request) -> bool | None:
        key = request.headers["x-api-key"]
        query = parse_qs(urlsplit(request.target).query)
        window = Window(*(date.fromisoformat(query[name][0]) for name in ("start_date", "end_date")))
        with self._lock:
            self._asked[key] += 1
            chance = random.Random(f"{self.seed} {key} {self._asked[key]}")
            feed = self._feed(window)
            name = chance.choices(*_WEIGHTED)[0] if chance.randrange(100) < self.share else "none"
            if name != "none":
                self.faults[name] += 1
        return FAULTS[name](Exchange(self, connection, request, key, window, feed, chance))

    def _feed(self, window: Window) -> Body:
        """The thinned feed of the built-in sky, as it is at `now`."""
        edition = self.now.date()
        if (window, edition) not in self._feeds:
            assert self._sandbox is not None
            connection = http.client.HTTPConnection(urlsplit(self._sandbox.url).netloc)
            path = f"/neo/rest/v1/feed?start_date={window.start}&end_date={window.end}&api_key={SLOT.decode()}"
            connection.request("GET", path, headers={"X-Now": self.now.isoformat()})
            body = json.loads(connection.getresponse().read())
            connection.close()
            days = body["near_earth_objects"]
            for day, listed in days.items():
                kept = [neo for neo in listed if crc32(_designation(neo["name"]).encode()) % THIN == 0]
                for neo in kept:
                    if crc32(neo["name"].encode()) % 16 == 0:
                        neo["name"] = f"{EVIL} ({_designation(neo['name'])})"
                days[day] = kept
            body["element_count"] = sum(map(len, days.values()))
            self._feeds[window, edition] = body
        return self._feeds[window, edition]


@dataclass(slots=True)
class Exchange:
    """One request, about to be answered."""

    source: Source
    connection: socket.socket
    request: Request
    key: str
    window: Window
    feed: Body
    chance: random.Random

    def tell(
        self,
        body: bytes,
        rows: Rows,
        status: int = 200,
        headers: Mapping[str, object] | None = None,
        *,
        landed: bytes | None = None,
    ) -> bool:
        """Send a complete answer. `landed` is what the client makes of it, where that is not its body."""
        redacted = (body if landed is None else landed).replace(SLOT, b"REDACTED")
        said = Said(self.window, status, hashlib.sha256(redacted).hexdigest())
        with self.source._lock:
            self.source.meant[said] = rows
        body = body.replace(SLOT, self.key.encode())
        quota = {"X-RateLimit-Limit": 1000, "X-RateLimit-Remaining": 900}
        self.give(response(body, status, quota | dict(headers or {})), said)
        return True

    def give(self, whole: bytes, said: Said) -> None:
        """Send a complete answer. Who has hung up meanwhile, as this machine was too busy to answer, is given none."""
        has_hung_up = bool(select.select([self.connection], [], [], 0)[0])
        self.connection.sendall(whole)
        if not has_hung_up:
            with self.source._lock:
                self.source.given[self.key].append(said)

    def healthy(self, feed: Body | None = None, headers: Mapping[str, object] | None = None) -> bool:
        """A feed and its rows."""
        feed = self.feed if feed is None else feed
        return self.tell(encode(feed), rows(feed), 200, headers)

    def changed(self, change: Callable[[Body], None]) -> Body:
        """A copy of the feed, changed."""
        copy: Body = json.loads(json.dumps(self.feed))
        change(copy)
        return copy

    def bytes(self) -> bytes:
        return encode(self.feed).replace(SLOT, self.key.encode())


def encode(feed: Body) -> bytes:
    return json.dumps(feed, ensure_ascii=False).encode()


def rows(feed: Body) -> tuple[Told, ...]:
    """What a feed tells, read without flyby's help."""
    return tuple(
        _row(neo, approach)
        for day in feed["near_earth_objects"].values()
        for neo in day
        for approach in neo["close_approach_data"]
    )


def _row(neo: Body, approach: Body) -> Told:
    name = neo["name"].replace("\0", "\ufffd")
    epoch = datetime.fromtimestamp(approach["epoch_date_close_approach"] / 1000, UTC)
    miss = approach["miss_distance"]
    meters = neo.get("estimated_diameter", {}).get("meters")
    number = re.match(r"\d+", name)
    return Told(
        designation=_designation(name),
        neo_id=neo["id"],
        day=date.fromisoformat(approach["close_approach_date"]),
        au=float(miss["astronomical"]),
        at=epoch.time() if approach["close_approach_date_full"] else None,
        number=int(number[0]) if number else None,
        h=neo.get("absolute_magnitude_h"),
        sentry=neo.get("is_sentry_object"),
        full_name=name,
        ld=float(miss["lunar"]),
        km=float(miss["kilometers"]),
        km_s=float(approach["relative_velocity"]["kilometers_per_second"]),
        diameters_m=meters and (meters["estimated_diameter_min"], meters["estimated_diameter_max"]),
        hazardous=neo["is_potentially_hazardous_asteroid"],
    )


def _designation(name: str) -> str:
    found = re.findall(r"\(([^()]*)\)", name)
    return found[-1] if found else name


def _neos(feed: Body) -> list[Body]:
    return [neo for day in feed["near_earth_objects"].values() for neo in day]


def _only(feed: Body, keep: Callable[[Body], bool]) -> None:
    days = feed["near_earth_objects"]
    for day in days:
        days[day] = list(filter(keep, days[day]))
    feed["element_count"] = sum(map(len, days.values()))


def _none(e: Exchange) -> bool:
    return e.healthy()


def _stall_before(e: Exchange) -> bool | None:
    return stall()(e.connection, e.request)


def _stall_in_body(e: Exchange) -> bool | None:
    whole = response(e.bytes())
    return stall(whole[: len(whole) // 2])(e.connection, e.request)


def _drip(e: Exchange) -> bool | None:
    return drip(response(e.bytes()), 0.02)(e.connection, e.request)


def _reset(e: Exchange) -> bool | None:
    whole = response(e.bytes())
    return reset(whole[: len(whole) * e.chance.randrange(10) // 10])(e.connection, e.request)


def _hang_up(e: Exchange) -> bool | None:
    whole = response(e.bytes())
    return send(whole[: len(whole) * e.chance.randrange(10) // 10])(e.connection, e.request)


def _truncated_gzip(e: Exchange) -> bool | None:
    packed = gzip.compress(e.bytes())
    return send(response(packed[: len(packed) // 2], headers={"Content-Encoding": "gzip"}))(e.connection, e.request)


def _length_too_long(e: Exchange) -> bool | None:
    body = e.bytes()
    return send(response(body, headers={"Content-Length": len(body) + 1000}))(e.connection, e.request)


def _length_too_short(e: Exchange) -> bool | None:
    """An answer that is cut anywhere, maybe inside a key, and looks whole."""
    body = encode(e.feed)
    cut = body.replace(SLOT, e.key.encode())[: len(body) // 3]
    redacted = cut.replace(e.key.encode(), b"REDACTED")
    begun = max((n for n in range(4, len(e.key)) if redacted.endswith(e.key[:n].encode())), default=0)
    e.tell(
        body,
        None,
        headers={"Content-Length": len(cut)},
        landed=redacted[: len(redacted) - begun] + b"REDACTED" * bool(begun),
    )
    return None


def _gzip(e: Exchange) -> bool:
    body = encode(e.feed)
    said = Said(e.window, 200, hashlib.sha256(body.replace(SLOT, b"REDACTED")).hexdigest())
    with e.source._lock:
        e.source.meant[said] = rows(e.feed)
    e.give(response(gzip.compress(e.bytes()), headers={"Content-Encoding": "gzip"}), said)
    return True


def _status(status: int, body: bytes, **headers: object) -> Callable[[Exchange], bool]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda e: e.tell(body, None, status, named)


def _redirect(e: Exchange) -> bool:
    return e.tell(b"", None, 302, {"Location": e.source._elsewhere.url + "/feed"})


def _empty_feed(e: Exchange) -> bool:
    return e.healthy(e.changed(lambda feed: feed.update(element_count=0, near_earth_objects={})))


def _without_newest(e: Exchange) -> bool:
    return e.healthy(e.changed(lambda feed: _only(feed, lambda neo: not neo["id"].startswith("54"))))


def _half_missing(e: Exchange) -> bool:
    return e.healthy(e.changed(lambda feed: _only(feed, lambda neo: crc32(neo["id"].encode()) % 2 == 0)))


def _other_days(e: Exchange) -> bool:
    shift = timedelta(days=20)
    other = e.source._feed(Window(e.window.start + shift, e.window.end + shift))
    return e.tell(encode(other), None if other["near_earth_objects"] else ())


def _wrong_key_day(e: Exchange) -> bool:
    def move(feed: Body) -> None:
        feed["near_earth_objects"].setdefault(str(e.window.start), []).extend(_neos(feed)[-1:])
        feed["element_count"] += 1

    changed = e.changed(move)
    last = _neos(changed)[-1:] and changed["near_earth_objects"][str(e.window.start)][-1:]
    right = not last or last[0]["close_approach_data"][0]["close_approach_date"] == str(e.window.start)
    if right:
        return _status(200, b"[]")(e)
    return e.tell(encode(changed), None)


def _wrong_type(e: Exchange) -> bool:
    def at(*path: str) -> Callable[[Body], None]:
        def set_(feed: Body) -> None:
            place: Any = e.chance.choice(_neos(feed)) if _neos(feed) else feed
            wrong = e.chance.choice([[], {"a": 1}, "maybe", [1]])
            if place is feed:
                feed["element_count"] = wrong
                return
            for step in path[:-1]:
                place = place[0] if step == "0" else place[step]
            place[path[-1]] = wrong if path[-1] not in ("name", "orbiting_body", "id") else [wrong]

        return set_

    approach = ("close_approach_data", "0")
    paths = [
        ("name",),
        ("id",),
        ("is_potentially_hazardous_asteroid",),
        ("close_approach_data",),
        ("estimated_diameter",),
        ("absolute_magnitude_h",),
        ("is_sentry_object",),
        (*approach, "close_approach_date"),
        (*approach, "epoch_date_close_approach"),
        (*approach, "relative_velocity"),
        (*approach, "relative_velocity", "kilometers_per_second"),
        (*approach, "miss_distance", "astronomical"),
        (*approach, "miss_distance", "kilometers"),
        (*approach, "orbiting_body"),
    ]
    return e.tell(encode(e.changed(at(*e.chance.choice(paths)))), None)


def _number(text: str) -> Callable[[Exchange], bool]:
    def act(e: Exchange) -> bool:
        def put(feed: Body) -> None:
            for neo in _neos(feed)[:1]:
                neo["close_approach_data"][0]["miss_distance"]["astronomical"] = "NUMBER"
            if not _neos(feed):
                feed["element_count"] = "NUMBER"

        return e.tell(encode(e.changed(put)).replace(b'"NUMBER"', text.encode()), None)

    return act


def _duplicate_keys(e: Exchange) -> bool:
    body = encode(e.feed)
    return e.tell(b'{"element_count": 7, "near_earth_objects": {}, ' + body[1:], rows(e.feed))


def _no_quota(e: Exchange) -> bool:
    return e.healthy(None, {"X-RateLimit-Limit": None, "X-RateLimit-Remaining": None})


def _odd_quota(e: Exchange) -> bool:
    odd = e.chance.choice(["-1", "soon", "9" * 40, "", "3.5"])
    return e.healthy(None, {"X-RateLimit-Limit": odd, "X-RateLimit-Remaining": odd})


def _quota_used_up(e: Exchange) -> bool:
    return e.healthy(None, {"X-RateLimit-Remaining": 0})


def _wrong_clock(e: Exchange) -> bool | None:
    """The source's clock, by which this computer's is ten years wrong: nothing may be filed."""
    then = datetime.now(UTC) + e.chance.choice([-1, 1]) * timedelta(days=3653)
    return send(response(e.bytes(), headers={"Date": format_datetime(then, usegmt=True)}))(e.connection, e.request)


def _endless(e: Exchange) -> bool | None:
    return endless()(e.connection, e.request)


@cache
def _bomb() -> Callable[[socket.socket, Request], bool | None]:
    return bomb(1024)


def _explode(e: Exchange) -> bool | None:
    return _bomb()(e.connection, e.request)


Fault = Callable[[Exchange], bool | None]
#: Every fault, and how often it comes. Silence costs seconds, so it comes less often than others.
_FAULTS: dict[str, tuple[int, Fault]] = {
    "stall before the answer": (1, _stall_before),
    "stall in the body": (1, _stall_in_body),
    "slow drip": (1, _drip),
    "reset at some tenth": (8, _reset),
    "hang-up at some tenth": (8, _hang_up),
    "truncated gzip": (6, _truncated_gzip),
    "Content-Length too long": (4, _length_too_long),
    "Content-Length too short": (6, _length_too_short),
    "gzip, whole": (3, _gzip),
    "200, empty": (6, _status(200, b"")),
    "200, a page": (6, _status(200, HEROKU_PAGE, Content_Type="text/html")),
    "503, Heroku's page": (6, _status(503, HEROKU_PAGE, Content_Type="text/html")),
    "500, no body": (3, _status(500, b"")),
    "429, at once again": (4, _status(429, OVER_RATE_LIMIT, Retry_After=0)),
    "429, for an hour": (2, _status(429, OVER_RATE_LIMIT, Retry_After=2870)),
    "403, with the key in it": (
        2,
        _status(403, b'{"error": {"code": "API_KEY_INVALID", "message": "no: KEYSLOTKEYSLOT"}}'),
    ),
    "400": (2, _status(400, b'{"code": 400, "http_error": "BAD_REQUEST", "error_message": "Date Format Exception"}')),
    "redirect elsewhere": (3, _redirect),
    "quota headers absent": (4, _no_quota),
    "quota headers odd": (4, _odd_quota),
    "quota used up": (3, _quota_used_up),
    "feed with nothing": (4, _empty_feed),
    "feed without 54… ids": (6, _without_newest),
    "feed with half of it": (6, _half_missing),
    "feed for other days": (6, _other_days),
    "row under another day": (4, _wrong_key_day),
    "wrong type in some field": (10, _wrong_type),
    "1e999": (3, _number("1e999")),
    "NaN": (3, _number("NaN")),
    "nested 100,000 deep": (3, _status(200, b"[" * 100_000 + b"]" * 100_000)),
    "duplicate keys": (4, _duplicate_keys),
    "clock ten years off": (2, _wrong_clock),
    "a body of 1 GB": (2, _endless),
    "a bomb of 1 GB": (2, _explode),
}
_WEIGHTED = (list(_FAULTS), [weight for weight, _ in _FAULTS.values()])
FAULTS: dict[str, Fault] = {"none": _none} | {name: fault for name, (_, fault) in _FAULTS.items()}
#: Faults of the way there, not of an answer.
UNREACHABLE = ("connection refused", "no such host", "no TLS")
