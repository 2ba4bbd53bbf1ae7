"""A year in minutes: 365 mornings, each asked for by Dagster's own schedule and run by Dagster, in one process."""

import os
import resource
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from unittest import mock

from dagster import DagsterInstance, RunRequest, build_schedule_context

from flyby.definitions import defs
from flyby.fetch.raw import landed
from flyby.instance import instance as flyby_instance
from flyby.instance.instance import run_job
from flyby.query.database import ask
from flyby.sandbox import Sandbox
from flyby.settings import Settings
from flyby.sources.neows import client
from torture.source import KEY_PREFIX

FIRST = datetime(2025, 11, 23, 6, tzinfo=UTC)
#: First morning and length in days: the source is down, answers nothing, leaves out a group of ids.
OUTAGES = {40: (3, "down"), 120: (1, "empty"), 200: (10, "groups=54"), 300: (2, "down")}
#: Fewer than a year has mornings, so that pruning is part of the year.
KEPT_RUNS = 100


@dataclass(frozen=True, slots=True)
class Measured:
    """What a morning left behind: seconds, MB, files, bytes."""

    morning: int
    run_s: float
    memory_mb: float
    open_files: int
    raw_mb: float
    rest_mb: float
    dagster_mb: float
    dagster_runs: int
    staged: int

    def line(self) -> str:
        return (
            f"{self.morning:>7} {self.run_s:>7.2f} {self.memory_mb:>10.0f} {self.open_files:>10} {self.raw_mb:>7.1f} "
            f"{self.rest_mb:>8.1f} {self.dagster_mb:>10.1f} {self.dagster_runs:>6} {self.staged:>7}"
        )


HEAD = "morning   run s  memory MB open files  raw MB  rest MB dagster MB   runs batches"


def year(seed: int, mornings: int = 365, *, every: int = 30) -> int:
    """Run the year, print what it costs as it goes; 0 if all mornings that could succeed did and no day is missing."""
    with (
        tempfile.TemporaryDirectory(prefix="flyby-year-") as folder,
        _patched(),
        Sandbox(seed=seed, now=FIRST, hourly_limit=10**9) as sky,
    ):
        began = time.monotonic()
        failed, expected = 0, 0
        print(HEAD, flush=True)
        took: list[float] = []
        at = FIRST
        for morning in range(mornings):
            at = FIRST + timedelta(days=morning)
            fault = next((f for start, (n, f) in OUTAGES.items() if start <= morning < start + n), None)
            sky.set_now(at)
            sky.set_fault(fault)
            settings = _settings(Path(folder), sky.url, at)
            started = time.monotonic()
            success = run_job(settings, _tick(at)).success
            took.append(time.monotonic() - started)
            expected += fault in ("down", "empty")
            failed += not success
            if morning % every == 0 or morning == mornings - 1:
                recent = sorted(took[-every:])
                print(_measure(morning + 1, settings, recent[len(recent) // 2]).line(), flush=True)
        settings = _settings(Path(folder), sky.url, at)
        states = dict(ask(settings.published, "SELECT state, count(*) FROM days GROUP BY ALL")[1])
        first_day, last_day = FIRST.date() - timedelta(days=8), at.date() + timedelta(days=7)
        [(held,)] = ask(
            settings.published,
            "SELECT count(*) FROM days WHERE observations > 0 AND day BETWEEN $first AND $last",
            {"first": first_day, "last": last_day},
        )[1]
        days = (last_day - first_day).days + 1
        print(
            f"{mornings} mornings in {time.monotonic() - began:.0f} s; {failed} failed, {expected} of them in an outage"
            f"; {held} of {days} days held; ledger {states}; {len(landed(settings.raw))} answers in raw/"
        )
        return 0 if failed == expected and held == days else 1


@contextmanager
def _patched() -> Iterator[None]:
    """A year of outages waits for nobody, and is short enough to be pruned in."""
    patience = replace(client.PATIENCE, first_wait_s=0.01)
    with mock.patch.object(client, "PATIENCE", patience), mock.patch.object(flyby_instance, "KEPT_RUNS", KEPT_RUNS):
        yield


def _settings(folder: Path, url: str, at: datetime) -> Settings:
    return Settings.load(
        {
            "FLYBY_HOME": str(folder / "home"),
            "FLYBY_NEOWS_URL": url,
            "NASA_API_KEY": f"{KEY_PREFIX}OfTheYear",
            "FLYBY_NOW": at.isoformat(),
        }
    )


def _tick(at: datetime) -> date:
    """The day that the schedule asks for when it fires at `at`."""
    schedule = defs.get_repository_def().get_schedule_def("date_range_schedule")
    with DagsterInstance.ephemeral() as ephemeral:
        context = build_schedule_context(ephemeral, scheduled_execution_time=at)
        [request] = schedule.evaluate_tick(context).run_requests or []
    assert isinstance(request, RunRequest)
    return date.fromisoformat(request.run_config["ops"]["asteroids"]["config"]["date"])


def _measure(morning: int, settings: Settings, run_s: float) -> Measured:
    sizes = {"raw": 0, "dagster": 0, "rest": 0}
    for folder, _, names in os.walk(settings.home):
        top = Path(folder).relative_to(settings.home).parts[:1]
        kind = top[0] if top and top[0] in sizes else "rest"
        sizes[kind] += sum((Path(folder) / name).lstat().st_size for name in names)
    with flyby_instance.instance(settings) as dagster:
        runs = dagster.get_runs_count()
    return Measured(
        morning,
        run_s,
        _resident_mb(),
        len(os.listdir("/proc/self/fd")),
        sizes["raw"] / 1e6,
        sizes["rest"] / 1e6,
        sizes["dagster"] / 1e6,
        runs,
        len(list(settings.staging.iterdir())),
    )


def _resident_mb() -> float:
    """Memory in use now, not at its peak."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6
