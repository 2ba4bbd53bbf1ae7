"""Asking NeoWs: one window in, one answer out, with patience for what passes and a clear line for what does not.

The key travels in a header, to the address that was set and to no other, and is taken out of every answer before anyone
sees it.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime
from types import TracebackType
from typing import Self
from urllib.parse import urlencode

from flyby.days import WINDOW_DAYS, Window
from flyby.errors import FeedError, PassingError, QuotaError, SourceError, UsageError
from flyby.sources.answer import Answer, Quota
from flyby.sources.http import Patience, Service, minutes, retry_after_s, whole
from flyby.sources.neows import DEMO_KEY, feed
from flyby.sources.secrets import Redaction

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

Allowed = Callable[[], AbstractContextManager[Callable[[Answer], None]]]


class NeoWs:
    """NeoWs at `url`, asked with `key`. A context manager; several threads may fetch at once.

    `on_answer` is given every complete response, a refusal or a page too, before it is judged. Where others ask with
    the same key, `allowed` says when: each request is sent inside its context, which is told of the answer.
    While the source is down it is asked again for `outage_s`, and `tell` is told once that takes long.
    """

    def __init__(
        self,
        url: str,
        key: str,
        *,
        on_answer: Callable[[Answer], object],
        allowed: Allowed | None = None,
        outage_s: float = 0.0,
        tell: Callable[[str], None] | None = None,
    ) -> None:
        self.title = "NeoWs"
        self._service = Service(url + "/feed", name="NeoWs", setting="FLYBY_NEOWS_URL", connections=IN_FLIGHT)
        self._headers = [("X-Api-Key", key), ("User-Agent", "flyby")]
        self._redact = Redaction(key)
        self._is_demo_key = key == DEMO_KEY
        self._on_answer = on_answer
        self._outage_s = outage_s
        self._tell = tell
        self._allowed = allowed or _alone

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._service.close()

    def fetch(self, window: Window, *, requested_at: datetime) -> Answer:
        """The answer for `window`: a feed that `feed.decode` accepts.

        What tends to pass is tried again, up to ATTEMPTS times, or while the source is down for `outage_s`. Raises
        QuotaError when the key's allowance is used up, PassingError (FeedError: answers came, but no feed) when the
        attempts are, SourceError when trying again would change nothing, UsageError for a window of more than
        WINDOW_DAYS days.
        """
        if len(window.days) > WINDOW_DAYS:
            raise UsageError(f"NeoWs answers for at most {WINDOW_DAYS} days, not for {window}")
        patience = _patience(self._outage_s, self._tell)
        for attempt in patience.tries():
            with attempt:
                return self._attempt(window, requested_at, attempt.num, patience)
        raise AssertionError("unreachable")

    def _attempt(self, window: Window, requested_at: datetime, number: int, patience: Patience) -> Answer:
        query = urlencode({"start_date": window.start, "end_date": window.end})
        with self._allowed() as answered:
            status, headers, body = self._service.get(query, self._headers, patience)
            answer = Answer("neows", window, requested_at, number, status, self._redact(body), _quota(headers))
            self._on_answer(answer)
            answered(answer)
        self._judge(answer, headers)
        return answer

    def _judge(self, answer: Answer, headers: dict[str, str]) -> None:
        """Return if the answer is a feed, else raise what it is."""
        status = answer.http_status
        if status == 200:
            feed.decode(answer.body, answer.window)
            return
        said = f"HTTP {status} {feed.complaint(answer.body)}".strip()
        wait_s = retry_after_s(headers)
        if status == 429:
            again = "try again later" if wait_s is None else f"try again in {minutes(wait_s)}"
            hint = ", or get a key of your own at https://api.nasa.gov (this is DEMO_KEY)" if self._is_demo_key else ""
            raise QuotaError(f"the key's allowance at NeoWs is used up ({said}): {again}{hint}", retry_after_s=wait_s)
        if status >= 500 or status in (408, 425):
            raise PassingError(f"NeoWs is out of order ({said}): try again later", retry_after_s=wait_s)
        if status in (401, 403):
            raise SourceError(
                f"NeoWs refuses the key ({said}): set NASA_API_KEY to a valid one, free at https://api.nasa.gov"
            )
        if status == 404:
            raise SourceError(f"there is no NeoWs at {self._service.host} ({said}): check FLYBY_NEOWS_URL")
        if 300 <= status < 400:
            raise SourceError(
                f"{self._service.host} redirects elsewhere (HTTP {status}), where flyby does not take the key: "
                "set FLYBY_NEOWS_URL to the address where NeoWs is now"
            )
        if status < 300:
            raise FeedError(f"not a feed: {said}")
        raise SourceError(f"NeoWs refuses to answer for {answer.window} ({said})")


def _alone() -> AbstractContextManager[Callable[[Answer], None]]:
    return nullcontext(lambda _: None)


def _patience(outage_s: float, tell: Callable[[str], None] | None) -> Patience:
    return Patience(
        connect_s=CONNECT_TIMEOUT_S,
        read_s=READ_TIMEOUT_S,
        deadline_s=DEADLINE_S,
        body_bytes=MAX_BODY_BYTES,
        attempts=ATTEMPTS,
        first_wait_s=FIRST_WAIT_S,
        total_s=PATIENCE_S,
        longest_wait_s=LONGEST_WAIT_S,
        outage_s=outage_s,
        tell=tell,
    )


def _quota(headers: dict[str, str]) -> Quota:
    return Quota(whole(headers.get("x-ratelimit-limit", "")), whole(headers.get("x-ratelimit-remaining", "")))
