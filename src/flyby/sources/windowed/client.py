"""Asking an API that is declared: one window in, one answer out, all its pages, with patience for what passes.

The key travels in a header, to the address that was declared and to no other, and is taken out of every answer before
anyone sees it.
"""

import threading
import time
from collections.abc import Callable
from datetime import datetime
from types import TracebackType
from typing import Self
from urllib.parse import urlencode, urljoin, urlsplit

from flyby import __version__
from flyby.days import Window
from flyby.errors import FeedError, PassingError, QuotaError, SourceError, UsageError
from flyby.sources.answer import Answer, Quota
from flyby.sources.http import Patience, Response, Service, minutes, retry_after_s, whole
from flyby.sources.secrets import Redaction
from flyby.sources.windowed.api import Api
from flyby.sources.windowed.feed import Rows, next_link, together

CONNECT_TIMEOUT_S = 10.0
#: The longest silence.
READ_TIMEOUT_S = 60.0
#: The longest that one attempt may take in all, however steadily it drips.
DEADLINE_S = 120.0
#: Decoded, of one page.
MAX_BODY_BYTES = 64 << 20
#: A window of more pages is a paging that does not end.
MOST_PAGES = 1000

ATTEMPTS = 4
FIRST_WAIT_S = 0.2
#: After this long no further attempt is begun.
PATIENCE_S = 300.0
#: A source that wants more time than this is not waited for.
LONGEST_WAIT_S = 120.0


class ApiClient:
    """The API `api`, asked with `key` if it wants one. A context manager; several threads may fetch, and take turns.

    `on_answer` is given every complete answer, a refusal or a page too, before it is judged. No more than `allowed`
    requests are sent, if that is given. While the source is down it is asked again for `outage_s`, and `tell` is told
    once that takes long.
    """

    def __init__(
        self,
        api: Api,
        key: str | None,
        *,
        on_answer: Callable[[Answer], object],
        allowed: int | None = None,
        outage_s: float = 0.0,
        tell: Callable[[str], None] | None = None,
    ) -> None:
        self.title = api.title
        self._api = api
        self._rows = Rows(api)
        self._service = Service(api.url, name=api.title, setting="url", connections=1)
        self._headers = [("User-Agent", f"flyby/{__version__}"), ("Accept", "application/json")]
        if api.key_header and key:
            self._headers.append((api.key_header, key))
        self._redact = Redaction(key) if key else bytes
        self._on_answer = on_answer
        self._left = allowed
        self._outage_s, self._tell = outage_s, tell
        self._turn = threading.Lock()
        self._next_at = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._service.close()

    def fetch(self, window: Window, *, requested_at: datetime) -> Answer:
        """The answer for `window`: rows that `Rows.decode` accepts.

        What tends to pass is tried again. Raises QuotaError when the allowance is used up, PassingError (FeedError:
        answers came, but no rows of the window) when the attempts are, SourceError when trying again would change
        nothing, UsageError for a window that is too long.
        """
        if len(window.days) > self._api.window_days:
            raise UsageError(f"{self.title} is asked for at most {self._api.window_days} days, not for {window}")
        patience = Patience(
            connect_s=CONNECT_TIMEOUT_S,
            read_s=READ_TIMEOUT_S,
            deadline_s=DEADLINE_S,
            body_bytes=MAX_BODY_BYTES,
            attempts=ATTEMPTS,
            first_wait_s=FIRST_WAIT_S,
            total_s=PATIENCE_S,
            longest_wait_s=LONGEST_WAIT_S,
            outage_s=self._outage_s,
            tell=self._tell,
        )
        for attempt in patience.tries():
            with attempt:
                return self._attempt(window, requested_at, attempt.num, patience)
        raise AssertionError("unreachable")

    def _attempt(self, window: Window, requested_at: datetime, number: int, patience: Patience) -> Answer:
        with self._turn:
            last, pages = self._pages(window, patience)
        api = self._api
        quota = Quota(_header(last, api.limit_header), _header(last, api.remaining_header))
        answer = Answer(api.name, window, requested_at, number, last.status, together(pages), quota)
        self._on_answer(answer)
        self._judge(answer, last.headers)
        return answer

    def _pages(self, window: Window, patience: Patience) -> tuple[Response, list[bytes]]:
        """The last response, and the bodies that belong to the answer: those of all pages, or that of the one that is
        no page."""
        query = urlencode(self._query(window, 0))
        pages: list[bytes] = []
        asked = {query}
        while True:
            response = self._get(query, patience)
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

    def _get(self, query: str, patience: Patience) -> Response:
        if self._left is not None:
            if self._left <= 0:
                raise QuotaError(f"the requests that {self.title} allows for a day are used up: try again tomorrow")
            self._left -= 1
        time.sleep(max(0.0, self._next_at - time.monotonic()))
        self._next_at = time.monotonic() + self._api.pace_s
        return self._service.get(query, self._headers, patience)

    def _judge(self, answer: Answer, headers: dict[str, str]) -> None:
        """Return if the answer holds rows of its window, else raise what it is."""
        status, title, host = answer.http_status, self.title, self._service.host
        if status == 200:
            self._rows.decode(answer.body, answer.window)
            return
        said = f"HTTP {status} {self._rows.complaint(answer.body)}".strip()
        wait_s = retry_after_s(headers)
        if status == 429:
            again = "try again later" if wait_s is None else f"try again in {minutes(wait_s)}"
            raise QuotaError(f"the allowance at {title} is used up ({said}): {again}", retry_after_s=wait_s)
        if status >= 500 or status in (408, 425):
            raise PassingError(f"{title} is out of order ({said}): try again later", retry_after_s=wait_s)
        if status in (401, 403):
            raise SourceError(f"{title} refuses to answer without a valid key ({said}): check api_key and key_header")
        if status == 404:
            raise SourceError(f"there is nothing at {host} ({said}): check url")
        if 300 <= status < 400:
            raise SourceError(f"{host} redirects elsewhere (HTTP {status}): set url to where it is now")
        if status < 300:
            raise FeedError(f"not a list of rows: {said}")
        raise SourceError(f"{title} refuses to answer for {answer.window} ({said}): check window and parameters")


def _header(response: Response, name: str | None) -> int | None:
    return whole(response.headers.get(name.lower(), "")) if name else None
