"""Reading a source: windows asked for, answers landed, one sitting at a time."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import closing, contextmanager
from datetime import date, datetime, timedelta
from itertools import count, islice

from flyby.days import Window
from flyby.errors import FeedError, QuotaError, SourceError
from flyby.fetch.raw import keeper, landed
from flyby.settings import Home
from flyby.sources.answer import Allowed, Answer, Client
from flyby.store.allowance import SharedAllowance

#: Requests under way at once. NASA's gateway serves each in about a second.
IN_FLIGHT = 4
#: So many windows one after another without a feed are a source that is broken, not windows that are.
REFUSED_IN_A_ROW = 8


class Refused(SourceError):
    """Windows for which the source gave complete answers, but no rows: each with what is wrong."""

    def __init__(self, title: str, refused: Mapping[Window, FeedError]) -> None:
        window, error = next(iter(refused.items()))
        which = str(window) if len(refused) == 1 else f"{len(refused):,} windows, the first of them {window}"
        super().__init__(f"{title} gives no answer that can be read for {which} ({error})")
        self.refused = dict(refused)


@contextmanager
def asking(
    settings: Home,
    *,
    purpose: str,
    tick: date | None = None,
    outage_s: float = 0.0,
    tell: Callable[[str], None] | None = None,
) -> Iterator[Client]:
    """The primary source as the settings name it, with every answer landed in raw/ before it is judged, and with what
    it was asked for. While it is down it is asked again for `outage_s`, and `tell` is told."""
    keep = keeper(settings.raw, purpose=purpose, tick=tick, is_simulated=settings.dataset.is_simulated)
    with (
        _allowance(settings) as allowed,
        settings.client(on_answer=keep, allowed=allowed, outage_s=outage_s, tell=tell) as client,
    ):
        yield client


@contextmanager
def _allowance(settings: Home) -> Iterator[Allowed | None]:
    """When a request may be sent, where that is more than the client can know: the machines of a lake share what their
    key has left, and where there is a figure for a day, what was landed counts."""
    policy = settings.policy
    if policy.by_key and settings.lake and settings.api_key:
        with closing(SharedAllowance(settings.lake, settings.api_key)) as shared:
            yield shared
    elif policy.a_day is not None and not policy.by_key:
        yield _left_today(settings, policy.a_day)
    else:
        yield None


def _left_today(settings: Home, a_day: int) -> Allowed:
    """What is left of `a_day` requests; each answer of the last 24 hours was one at least."""
    source = settings.dataset.primary
    since = settings.now() - timedelta(days=1)
    left = count(a_day - sum(answer.requested_at > since for answer in landed(settings.raw, source=source.name)), -1)

    @contextmanager
    def allowed() -> Iterator[Callable[[Answer], None]]:
        if next(left) <= 0:
            raise QuotaError(f"the requests that {source.title} allows for a day are used up: try again tomorrow")
        yield lambda _: None

    return allowed


def read(client: Client, windows: Iterable[Window], *, at: datetime) -> Iterator[Answer]:
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
    with ThreadPoolExecutor(IN_FLIGHT, thread_name_prefix="asks") as pool:
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
                        raise FeedError(f"{client.title} gives no answers that can be read: {error}") from None
                    continue
                answered, in_a_row = True, 0
                if answer.quota.remaining is not None:
                    left = answer.quota.remaining
                yield answer
    if next(queue, None) is not None:
        raise QuotaError("the key's allowance for this hour is used up: wait an hour, or use a key with more")
    if refused:
        raise Refused(client.title, refused)
