"""Asking NeoWs: one window in, one answer out, with patience for what passes and a clear line for what does not.

The key travels in a header, to the address that was set and to no other, and is taken out of every answer before anyone
sees it.
"""

import re
import ssl
import threading
import time
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from math import inf
from socket import gaierror
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlencode, urlsplit
from urllib.request import getproxies, proxy_bypass

import httpcore2
import stamina

from flyby.days import Window
from flyby.errors import FeedError, PassingError, QuotaError, SourceError
from flyby.settings import DEMO_KEY
from flyby.sources.neows import feed

#: Requests in flight at a time; a further one waits for its turn.
IN_FLIGHT = 8
CONNECT_TIMEOUT_S = 10.0
#: The longest silence.
READ_TIMEOUT_S = 30.0
#: The longest that one attempt may take in all, however steadily it drips.
DEADLINE_S = 60.0
#: Decoded. The longest real answer has 0.3 MB.
MAX_BODY_BYTES = 16 << 20

ATTEMPTS = 4
FIRST_WAIT_S = 0.2
#: After this long no further attempt is begun.
PATIENCE_S = 180.0
#: A source that wants more time than this is not waited for.
LONGEST_WAIT_S = 120.0

_REDACTED = b"REDACTED"
_FAILURES = (httpcore2.NetworkError, httpcore2.ProtocolError, httpcore2.ProxyError, httpcore2.TimeoutException)

# Retries are reported in the error, if they end in one, not on the console.
stamina.instrumentation.set_on_retry_hooks(())


@dataclass(frozen=True, slots=True)
class Quota:
    """What the key may still ask for this hour; None where the source does not say."""

    limit: int | None
    remaining: int | None


@dataclass(frozen=True, slots=True)
class Answer:
    """One complete HTTP response, less the key."""

    source: str
    window: Window
    requested_at: datetime  # UTC, of the sitting
    attempt: int  # 1, 2, …
    http_status: int
    body: bytes  # decoded content
    quota: Quota


