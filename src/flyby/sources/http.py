"""One HTTP exchange, the same for every source: bounded in time and in size, and its failures in flyby's words.

No message quotes what was sent, so neither a key nor a query is in any.
"""

import re
import ssl
import threading
import time
import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from math import inf
from socket import gaierror
from typing import Any, NamedTuple
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import httpcore2
import stamina

from flyby.errors import FeedError, PassingError, QuotaError, SourceError

#: The longest wait between two attempts while a source is down.
OUTAGE_WAIT_S = 20.0
#: An answer is filed under this computer's clock, which may differ from the source's by so much.
CLOCK_SLACK = timedelta(days=1)

_FAILURES = (httpcore2.NetworkError, httpcore2.ProtocolError, httpcore2.ProxyError, httpcore2.TimeoutException)

# Retries are reported in the error, if they end in one, not on the console.
stamina.instrumentation.set_on_retry_hooks(())


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long a source is waited for, and how much it may say."""

    connect_s: float
    #: The longest silence.
    read_s: float
    #: The longest that one attempt may take in all, however steadily it drips.
    deadline_s: float
    #: Decoded.
    body_bytes: int
    attempts: int
    #: Before the second attempt; three times as long before each further one.
    first_wait_s: float
    #: After this long no further attempt is begun.
    total_s: float
    #: A source that wants more time than this is not waited for.
    longest_wait_s: float
    #: So long a source that is down is asked again, however many attempts that takes …
    outage_s: float = 0.0
    #: … and who waits is told, once it takes long.
    tell: Callable[[str], None] | None = None

    def tries(self) -> Iterable[stamina.Attempt]:
        """The attempts, one after another until one raises nothing, or what another attempt would not change."""
        began = time.monotonic()
        attempts = 0

        def goes_on(error: Exception) -> bool | float:
            nonlocal attempts
            attempts += 1
            # That it is down passes by itself; an answer that is no feed may be so for ever.
            is_down = isinstance(error, PassingError) and not isinstance(error, FeedError)
            if attempts >= self.attempts:
                left_s = began + self.outage_s - time.monotonic()
                if not is_down or left_s <= 0:
                    return False
                if attempts == self.attempts and self.tell:
                    self.tell(f"{error} (waiting: asked again for {minutes(left_s)})")
            return self._wait_s(error)

        return stamina.retry_context(
            on=goes_on,
            attempts=None,
            timeout=max(self.total_s, self.outage_s),
            wait_initial=self.first_wait_s,
            wait_max=OUTAGE_WAIT_S,
            wait_exp_base=3,
            wait_jitter=self.first_wait_s,
        )

    def _wait_s(self, error: Exception) -> bool | float:
        """Whether to try again after `error`, and after how many seconds if the source says."""
        if not isinstance(error, (PassingError, QuotaError)):
            return False
        if error.retry_after_s is None:
            return True
        return max(error.retry_after_s, self.first_wait_s) if error.retry_after_s <= self.longest_wait_s else False


class Response(NamedTuple):
    """A complete response: header names in lower case, the body decoded."""

    status: int
    headers: dict[str, str]
    body: bytes


class Service:
    """The service `name` at `url`, an address that the setting `setting` names. Several threads may ask at once."""

    def __init__(self, url: str, *, name: str, setting: str, connections: int) -> None:
        self.host = urlsplit(url).hostname or ""
        self._url = url
        self._name = name
        self._setting = setting
        self._pool = _pool(url, connections)

    def close(self) -> None:
        """Hang up."""
        self._pool.close()

    def get(self, query: str, headers: Sequence[tuple[str, str]], patience: Patience) -> Response:
        """One exchange, without retries. Redirects are not followed.

        Raises PassingError for what tends to pass, SourceError for what does not.
        """
        timeouts = {
            "connect": patience.connect_s,
            "read": patience.read_s,
            "write": patience.read_s,
            "pool": patience.total_s,
        }
        _deadline.until = time.monotonic() + patience.deadline_s
        try:
            with self._pool.stream(
                "GET",
                f"{self._url}?{query}",
                headers=[*headers, ("Accept-Encoding", "gzip")],
                extensions={"timeout": timeouts},
            ) as response:
                got = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers}
                encoding = got.get("content-encoding", "")
                self._check_clock(got.get("date", ""))
                body = self._decoded(response.iter_stream(), encoding, patience.body_bytes)
                return Response(response.status, got, body)
        except _FAILURES as error:
            raise self._failure(error, patience) from None

    def _check_clock(self, date: str) -> None:
        """SourceError if this computer's clock is so wrong that an answer would be filed under another day."""
        try:
            off = datetime.now(UTC) - parsedate_to_datetime(date).replace(tzinfo=UTC)
        except ValueError:  # none, or no date
            return
        if abs(off) > CLOCK_SLACK:
            days = f"{abs(off).days:,} days {'ahead' if off.days >= 0 else 'behind'}"
            raise SourceError(f"by the clock of {self.host} this computer's is {days}: set it, then run the same again")

    def _failure(self, error: Exception, patience: Patience) -> SourceError:
        """What a failed exchange is in flyby's words; httpcore's may quote what was sent."""
        host = self.host
        cause = error.__context__  # the operating system's own error
        if isinstance(cause, gaierror):
            return PassingError(f"{host} is not found: is there a network? Else check {self._setting}")
        if isinstance(cause, ssl.SSLError) and isinstance(error, httpcore2.ConnectError):
            if isinstance(cause, (ssl.SSLEOFError, ssl.SSLZeroReturnError)):
                return PassingError(f"{host} hung up during the TLS handshake: try again later")
            reason = getattr(cause, "verify_message", None) or cause.reason or "handshake failed"
            return SourceError(
                f"no secure connection to {host} ({reason.replace('_', ' ').lower()}): "
                f"check this computer's clock and certificates, the network's proxy, and {self._setting}"
            )
        if isinstance(error, httpcore2.ConnectTimeout):
            return PassingError(f"{host} cannot be reached within {patience.connect_s:g} s: is there a network?")
        if isinstance(error, httpcore2.ConnectError):
            return PassingError(f"{host} refuses connections: try again later, or check {self._setting}")
        if isinstance(error, httpcore2.TimeoutException):
            return PassingError(f"{host} answers too slowly: try again later")
        if isinstance(error, httpcore2.ProxyError):
            return PassingError("the proxy gives no connection: check HTTPS_PROXY")
        return PassingError(f"{host} broke off its answer: try again later")

    def _decoded(self, chunks: Iterable[bytes], encoding: str, most_bytes: int) -> bytes:
        """The content, unpacked bit by bit: a body without end, or a compression bomb, never takes more than the
        cap."""
        encoding = encoding.strip().lower()
        if encoding not in ("", "identity", "gzip", "x-gzip"):
            raise PassingError(f"{self._name} answers in an encoding that nobody asked for: try again later")
        gzip = zlib.decompressobj(wbits=31) if encoding.endswith("gzip") else None
        content = bytearray()
        try:
            for chunk in chunks:
                content += gzip.decompress(chunk, most_bytes + 1 - len(content)) if gzip else chunk
                if len(content) > most_bytes:
                    raise SourceError(f"the answer has more than {most_bytes >> 20} MiB: check {self._setting}")
        except zlib.error:
            raise PassingError(f"{self._name} sent damaged gzip: try again later") from None
        if gzip and content and not gzip.eof:
            raise PassingError(f"{self._name} broke off its answer: try again later")
        return bytes(content)


def whole(text: str) -> int | None:
    """The number that a header holds; None if it is absent or makes no sense."""
    return int(text) if re.fullmatch("[0-9]{1,9}", text.strip()) else None


def retry_after_s(headers: dict[str, str]) -> float | None:
    """How long the source says to wait, in either form that HTTP allows; None if it says nothing that makes sense."""
    text = headers.get("retry-after", "")
    if (seconds := whole(text)) is not None:
        return float(seconds)
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())


def minutes(seconds: float) -> str:
    """A wait in words, like `48 minutes`."""
    return f"{seconds / 60:.0f} minutes" if seconds >= 90 else f"{seconds:.0f} s"


def _pool(url: str, connections: int) -> httpcore2.ConnectionPool:
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
        proxy=proxy, max_connections=connections, max_keepalive_connections=connections, network_backend=_Backend()
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
