"""Asking JPL's close-approach data: one window in, one answer out. Keyless: nothing is sent but the question.

JPL asks for one request at a time, so no more than one is ever under way. A second opinion can wait: fewer attempts and
less patience than for NeoWs.
"""

import threading
from collections.abc import Callable
from datetime import datetime
from types import TracebackType
from typing import Self
from urllib.parse import urlencode

from flyby import __version__
from flyby.days import DAY, FIRST_DAY, LAST_DAY, Window
from flyby.errors import FeedError, PassingError, SourceError
from flyby.sources.answer import Answer, Quota
from flyby.sources.cad import feed
from flyby.sources.http import Patience, Service, retry_after_s

#: As far as NeoWs lists, in au.
FARTHEST_AU = "0.5"

CONNECT_TIMEOUT_S = 5.0
#: The longest silence. A year takes JPL a few seconds.
READ_TIMEOUT_S = 20.0
#: The longest that one attempt may take in all, however steadily it drips.
DEADLINE_S = 40.0
#: Decoded. The longest real answer has 1.2 MB.
MAX_BODY_BYTES = 32 << 20

#: The first and two more.
ATTEMPTS = 3
FIRST_WAIT_S = 1.0
#: After this long no further attempt is begun.
PATIENCE_S = 60.0
#: If JPL wants more time than this it is not waited for.
LONGEST_WAIT_S = 20.0

_HEADERS = [("User-Agent", f"flyby/{__version__} (one request at a time, a few a day)")]

# For the whole process, however many clients there are.
_one_at_a_time = threading.Lock()


class Cad:
    """JPL's close-approach data at `url`. A context manager; several threads may fetch, and take turns.

    `on_answer` is given every complete response, a refusal or a page too, before it is judged.
    """

    def __init__(self, url: str, *, on_answer: Callable[[Answer], object]) -> None:
        self._service = Service(url, name="JPL", setting="FLYBY_CAD_URL", connections=1)
        self._on_answer = on_answer

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._service.close()

    def fetch(self, window: Window, *, requested_at: datetime) -> Answer:
        """The answer for `window`: close approaches that `feed.decode` accepts.

        What tends to pass is tried again, up to ATTEMPTS times. Raises PassingError (FeedError: answers came, but no
        close approaches) when the attempts are used up, SourceError when trying again would change nothing.
        """
        patience = _patience()
        for attempt in patience.tries():
            with attempt:
                return self._attempt(window, requested_at, attempt.num, patience)
        raise AssertionError("unreachable")

    def _attempt(self, window: Window, requested_at: datetime, number: int, patience: Patience) -> Answer:
        with _one_at_a_time:
            status, headers, body = self._service.get(_query(window), _HEADERS, patience)
        answer = Answer("cad", window, requested_at, number, status, body, Quota(None, None))
        self._on_answer(answer)
        self._judge(answer, headers)
        return answer

    def _judge(self, answer: Answer, headers: dict[str, str]) -> None:
        """Return if the answer is close-approach data, else raise what it is."""
        status, host = answer.http_status, self._service.host
        if status == 200:
            feed.decode(answer.body, answer.window)
            return
        said = f"HTTP {status} {feed.complaint(answer.body)}".strip()
        if status >= 500 or status in (408, 425):
            raise PassingError(
                f"JPL's close-approach data is out of order ({said}): try again later",
                retry_after_s=retry_after_s(headers),
            )
        if status == 429:  # final: asking again at once would be what it complains of
            raise SourceError(f"JPL asks for fewer requests ({said}): try again tomorrow")
        if status == 404:
            raise SourceError(f"there is no close-approach data at {host} ({said}): check FLYBY_CAD_URL")
        if 300 <= status < 400:
            raise SourceError(f"{host} redirects elsewhere (HTTP {status}): set FLYBY_CAD_URL to where it is now")
        if status < 300:
            raise FeedError(f"not close-approach data: {said}")
        raise SourceError(f"JPL refuses to answer for {answer.window} ({said}): check FLYBY_CAD_URL, or upgrade flyby")


def _query(window: Window) -> str:
    return urlencode(
        {
            # A day wider than what is judged: JPL filters by the instant, the data day comes from a rounded one.
            "date-min": max(window.start - DAY, FIRST_DAY),
            # With its time: a day alone might be meant to end where it begins.
            "date-max": f"{min(window.end + DAY, LAST_DAY)}T23:59:59",
            "dist-max": FARTHEST_AU,
            "body": "Earth",
            "fullname": "true",
            "diameter": "true",
        }
    )


def _patience() -> Patience:
    return Patience(
        connect_s=CONNECT_TIMEOUT_S,
        read_s=READ_TIMEOUT_S,
        deadline_s=DEADLINE_S,
        body_bytes=MAX_BODY_BYTES,
        attempts=ATTEMPTS,
        first_wait_s=FIRST_WAIT_S,
        total_s=PATIENCE_S,
        longest_wait_s=LONGEST_WAIT_S,
    )
