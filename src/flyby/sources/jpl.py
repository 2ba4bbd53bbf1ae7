"""Asking JPL: without a key, one request at a time, as it asks, and with less patience than NeoWs: it can wait."""

import threading

from flyby import __version__
from flyby.sources.http import Patience, Response, Service, Words

PATIENCE = Patience(
    connect_s=5.0,
    read_s=20.0,  # a year of close approaches takes JPL a few seconds
    deadline_s=40.0,
    body_bytes=32 << 20,  # the longest real answer has 1.2 MB
    attempts=3,
    first_wait_s=1.0,
    total_s=60.0,
    longest_wait_s=20.0,
)

_HEADERS = [("User-Agent", f"flyby/{__version__} (one request at a time, a few a day)")]

# For the whole process, however many clients there are.
_one_at_a_time = threading.Lock()


class Jpl(Service):
    """JPL's `what` at `url`, which the setting `setting` holds. Several threads may ask, and take turns."""

    def __init__(self, url: str, *, what: str, setting: str) -> None:
        words = Words(name="JPL", what=what, setting=setting)
        super().__init__(url, words, PATIENCE, headers=_HEADERS, connections=1)

    def get(self, query: str) -> Response:
        """One exchange, in its turn."""
        with _one_at_a_time:
            return super().get(query)