class NeoWs:
    """NeoWs at `url`, asked with `key`. A context manager; several threads may fetch at once.

    `on_answer` is given every complete response, a refusal or a page too, before it is judged.
    """

    def __init__(self, url: str, key: str, *, on_answer: Callable[[Answer], None]) -> None:
        self._url = url + "/feed"
        self._host = urlsplit(url).hostname or ""
        self._headers = [("X-Api-Key", key), ("Accept-Encoding", "gzip"), ("User-Agent", "flyby")]
        self._key = key.encode()
        self._key_pattern = _key_pattern(key)
        self._is_demo_key = key == DEMO_KEY
        self._on_answer = on_answer
        self._pool = _pool(url)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.close()

    def fetch(self, window: Window, *, requested_at: datetime) -> Answer:
        """The answer for `window`: a feed that `feed.decode` accepts.

        What tends to pass is tried again, up to ATTEMPTS times. Raises QuotaError when the key's allowance is used up,
        PassingError (FeedError: answers came, but no feed) when the attempts are, SourceError when trying again would
        change nothing.
        """
        for attempt in stamina.retry_context(
            on=_wait_s,
            attempts=ATTEMPTS,
            timeout=PATIENCE_S,
            wait_initial=FIRST_WAIT_S,
            wait_exp_base=3,
            wait_jitter=FIRST_WAIT_S,
        ):
            with attempt:
                return self._attempt(window, requested_at, attempt.num)
        raise AssertionError("unreachable")

    def _attempt(self, window: Window, requested_at: datetime, number: int) -> Answer:
        status, headers, body = self._get(window)
        answer = Answer("neows", window, requested_at, number, status, self._redact(body), _quota(headers))
        self._on_answer(answer)
        self._judge(answer, headers)
        return answer

    def _get(self, window: Window) -> tuple[int, dict[str, str], bytes]:
        """One exchange: status, headers (names in lower case), decoded body."""
        url = f"{self._url}?{urlencode({'start_date': window.start, 'end_date': window.end})}"
        timeouts = {
            "connect": CONNECT_TIMEOUT_S,
            "read": READ_TIMEOUT_S,
            "write": READ_TIMEOUT_S,
            "pool": PATIENCE_S,
        }
        _deadline.until = time.monotonic() + DEADLINE_S
        try:
            with self._pool.stream("GET", url, headers=self._headers, extensions={"timeout": timeouts}) as response:
                headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers}
                return response.status, headers, _decoded(response.iter_stream(), headers.get("content-encoding", ""))
        except _FAILURES as error:
            raise self._failure(error) from None

    def _failure(self, error: Exception) -> SourceError:
        """What a failed exchange is in flyby's words; httpcore's may quote what was sent."""
        cause = error.__context__  # the operating system's own error
        if isinstance(cause, gaierror):
            return PassingError(f"{self._host} is not found: is there a network? Else check FLYBY_NEOWS_URL")
        if isinstance(cause, ssl.SSLError) and isinstance(error, httpcore2.ConnectError):
            if isinstance(cause, (ssl.SSLEOFError, ssl.SSLZeroReturnError)):
                return PassingError(f"{self._host} hung up during the TLS handshake: try again later")
            reason = getattr(cause, "verify_message", None) or cause.reason or "handshake failed"
            return SourceError(
                f"no secure connection to {self._host} ({reason.replace('_', ' ').lower()}): "
                "check this computer's clock and certificates, the network's proxy, and FLYBY_NEOWS_URL"
            )
        if isinstance(error, httpcore2.ConnectTimeout):
            return PassingError(f"{self._host} cannot be reached within {CONNECT_TIMEOUT_S:g} s: is there a network?")
        if isinstance(error, httpcore2.ConnectError):
            return PassingError(f"{self._host} refuses connections: try again later, or check FLYBY_NEOWS_URL")
        if isinstance(error, httpcore2.TimeoutException):
            return PassingError(f"{self._host} answers too slowly: try again later")
        if isinstance(error, httpcore2.ProxyError):
            return PassingError("the proxy gives no connection: check HTTPS_PROXY")
        return PassingError(f"{self._host} broke off its answer: try again later")

    def _judge(self, answer: Answer, headers: dict[str, str]) -> None:
        """Return if the answer is a feed, else raise what it is."""
        status = answer.http_status
        if status == 200:
            feed.decode(answer.body, answer.window)
            return
        said = f"HTTP {status} {feed.complaint(answer.body)}".strip()
        wait_s = _retry_after_s(headers.get("retry-after", ""))
        if status == 429:
            again = "try again later" if wait_s is None else f"try again in {_minutes(wait_s)}"
            hint = ", or get a key of your own at https://api.nasa.gov (this is DEMO_KEY)" if self._is_demo_key else ""
            raise QuotaError(f"the key's allowance at NeoWs is used up ({said}): {again}{hint}", retry_after_s=wait_s)
        if status >= 500 or status in (408, 425):
            raise PassingError(f"NeoWs is out of order ({said}): try again later", retry_after_s=wait_s)
        if status in (401, 403):
            raise SourceError(
                f"NeoWs refuses the key ({said}): set NASA_API_KEY to a valid one, free at https://api.nasa.gov"
            )
        if status == 404:
            raise SourceError(f"there is no NeoWs at {self._host} ({said}): check FLYBY_NEOWS_URL")
        if 300 <= status < 400:
            raise SourceError(
                f"{self._host} redirects elsewhere (HTTP {status}), where flyby does not take the key: "
                "set FLYBY_NEOWS_URL to the address where NeoWs is now"
            )
        if status < 300:
            raise FeedError(f"not a feed: {said}")
        raise SourceError(f"NeoWs refuses to answer for {answer.window} ({said})")

    def _redact(self, body: bytes) -> bytes:
        # Replacing goes over a body in no time, the pattern does not, and keys of letters and digits need no pattern.
        body = body.replace(self._key, _REDACTED)
        return body if self._key.isalnum() else self._key_pattern.sub(_REDACTED, body)


