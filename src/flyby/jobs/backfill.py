"""History: a range of days in the fewest requests, landed and loaded reading by reading so that memory stays flat."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date, timedelta

from flyby.days import Window
from flyby.errors import FeedError, FlybyError, QuotaError, UsageError
from flyby.fetch.fetch import Refused, asking, read
from flyby.fetch.plan import wanted
from flyby.query.database import ledger
from flyby.record import SOMEBODY, Loaded
from flyby.record.load import held, load_landed, take_in
from flyby.settings import Home
from flyby.store.warehouse import warehouse
from flyby.words import count

#: How long to wait for a key's allowance where the source does not say, and in all before giving up: NASA counts by the
#: hour, for DEMO_KEY also by the day.
UNSAID_WAIT_S = 3600.0
LONGEST_WAIT_S = 25 * 3600.0

#: So many windows are one reading, which is taken in as one: two years of NeoWs' in 280 MB.
READING_WINDOWS = 90


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a backfill has come."""

    windows: int
    of_windows: int
    loaded: Loaded = field(default_factory=Loaded)
    quota_remaining: int | None = None

    def then(self, other: "Progress") -> "Progress":
        """What this round and a later one of the same range did together."""
        windows = self.windows + other.windows
        of_windows = self.windows + other.of_windows
        return Progress(windows, of_windows, self.loaded + other.loaded, other.quota_remaining)


class Interrupted(FlybyError):
    """A backfill ended before its range was held; what came is kept, and the same command goes on from there."""

    def __init__(self, progress: Progress, cause: BaseException) -> None:
        why = "interrupted" if isinstance(cause, KeyboardInterrupt) else str(cause)
        are = "is" if progress.of_windows == 1 else "are"
        held = f"{progress.windows:,} of {count(progress.of_windows, 'window')} {are} held"
        alone = ", with --wait by itself" if isinstance(cause, QuotaError) else ""
        # What cannot be read now may be so for ever: no repetition will mend it.
        then = (
            "what is not is asked for again by later mornings"
            if isinstance(cause, FeedError | Refused)
            else f"the same command goes on from there{alone}"
        )
        super().__init__(f"{why} ({held}: {then})")
        self.progress = progress
        self.cause = cause


def backfill(
    settings: Home, first: date, last: date, *, on_progress: Callable[[Progress], None], by: str = SOMEBODY
) -> Progress:
    """Hold every day from `first` to `last`, asking only for windows not held or due again; `by` is who does it.

    Raises Interrupted, with everything that came loaded and published, when the source, the quota or the person ends
    it, and at the end when there were windows that brought no feed.
    """
    if first > last:
        raise UsageError(f"FROM {first} lies after TO {last}: the earlier day comes first")
    take_in(settings, by=by)
    with held(settings) as record:
        plan = wanted(ledger(record, settings.dataset.schema), first, last, now=settings.now(), policy=settings.policy)
    progress = Progress(0, len(plan))
    on_progress(progress)
    if not plan:
        return progress
    at = settings.now() - timedelta(microseconds=1)
    refused: dict[Window, FeedError] = {}
    with asking(settings, purpose="backfill") as client:
        try:
            for n in range(0, len(plan), READING_WINDOWS):
                at = max(settings.now(), at + timedelta(microseconds=1))
                try:
                    with warehouse(settings).mark(at):
                        for answer in read(client, plan[n : n + READING_WINDOWS], at=at):
                            remaining = answer.quota.remaining
                            progress = replace(progress, windows=progress.windows + 1, quota_remaining=remaining)
                            on_progress(progress)
                except Refused as error:
                    refused |= error.refused
                progress = replace(progress, loaded=progress.loaded + load_landed(settings, by=by))
        except (FlybyError, KeyboardInterrupt) as error:
            # What was under way when it ended has been landed too: the record knows how many windows there are.
            loaded = progress.loaded + take_in(settings, by=by)
            progress = replace(progress, loaded=loaded, windows=loaded.answers - len(loaded.rejected))
            raise Interrupted(progress, error) from None
        progress = replace(progress, loaded=progress.loaded + take_in(settings, by=by))
    on_progress(progress)
    if refused:
        raise Interrupted(progress, Refused(client.title, refused))
    return progress


def backfill_patiently(
    settings: Home,
    first: date,
    last: date,
    *,
    on_progress: Callable[[Progress], None],
    on_wait: Callable[[float, str], None],
    sleep: Callable[[float], None] = time.sleep,
    by: str = SOMEBODY,
) -> Progress:
    """As `backfill`; when the key's allowance is used up, wait and go on.

    Waits as long as the source says, an hour where it does not; `on_wait` is told how many seconds and why. Raises
    Interrupted for anything else that ends it, and when a whole day of waiting brought nothing.
    """
    done = Progress(0, 0)
    waited_s = 0.0
    while True:
        try:
            last_round = backfill(settings, first, last, on_progress=on_progress, by=by)
        except Interrupted as error:
            if not isinstance(error.cause, QuotaError) or waited_s >= LONGEST_WAIT_S:
                raise
            done = done.then(error.progress)
            waited_s = 0.0 if error.progress.windows else waited_s
            wait_s = max(error.cause.retry_after_s or UNSAID_WAIT_S, 1.0)
            on_wait(wait_s, str(error.cause))
            try:
                sleep(wait_s)
            except KeyboardInterrupt as interrupt:
                raise Interrupted(error.progress, interrupt) from None
            waited_s += wait_s
        else:
            return done.then(last_round)
