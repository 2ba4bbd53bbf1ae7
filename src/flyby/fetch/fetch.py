"""Reading the sky: windows asked for, answers landed, one sitting at a time."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack, closing, contextmanager
from datetime import date, datetime
from itertools import islice

from flyby.days import Window
from flyby.errors import FeedError, QuotaError, SourceError
from flyby.fetch.raw import keeper
from flyby.settings import Settings
from flyby.sources.answer import Answer
from flyby.sources.neows.client import NeoWs
from flyby.sources.observations import is_simulated
from flyby.store.allowance import SharedAllowance

#: Requests under way at once. NASA's gateway serves each in about a second.
IN_FLIGHT = 4
#: So many windows one after another without a feed are a source that is broken, not windows that are.
REFUSED_IN_A_ROW = 8


class Refused(SourceError):
    """Windows for which NeoWs gave complete answers, but no feed: each with what is wrong."""

    def __init__(self, refused: Mapping[Window, FeedError]) -> None:
        window, error = next(iter(refused.items()))
        which = str(window) if len(refused) == 1 else f"{len(refused):,} windows, the first of them {window}"
        super().__init__(f"NeoWs gives no answer that can be read for {which} ({error})")
        self.refused = dict(refused)


@contextmanager
def neows(
    settings: Settings,
    *,
    purpose: str,
    tick: date | None = None,
    outage_s: float = 0.0,
    tell: Callable[[str], None] | None = None,
) -> Iterator[NeoWs]:
    """NeoWs as the settings name it, with every answer landed in raw/ before it is judged, and with what it was asked
    for; the machines of a lake share one allowance. While it is down it is asked again for `outage_s`, and `tell` is
    told."""
    with ExitStack() as stack:
        allowed = SharedAllowance(settings.lake, settings.api_key) if settings.lake else None
        if allowed:
            stack.enter_context(closing(allowed))
        keep = keeper(settings.raw, purpose=purpose, tick=tick, is_simulated=is_simulated)
        client = NeoWs(
            settings.neows_url, settings.api_key, on_answer=keep, allowed=allowed, outage_s=outage_s, tell=tell
        )
        yield stack.enter_context(client)


def read(client: NeoWs, windows: Iterable[Window], *, at: datetime) -> Iterator[Answer]:
    """Ask for every window, a few at a time, as one sitting at the moment `at`; answers in the order in which they
    come.

    Never asks for more than the key is known to have left: until an answer says, one request goes at a time. Raises
    QuotaError when the allowance is used up; any error ends the reading only once the requests under way are answered,
    so that nothing that came is lost. A window that brings no feed does not end it: Refused is raised when all others
    are answered, FeedError if REFUSED_IN_A_ROW brought none.
    """
    queue = iter(windows)
    answered, left = False, None
    refused: dict[Window, FeedError] = {}
    in_a_row = 0
    with ThreadPoolExecutor(IN_FLIGHT, thread_name_prefix="neows") as pool:
        under_way: dict[Future[Answer], Window] = {}
        while True:
            room = (IN_FLIGHT if answered else 1) - len(under_way)
            if left is not None:
                room = max(0, min(room, left - len(under_way)))
            under_way |= {pool.submit(client.fetch, w, requested_at=at): w for w in islice(queue, room)}
            if not under_way:
                break
            for future in wait(under_way, return_when=FIRST_COMPLETED).done:
                window = under_way.pop(future)
                try:
                    answer = future.result()
                except FeedError as error:
                    refused[window] = error
                    in_a_row += 1
                    if in_a_row == REFUSED_IN_A_ROW:
                        raise FeedError(f"NeoWs gives no answers that can be read: {error}") from None
                    continue
                answered, in_a_row = True, 0
                if answer.quota.remaining is not None:
                    left = answer.quota.remaining
                yield answer
    if next(queue, None) is not None:
        raise QuotaError("the key's allowance for this hour is used up: wait an hour, or use a key with more")
    if refused:
        raise Refused(refused)