def _wait_s(error: Exception) -> bool | float:
    """Whether to try again after `error`, and after how many seconds if the source says."""
    if not isinstance(error, (PassingError, QuotaError)):
        return False
    if error.retry_after_s is None:
        return True
    return max(error.retry_after_s, FIRST_WAIT_S) if error.retry_after_s <= LONGEST_WAIT_S else False


def _decoded(chunks: Iterable[bytes], encoding: str) -> bytes:
    """The content, unpacked bit by bit: a body without end, or a compression bomb, never takes more than the cap."""
    if encoding.strip().lower() not in ("", "identity", "gzip", "x-gzip"):
        raise PassingError("NeoWs answers in an encoding that nobody asked for: try again later")
    gzip = zlib.decompressobj(wbits=31) if encoding.strip().lower().endswith("gzip") else None
    content = bytearray()
    try:
        for chunk in chunks:
            content += gzip.decompress(chunk, MAX_BODY_BYTES + 1 - len(content)) if gzip else chunk
            if len(content) > MAX_BODY_BYTES:
                raise SourceError(f"the answer has more than {MAX_BODY_BYTES >> 20} MiB: check FLYBY_NEOWS_URL")
    except zlib.error:
        raise PassingError("NeoWs sent damaged gzip: try again later") from None
    if gzip and content and not gzip.eof:
        raise PassingError("NeoWs broke off its answer: try again later")
    return bytes(content)


def _key_pattern(key: str) -> re.Pattern[bytes]:
    """The key as it may stand in an answer: each sign that is no letter or digit plain, percent-encoded or escaped."""

    def sign(char: str) -> str:
        code = f"{ord(char):02x}"
        return rf"(?:\\?{re.escape(char)}|(?i:%(?:25)*{code}|\\u00{code}))"

    return re.compile("".join(char if char.isalnum() else sign(char) for char in key).encode())


def _quota(headers: dict[str, str]) -> Quota:
    return Quota(_whole(headers.get("x-ratelimit-limit", "")), _whole(headers.get("x-ratelimit-remaining", "")))


def _whole(text: str) -> int | None:
    return int(text) if re.fullmatch("[0-9]{1,9}", text.strip()) else None


def _retry_after_s(text: str) -> float | None:
    """Seconds, from either form that HTTP allows; None if it is absent or makes no sense."""
    if (seconds := _whole(text)) is not None:
        return float(seconds)
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())


def _minutes(seconds: float) -> str:
    return f"{seconds / 60:.0f} minutes" if seconds >= 90 else f"{seconds:.0f} s"


def _pool(url: str) -> httpcore2.ConnectionPool:
    """Connections to `url`, through the proxy that the environment names, if any."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    name = getproxies().get(parts.scheme)
    proxy = None
    if name and host != "localhost" and not host.startswith("127.") and not proxy_bypass(host):
        at = urlsplit(name if "://" in name else f"http://{name}")
        auth = (at.username, at.password or "") if at.username else None
        proxy = httpcore2.Proxy(f"{at.scheme}://{at.hostname}:{at.port or 80}", auth=auth)
    return httpcore2.ConnectionPool(
        proxy=proxy, max_connections=IN_FLIGHT, max_keepalive_connections=IN_FLIGHT, network_backend=_Backend()
    )


class _Deadline(threading.local):
    """When the attempt that this thread is making must be over."""

    until = inf

    def within(self, timeout: float | None) -> float:
        left = self.until - time.monotonic()
        if left <= 0:
            raise httpcore2.ReadTimeout
        return min(left, inf if timeout is None else timeout)


_deadline = _Deadline()


class _Backend(httpcore2.SyncBackend):
    """TCP whose every wait ends at the deadline too: httpcore's own timeouts begin anew with each byte that comes."""

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.NetworkStream:
        return _Stream(super().connect_tcp(host, port, _deadline.within(timeout), local_address, socket_options))


class _Stream(httpcore2.NetworkStream):
    def __init__(self, stream: httpcore2.NetworkStream) -> None:
        self._stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, _deadline.within(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, _deadline.within(timeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore2.NetworkStream:
        return _Stream(self._stream.start_tls(ssl_context, server_hostname, _deadline.within(timeout)))

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)
