"""Asking NeoWs: one window in, one answer out, with patience for what passes and a clear line for what does not.

The key travels in a header, to the address that was set and to no other, and is taken out of every answer before anyone
sees it.
"""

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from datetime import datetime
from urllib.parse import urlencode

from flyby.days import WINDOW_DAYS, Window
from flyby.errors import UsageError
from flyby.sources.answer import Allowed, Answer, Quota
from flyby.sources.http import Patience, Service, Words
from flyby.sources.neows import DEMO_KEY, feed
from flyby.sources.secrets import Redaction

#: Requests in flight at a time; a further one waits for its turn.
IN_FLIGHT = 8
PATIENCE = Patience(
    connect_s=10.0,
    read_s=30.0,
    deadline_s=60.0,
    body_bytes=16 << 20,  # the longest real answer has 0.3 MB
    attempts=4,
    first_wait_s=0.2,
    total_s=180.0,
    longest_wait_s=120.0,
)

_WORDS = Words(
    name="NeoWs", setting="FLYBY_NEOWS_URL", key="set NASA_API_KEY to a valid one, free at https://api.nasa.gov"
)
_DEMO_WORDS = replace(_WORDS, allowance=", or get a key of your own at https://api.nasa.gov (this is DEMO_KEY)")


class NeoWs(Service):
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
        super().__init__(
            url + "/feed",
            _DEMO_WORDS if key == DEMO_KEY else _WORDS,
            replace(PATIENCE, outage_s=outage_s, tell=tell),
            headers=[("X-Api-Key", key), ("User-Agent", "flyby")],
            connections=IN_FLIGHT,
        )
        self._redact = Redaction(key)
        self._on_answer = on_answer
        self._allowed: Allowed = allowed or (lambda: nullcontext(lambda _: None))

    def fetch(self, window: Window, *, requested_at: datetime) -> Answer:
        """The answer for `window`: a feed that `feed.decode` accepts.

        What tends to pass is tried again, or for `outage_s` while the source is down. Raises QuotaError when the key's
        allowance is used up, PassingError (FeedError: answers came, but no feed) when the attempts are, SourceError
        when trying again would change nothing, UsageError for a window of more than WINDOW_DAYS days.
        """
        if len(window.days) > WINDOW_DAYS:
            raise UsageError(f"NeoWs answers for at most {WINDOW_DAYS} days, not for {window}")
        return self._patience.until_done(lambda number: self._attempt(window, requested_at, number))

    def _attempt(self, window: Window, requested_at: datetime, number: int) -> Answer:
        with self._allowed() as answered:
            response = self.get(urlencode({"start_date": window.start, "end_date": window.end}))
            quota = Quota(response.whole("X-RateLimit-Limit"), response.whole("X-RateLimit-Remaining"))
            body = self._redact(response.body)
            answer = Answer("neows", window, requested_at, number, response.status, body, quota)
            self._on_answer(answer)
            answered(answer)
        if response.status != 200:
            raise self.refusal(response, window, feed.complaint(body))
        feed.decode(body, window)
        return answer
