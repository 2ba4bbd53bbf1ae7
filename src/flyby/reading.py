"""Reading the sky: windows asked for, answers landed, one sitting at a time."""

from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from datetime import datetime
from itertools import islice

from flyby.days import Window
from flyby.errors import QuotaError
from flyby.landing import land
from flyby.settings import Settings
from flyby.sources.http import Answer
from flyby.sources.neows.client import NeoWs

#: Requests under way at once. NASA's gateway serves each in about a second.
IN_FLIGHT = 4


@contextmanager
def neows(settings: Settings) -> Iterator[NeoWs]:
    """NeoWs as the settings name it, with every answer landed in raw/ before it is judged."""
    with NeoWs(settings.neows_url, settings.api_key, on_answer=lambda answer: _land(settings, answer)) as client:
        yield client


def read(client: NeoWs, windows: Iterable[Window], *, at: datetime) -> Iterator[Answer]:
    """Ask for every window, a few at a time, as one sitting at the moment `at`; answers in the order in which they
    come.

    Never asks for more than the key is known to have left: the first request goes alone, since its answer says. Raises
    QuotaError when the allowance is used up; any error ends the reading only once the requests under way are answered,
    so that nothing that came is lost.
    """
    queue = iter(windows)
    room, left = 1, None
    with ThreadPoolExecutor(IN_FLIGHT, thread_name_prefix="neows") as pool:
        under_way: set[Future[Answer]] = set()
        while True:
            under_way |= {pool.submit(client.fetch, window, requested_at=at) for window in islice(queue, room)}
            if not under_way:
                break
            done, under_way = wait(under_way, return_when=FIRST_COMPLETED)
            for answer in [future.result() for future in done]:
                if answer.quota.remaining is not None:
                    left = answer.quota.remaining
                yield answer
            room = IN_FLIGHT - len(under_way)
            if left is not None:
                room = max(0, min(room, left - len(under_way)))
    if next(queue, None) is not None:
        raise QuotaError("the key's allowance for this hour is used up: wait an hour, or use a key with more")


def _land(settings: Settings, answer: Answer) -> None:
    land(settings.raw, answer)
