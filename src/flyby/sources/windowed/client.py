"""Asking an API that is declared: one window in, one answer out, all its pages, with patience for what passes.

The key travels in a header, to the address that was declared and to no other, and is taken out of every answer before
anyone sees it.
"""

import threading
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from datetime import datetime
from urllib.parse import urlencode, urljoin, urlsplit

from flyby import __version__
from flyby.days import Window
from flyby.errors import FeedError, SourceError, UsageError
from flyby.sources.answer import Allowed, Answer, Quota
from flyby.sources.http import Patience, Response, Service, Words
from flyby.sources.secrets import Redaction
from flyby.sources.windowed.api import Api
from flyby.sources.windowed.feed import Rows, next_link, together

#: A window of more pages is a paging that does not end.
MOST_PAGES = 1000
PATIENCE = Patience(
    connect_s=10.0,
    read_s=60.0,
    deadline_s=120.0,
    body_bytes=64 << 20,  # of one page
    attempts=4,
    first_wait_s=0.2,
    total_s=300.0,
    longest_wait_s=120.0,
)


class ApiClient(Service):
    """The API `api`, asked with `key` if it wants one. A context manager; several threads may fetch, and take turns.

    `on_answer` is given every complete answer, a refusal or a page too, before it is judged. Where requests are
    counted, `allowed` says when one may be sent, inside its context. While the source is down it is asked again for
    `outage_s`, and `tell` is told once that takes long.
    """

    def __init__(
        self,
        api: Api,
        key: str | None,
        *,
        on_answer: Callable[[Answer], object],
        allowed: Allowed | None = None,
        outage_s: float = 0.0,
        tell: Callable[[str], None] | None = None,
    ) -> None:
        headers = [("User-Agent", f"flyby/{__version__}"), ("Accept", "application/json")]
        if api.key_header and key:
            headers.append((api.key_header, key))
        words = Words(
            name=api.title, setting="url", key="check api_key and key_header", question="check window and parameters"
        )
        patience = replace(PATIENCE, outage_s=outage_s, tell=tell)
        super().__init__(api.url, words, patience, headers=headers, connections=1)
        self._api = api
        self._rows = Rows(api)
        self._redact = Redaction(key) if key else bytes
        self._on_answer = on_answer
        self._allowed: Allowed = allowed or (lambda: nullcontext(lambda _: None))
        self._turn = threading.Lock()
        self._next_at = 0.0

    def fetch(self, window: Window, *, requested_at: datetime) -> Answer:
        """The answer for `window`: rows that `Rows.decode` accepts.

        What tends to pass is tried again. Raises QuotaError when the allowance is used up, PassingError (FeedError:
        answers came, but no rows of the window) when the attempts are, SourceError when trying again would change
        nothing, UsageError for a window that is too long.
        """
        if len(window.days) > self._api.window_days:
            raise UsageError(f"{self.title} is asked for at most {self._api.window_days} days, not for {window}")
        return self._patience.until_done(lambda number: self._attempt(window, requested_at, number))

    def _attempt(self, window: Window, requested_at: datetime, number: int) -> Answer:
        with self._turn:
            last, pages = self._pages(window)
        api, body = self._api, together(pages)
        quota = Quota(last.whole(api.limit_header), last.whole(api.remaining_header))
        answer = Answer(api.name, window, requested_at, number, last.status, body, quota)
        self._on_answer(answer)
        if last.status != 200:
            raise self.refusal(last, window, self._rows.complaint(body))
        self._rows.decode(body, window)
        return answer

    def _pages(self, window: Window) -> tuple[Response, list[bytes]]:
        """The last response, and the bodies that belong to the answer: those of all pages, or that of the one that is
        no page."""
        query = urlencode(self._query(window, 0))
        pages: list[bytes] = []
        asked = {query}
        while True:
            response = self.get(query)
            page = self._redact(response.body)
            if response.status != 200:
                return response, [page]
            pages.append(page)
            try:
                following = self._next(window, page, len(pages))
            except FeedError:  # which the answer is going to be judged for
                following = None
            if following is None:
                return response, pages
            if following in asked or len(pages) >= MOST_PAGES:
                raise SourceError(f"{self.title} gives pages without end for {window}: check paging")
            asked.add(query := following)

    def _query(self, window: Window, pages: int) -> list[tuple[str, str]]:
        paging = self._api.paging
        query = self._api.query(window)
        if paging and paging.offset and paging.limit:
            place = paging.first + pages * paging.rows
            query += [(paging.limit, str(paging.rows)), (paging.offset, str(place))]
        return query

    def _next(self, window: Window, page: bytes, pages: int) -> str | None:
        """What to ask for the page that follows the first `pages`; None if there is none."""
        paging = self._api.paging
        if paging is None:
            return None
        if paging.link is None:
            is_last = len(self._rows.listed(page)) < paging.rows
            return None if is_last else urlencode(self._query(window, pages))
        link = next_link(page, paging.link)
        if link is None:
            return None
        own, other = urlsplit(self._api.url), urlsplit(urljoin(self._api.url, link))
        # The key goes to no other address than the one that was declared.
        if (own.scheme, own.netloc, own.path) != (other.scheme, other.netloc, other.path):
            raise SourceError(f"{self.title}'s next page lies at another address than its url: check paging")
        return other.query

    def get(self, query: str) -> Response:
        """One exchange, at the declared pace, as long as there are requests left."""
        with self._allowed():
            time.sleep(max(0.0, self._next_at - time.monotonic()))
            self._next_at = time.monotonic() + self._api.pace_s
            return super().get(query)
