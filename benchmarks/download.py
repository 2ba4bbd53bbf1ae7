"""The download that the floors and dlt share: every window of a range, several at a time.

httpx2 with four threads was the fastest of httpx and httpx2, each with threads and with asyncio, over loopback.
"""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import TypeVar

import httpx2

from flyby.days import Window, windows

IN_FLIGHT = 4

T = TypeVar("T")


def each_window(first: date, last: date, use: Callable[[Window, bytes], T]) -> Iterator[T]:
    """What `use` makes of every window's answer, in the windows' order; `use` runs in the downloading thread."""
    url = os.environ["FLYBY_NEOWS_URL"] + "/feed"
    with (
        httpx2.Client(headers={"X-Api-Key": os.environ["NASA_API_KEY"]}, timeout=60) as client,
        ThreadPoolExecutor(IN_FLIGHT) as pool,
    ):

        def fetch(window: Window) -> T:
            days = {"start_date": window.start.isoformat(), "end_date": window.end.isoformat()}
            return use(window, client.get(url, params=days).raise_for_status().content)

        yield from pool.map(fetch, windows(first, last))
