"""One HTTP exchange, the same for every source: bounded in time and in size, what goes wrong in flyby's words.

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
from typing import Any, NamedTuple, Self, TypeVar
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import httpcore2
import stamina

from flyby.errors import FeedError, PassingError, QuotaError, SourceError

#: The longest wait between two attempts while a source is down.
OUTAGE_WAIT_S = 20.0
#: An answer is filed under this computer's clock, which may differ from the source's by so much.
CLOCK_SLACK = timedelta(days=1)

T = TypeVar("T")

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

    def until_done(self, attempt: Callable[[int], T]) -> T:
        """What `attempt` returns; it is given its number, 1, 2, …, and made again after what tends to pass."""
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

        for made in stamina.retry_context(
            on=goes_on,
            attempts=None,
            timeout=max(self.total_s, self.outage_s),
            wait_initial=self.first_wait_s,
            wait_max=OUTAGE_WAIT_S,
            wait_exp_base=3,
            wait_jitter=self.first_wait_s,
        ):
            with made:
                return attempt(made.num)
        raise AssertionError("unreachable")

    def _wait_s(self, error: Exception) -> bool | float:
        """Whether to try again after `error`, and after how many seconds if the source says."""
        if not isinstance(error, (PassingError, QuotaError)):
            return False
        if error.retry_after_s is None:
            return True
        return max(error.retry_after_s, self.first_wait_s) if error.retry_after_s <= self.longest_wait_s else False


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """What a service is called, and what to do when it refuses."""

    #: Who answers, and from what, where they have several services.
    name: str
    what: str = ""
    #: Where its address is set.
    setting: str
    #: What to do about a refused key; empty where there are no keys, and so no allowances …
    key: str = ""
    #: … about a used-up allowance, besides waiting …
    allowance: str = ""
    #: … and about a refused question, if there is more to it than the address.
    question: str = ""


class Response(NamedTuple):
    """A complete response: header names in lower case, the body decoded."""

    status: int
    headers: dict[str, str]
    body: bytes

    def whole(self, header: str | None) -> int | None:
        """The number that `header` holds; None if it is absent or makes no sense."""
        text = self.headers.get(header.lower(), "").strip() if header else ""
        return int(text) if re.fullmatch("[0-9]{1,9}", text) else None

    def retry_after_s(self) -> float | None:
        """How long the source says to wait, in either form that HTTP allows; None if nothing that makes sense."""
        if (seconds := self.whole("retry-after")) is not None:
            return float(seconds)
        try:
            moment = parsedate_to_datetime(self.headers.get("retry-after", ""))
        except ValueError:
            return None
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return max(0.0, (moment - datetime.now(UTC)).total_seconds())


class Service:
    """The service at `url`. A context manager; several threads may ask at once."""

    def __init__(
        self, url: str, words: Words, patience: Patience, *, headers: Sequence[tuple[str, str]], connections: int
    ) -> None:
        self.title = f"{words.name}'s {words.what}" if words.what else words.name
        self._host = urlsplit(url).hostname or ""
        self._url = url
        self._words = words
        self._patience = patience
        self._headers = [*headers, ("Accept-Encoding", "gzip")]
        self._pool = _pool(url, connections)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.close()

    def get(self, query: str) -> Response:
        """One exchange, without retries. Redirects are not followed.

        Raises PassingError for what tends to pass, SourceError for what does not.
        """
        patience = self._patience
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
                headers=self._headers,
                extensions={"timeout": timeouts},
            ) as response:
                got = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers}
                self._check_clock(got.get("date", ""))
                body = self._decoded(response.iter_stream(), got.get("content-encoding", ""))
                return Response(response.status, got, body)
        except _FAILURES as error:
            raise self._failure(error) from None

    def refusal(self, response: Response, asked: object, complaint: str = "") -> SourceError:
        """What a response is that brings nothing for `asked`; `complaint` is what its body says of itself."""
        status, words, wait_s = response.status, self._words, response.retry_after_s()
        name, host, setting = words.name, self._host, words.setting
        said = f"HTTP {status} {complaint}".strip()
        if status >= 500 or status in (408, 425):
            return PassingError(f"{self.title} is out of order ({said}): try again later", retry_after_s=wait_s)
        if status == 429 and words.key:
            again = f"try again {'later' if wait_s is None else f'in {minutes(wait_s)}'}{words.allowance}"
            return QuotaError(f"the allowance at {name} is used up ({said}): {again}", retry_after_s=wait_s)
        if status == 429:  # final: asking again at once would be what it complains of
            return SourceError(f"{name} asks for fewer requests ({said}): try again tomorrow")
        if status in (401, 403) and words.key:
            return SourceError(f"{name} refuses to answer without a valid key ({said}): {words.key}")
        if status == 404:
            return SourceError(f"there is no {words.what or name} at {host} ({said}): check {setting}")
        if 300 <= status < 400:
            return SourceError(f"{host} redirects elsewhere (HTTP {status}): set {setting} to where it is now")
        if status < 300:
            return FeedError(f"no answer for {asked}: {said}")
        advice = words.question or f"check {setting}, or upgrade flyby"
        return SourceError(f"{name} refuses to answer for {asked} ({said}): {advice}")

    def _check_clock(self, date: str) -> None:
        """SourceError if this computer's clock is so wrong that an answer would be filed under another day."""
        try:
            off = datetime.now(UTC) - parsedate_to_datetime(date).replace(tzinfo=UTC)
        except ValueError:  # none, or no date
            return
        if abs(off) > CLOCK_SLACK:
            days = f"{abs(off).days:,} days {'ahead' if off.days >= 0 else 'behind'}"
            raise SourceError(
                f"by the clock of {self._host} this computer's is {days}: set it, then run the same again"
            )

    def _failure(self, error: Exception) -> SourceError:
        """What a failed exchange is in flyby's words; httpcore's may quote what was sent."""
        host, setting = self._host, self._words.setting
        cause = error.__context__  # the operating system's own error
        if isinstance(cause, gaierror):
            return PassingError(f"{host} is not found: is there a network? Else check {setting}")
        if isinstance(cause, ssl.SSLError) and isinstance(error, httpcore2.ConnectError):
            if isinstance(cause, (ssl.SSLEOFError, ssl.SSLZeroReturnError)):
                return PassingError(f"{host} hung up during the TLS handshake: try again later")
            reason = getattr(cause, "verify_message", None) or cause.reason or "handshake failed"
            return SourceError(
                f"no secure connection to {host} ({reason.replace('_', ' ').lower()}): "
                f"check this computer's clock and certificates, the network's proxy, and {setting}"
            )
        if isinstance(error, httpcore2.ConnectTimeout):
            return PassingError(f"{host} cannot be reached within {self._patience.connect_s:g} s: is there a network?")
        if isinstance(error, httpcore2.ConnectError):
            return PassingError(f"{host} refuses connections: try again later, or check {setting}")
        if isinstance(error, httpcore2.TimeoutException):
            return PassingError(f"{host} answers too slowly: try again later")
        if isinstance(error, httpcore2.ProxyError):
            return PassingError("the proxy gives no connection: check HTTPS_PROXY")
        return PassingError(f"{host} broke off its answer: try again later")

    def _decoded(self, chunks: Iterable[bytes], encoding: str) -> bytes:
        """The content, unpacked bit by bit: a body without end, or a compression bomb, never takes more than the
        cap."""
        name, most_bytes = self._words.name, self._patience.body_bytes
        encoding = encoding.strip().lower()
        if encoding not in ("", "identity", "gzip", "x-gzip"):
            raise PassingError(f"{name} answers in an encoding that nobody asked for: try again later")
        gzip = zlib.decompressobj(wbits=31) if encoding.endswith("gzip") else None
        content = bytearray()
        try:
            for chunk in chunks:
                content += gzip.decompress(chunk, most_bytes + 1 - len(content)) if gzip else chunk
                if len(content) > most_bytes:
                    raise SourceError(f"the answer has more than {most_bytes >> 20} MiB: check {self._words.setting}")
        except zlib.error:
            raise PassingError(f"{name} sent damaged gzip: try again later") from None
        if gzip and content and not gzip.eof:
            raise PassingError(f"{name} broke off its answer: try again later")
        return bytes(content)


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
