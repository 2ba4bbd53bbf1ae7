"""A year of mornings in several time zones: no day is left out or asked for twice, and `status` knows every morning.

The ticks are those of Dagster's own schedule, both clock changes among them; the mornings are run without Dagster, as
that takes a fraction of the time (`torture.year` has it all).
"""

import tempfile
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import islice, pairwise
from zoneinfo import ZoneInfo

from dagster import RunRequest, ScheduleDefinition, build_schedule_context
from dagster._utils.schedules import schedule_execution_time_iterator

from flyby.defs.component import AsteroidsComponent
from flyby.jobs.daily import gather
from flyby.query import views
from flyby.record.load import take_in
from flyby.sandbox import Sandbox
from flyby.settings import Settings
from torture.source import KEY_PREFIX

ZONES = ("UTC", "Pacific/Auckland", "Asia/Kolkata", "America/Los_Angeles")
FIRST = datetime(2025, 11, 23, tzinfo=UTC)
#: In the night of a clock change this hour is there twice, or not at all.
NIGHTLY = "30 2 * * *"
MORNINGLY = "0 6 * * *"
DAY = timedelta(days=1)

#: When a tick is, and the day for which it asks.
Tick = tuple[datetime, date]


def zones(seed: int, wanted: Sequence[str], mornings: int = 365) -> int:
    """Run the year in every zone, say what was found; 0 if nothing was."""
    found = 0
    for zone in wanted or ZONES:
        began = time.monotonic()
        ticks = _ticks(zone, MORNINGLY, mornings + 1)
        lines = [*_days(ticks), *_days(_ticks(zone, NIGHTLY, mornings)), *_mornings(seed, zone, ticks)]
        print("\n".join([f"FOUND {zone}: {line}" for line in lines] or [f"{zone}: all is well"]), flush=True)
        offsets = [at.astimezone(ZoneInfo(zone)).utcoffset() for at, _ in ticks]
        changes = sum(before != after for before, after in pairwise(offsets))
        print(f"{zone}: {mornings} mornings, {changes} clock changes, {time.monotonic() - began:.0f} s", flush=True)
        found += len(lines)
    return 1 if found else 0


def _days(ticks: Sequence[Tick]) -> Iterator[str]:
    """What is wrong with the days for which the schedule asks."""
    for (_, before), (at, day) in pairwise(ticks):
        if day - before != DAY:
            yield f"the tick at {at} is for {day}, the one before for {before}"


def _mornings(seed: int, zone: str, ticks: Sequence[Tick]) -> Iterator[str]:
    """What `status` did not know after each morning, and just before the next."""
    with (
        tempfile.TemporaryDirectory(prefix="flyby-zones-") as folder,
        Sandbox(seed=seed, now=FIRST, hourly_limit=10**9) as sky,
    ):
        for (at, day), (following, _) in pairwise(ticks):
            sky.set_now(at)
            settings = _settings(zone, MORNINGLY, folder, sky.url, at)
            gather(settings, day)
            take_in(settings)
            told = views.status(settings.published, at + timedelta(minutes=1))
            if told.last_morning is None or told.last_morning.requested_at != at:
                yield f"after the morning of {day}, {at}, status knows {told.last_morning}"
            if told.missing:
                yield f"after the morning of {day}, {at}, status misses {', '.join(map(str, told.missing))}"
            if views.status(settings.published, following - timedelta(minutes=1)).is_stale:
                yield f"status calls the morning of {day}, {at}, stale before the next"


def _ticks(zone: str, cron: str, count: int) -> list[Tick]:
    """The schedule's first ticks."""
    settings = _settings(zone, cron, "data")
    defs = AsteroidsComponent.of(lambda: settings).build_defs()
    schedule = defs.get_repository_def().get_schedule_def("date_range_schedule")
    assert isinstance(schedule, ScheduleDefinition)
    moments = schedule_execution_time_iterator(FIRST.timestamp(), cron, zone, ascending=True)
    return [(at.astimezone(UTC), _day(schedule, at)) for at in islice(moments, count)]


def _day(schedule: ScheduleDefinition, at: datetime) -> date:
    [request] = schedule.evaluate_tick(build_schedule_context(scheduled_execution_time=at)).run_requests or []
    assert isinstance(request, RunRequest)
    return date.fromisoformat(request.run_config["ops"]["asteroids"]["config"]["date"])


def _settings(zone: str, cron: str, home: str, url: str = "http://127.0.0.1:9", at: datetime = FIRST) -> Settings:
    return Settings.load(
        {
            "FLYBY_HOME": home,
            "FLYBY_NEOWS_URL": url,
            "FLYBY_CRON": cron,
            "FLYBY_TIMEZONE": zone,
            "FLYBY_NOW": at.isoformat(),
            "NASA_API_KEY": f"{KEY_PREFIX}OfTheZones",
        }
    )
