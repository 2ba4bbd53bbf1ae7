"""Asking JPL's close-approach data: one window in, one answer out. Nothing is sent but the question."""

from collections.abc import Callable
from datetime import datetime
from urllib.parse import urlencode

from flyby.days import DAY, FIRST_DAY, LAST_DAY, Window
from flyby.sources.answer import Answer, Quota
from flyby.sources.cad import feed
from flyby.sources.jpl import Jpl

#: As far as NeoWs lists, in au.
FARTHEST_AU = "0.5"


class Cad(Jpl):
    """JPL's close-approach data at `url`. A context manager; several threads may fetch, and take turns.

    `on_answer` is given every complete response, a refusal or a page too, before it is judged.
    """

    def __init__(self, url: str, *, on_answer: Callable[[Answer], object]) -> None:
        super().__init__(url, what="close-approach data", setting="FLYBY_CAD_URL")
        self._on_answer = on_answer

    def fetch(self, window: Window, *, requested_at: datetime) -> Answer:
        """The answer for `window`: close approaches that `feed.decode` accepts.

        What tends to pass is tried again. Raises PassingError (FeedError: answers came, but no close approaches) when
        the attempts are used up, SourceError when trying again would change nothing.
        """
        return self._patience.until_done(lambda number: self._attempt(window, requested_at, number))

    def _attempt(self, window: Window, requested_at: datetime, number: int) -> Answer:
        response = self.get(_query(window))
        answer = Answer("cad", window, requested_at, number, response.status, response.body, Quota(None, None))
        self._on_answer(answer)
        if response.status != 200:
            raise self.refusal(response, window, feed.complaint(answer.body))
        feed.decode(answer.body, window)
        return answer


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
