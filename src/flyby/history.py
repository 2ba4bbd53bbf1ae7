"""History: a range of days in the fewest requests, landing and loading in a stream so that memory stays flat."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from itertools import islice

from flyby.errors import FlybyError, UsageError
from flyby.intake import BATCH_ANSWERS, load_staged, publish_record, stage_landed
from flyby.planning import wanted
from flyby.published import ledger
from flyby.reading import neows, read
from flyby.record import Loaded
from flyby.settings import Settings


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a backfill has come."""

    windows: int
    of_windows: int
    loaded: Loaded = field(default_factory=Loaded)
    quota_remaining: int | None = None


class Interrupted(FlybyError):
    """A backfill ended before its range was held; what came is kept, and the same command goes on from there."""

    def __init__(self, progress: Progress, cause: BaseException) -> None:
        why = "interrupted" if isinstance(cause, KeyboardInterrupt) else str(cause)
        held = f"{progress.windows:,} of {progress.of_windows:,} windows are held"
        super().__init__(f"{why} ({held}: the same command goes on from there)")
        self.cause = cause


def backfill(settings: Settings, first: date, last: date, *, on_progress: Callable[[Progress], None]) -> Progress:
    """Hold every day from `first` to `last`, asking only for windows not held or due again.

    Raises Interrupted, with everything that came loaded and published, when the source, the quota or the person ends
    it.
    """
    if first > last:
        raise UsageError(f"FROM {first} lies after TO {last}: the earlier day comes first")
    take_in(settings)
    plan = wanted(ledger(settings.published), first, last, now=settings.now())
    progress = Progress(0, len(plan))
    on_progress(progress)
    if not plan:
        return progress
    windows = iter(plan)
    loading: Future[Loaded] | None = None
    at = settings.now() - timedelta(microseconds=1)
    with ThreadPoolExecutor(1, thread_name_prefix="load") as loader, neows(settings) as client:
        try:
            while chunk := list(islice(windows, BATCH_ANSWERS)):
                at = max(settings.now(), at + timedelta(microseconds=1))
                for answer in read(client, chunk, at=at):
                    progress = replace(progress, windows=progress.windows + 1, quota_remaining=answer.quota.remaining)
                    on_progress(progress)
                if loading:
                    progress = replace(progress, loaded=progress.loaded + loading.result())
                loading = loader.submit(_take_in_sitting, settings, at)
        except (FlybyError, KeyboardInterrupt) as error:
            if loading:
                loading.result()
            take_in(settings)
            raise Interrupted(progress, error) from None
        if loading:
            progress = replace(progress, loaded=progress.loaded + loading.result())
            on_progress(progress)
    publish_record(settings)
    return progress


def take_in(settings: Settings) -> Loaded:
    """Stage, load and publish whatever lies in raw/ and is not in the record yet."""
    loaded = load_staged(settings) if stage_landed(settings) else Loaded()
    publish_record(settings)
    return loaded


def _take_in_sitting(settings: Settings, at: datetime) -> Loaded:
    stage_landed(settings, until=at)
    return load_staged(settings)
