"""The morning schedule, asked by Dagster's own scheduler with its clock moved by hand."""

import logging
import sys
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

import dagster as dg
import pytest
from dagster._core.instance_for_test import instance_for_test
from dagster._core.remote_origin import InProcessCodeLocationOrigin
from dagster._core.test_utils import freeze_time
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import InProcessWorkspaceLoadTarget
from dagster._scheduler.scheduler import launch_scheduled_runs
from dagster._utils.schedules import schedule_execution_time_iterator

from flyby.errors import SettingsError

LONG = pytest.mark.long

#: The scheduler's runs are written down and not started.
OVERRIDES = {
    "run_launcher": {"module": "dagster._core.test_utils", "class": "MockedRunLauncher"},
    "run_coordinator": {
        "module": "dagster._core.run_coordinator.sync_in_memory_run_coordinator",
        "class": "SyncInMemoryRunCoordinator",
    },
}

pytestmark = pytest.mark.filterwarnings("ignore:Property `ScheduleDefinition.environment_vars`:DeprecationWarning")


@pytest.fixture(autouse=True)
def definitions_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """The schedule takes its cron and its zone when `flyby.definitions` is imported."""
    monkeypatch.delitem(sys.modules, "flyby.definitions", raising=False)


@cache
def started(cron: str, zone: str, day: date) -> dict[str, list[Mapping[str, Any]]]:
    """What is started, by its job, from 20:00 on the eve of a local day to about 01:00 after it. The scheduler looks
    every hour from midnight, around which clocks change, until the morning is over."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FLYBY_CRON", cron)
        patch.setenv("FLYBY_TIMEZONE", zone)
        midnight = datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone)).astimezone(UTC)
        target = InProcessWorkspaceLoadTarget(
            InProcessCodeLocationOrigin(
                LoadableTargetOrigin(executable_path=sys.executable, module_name="flyby.definitions"),
                location_name="flyby",
            )
        )
        with instance_for_test(overrides=OVERRIDES) as instance, WorkspaceProcessContext(instance, target) as context:
            for hour in (-4, *range(9), 25):
                now = midnight + timedelta(hours=hour, seconds=5)
                with freeze_time(now):
                    # It remembers nothing from one look to the next, like a daemon that is started anew each time.
                    list(launch_scheduled_runs(context, logging.getLogger("scheduler"), now, {}))
            runs = instance.get_runs()
    sys.modules.pop("flyby.definitions", None)
    jobs = {run.job_name for run in runs}
    return {job: [run.run_config for run in runs if run.job_name == job] for job in jobs}


def config_for(day: date) -> dict[str, Any]:
    return {"ops": {"asteroids": {"config": {"date": day.isoformat()}}}}


@pytest.mark.parametrize("zone", [pytest.param("UTC", marks=LONG), "Asia/Tokyo"])
def test_a_day_has_one_run_with_exactly_its_date_as_config(zone: str) -> None:
    day = date(2026, 11, 23)
    assert started("0 6 * * *", zone, day)["asteroid_job"] == [config_for(day)]


@pytest.mark.parametrize(
    ("zone", "day"),
    [
        pytest.param("Asia/Tokyo", date(2028, 2, 29), id="leap day"),
        pytest.param("UTC", date(2028, 3, 1), id="after a leap day"),
        pytest.param("Pacific/Auckland", date(2026, 12, 31), id="year's end"),
        pytest.param("UTC", date(2027, 1, 1), id="new year"),
    ],
)
def test_a_day_at_the_end_of_a_month_or_a_year_has_one_tick_that_asks_for_it(
    monkeypatch: pytest.MonkeyPatch, zone: str, day: date
) -> None:
    monkeypatch.setenv("FLYBY_TIMEZONE", zone)
    found, asked = schedule(), []
    start = datetime.combine(day - timedelta(days=2), time(), ZoneInfo(zone)).timestamp()
    for moment in islice(schedule_execution_time_iterator(start, "0 6 * * *", zone), 5):
        requests = found.evaluate_tick(dg.build_schedule_context(scheduled_execution_time=moment)).run_requests
        asked += [request.run_config for request in requests or ()]
    assert asked == [config_for(day + timedelta(days=n)) for n in range(-2, 3)]


def test_a_day_has_one_second_opinion_after_its_morning() -> None:
    day = date(2026, 11, 23)
    config = {"ops": {"second_opinion": {"config": {"date": "2026-11-23"}}}}
    assert started("0 6 * * *", "Asia/Tokyo", day)["second_opinion_job"] == [config]


@pytest.mark.parametrize(
    "cron", [pytest.param("0 6 * * *", id="06:00", marks=LONG), pytest.param("30 2 * * *", id="02:30")]
)
@pytest.mark.parametrize(
    ("zone", "day"),
    [
        pytest.param("America/New_York", date(2026, 3, 8), id="New York loses an hour, and 02:30 with it"),
        pytest.param("America/New_York", date(2026, 11, 1), id="New York gains an hour", marks=LONG),
        pytest.param("Europe/Berlin", date(2026, 3, 29), id="Berlin loses an hour, and 02:30 with it", marks=LONG),
        pytest.param("Europe/Berlin", date(2026, 10, 25), id="Berlin gains an hour, and 02:30 is twice"),
    ],
)
def test_a_day_on_which_the_clock_changes_has_one_run_too(cron: str, zone: str, day: date) -> None:
    assert started(cron, zone, day)["asteroid_job"] == [config_for(day)]


def schedule() -> dg.ScheduleDefinition:
    from flyby.definitions import defs

    found = defs.resolve_schedule_def("date_range_schedule")
    assert isinstance(found, dg.ScheduleDefinition)
    return found


def test_the_schedule_is_on_by_default_at_six_utc_for_the_asteroid_job(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FLYBY_CRON", raising=False)
    monkeypatch.delenv("FLYBY_TIMEZONE", raising=False)
    found = schedule()
    assert found.default_status == dg.DefaultScheduleStatus.RUNNING
    assert (found.cron_schedule, found.execution_timezone, found.job_name) == ("0 6 * * *", "UTC", "asteroid_job")


def test_the_date_is_the_one_in_the_schedules_time_zone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLYBY_TIMEZONE", "America/New_York")
    moment = datetime(2027, 1, 1, 3, tzinfo=UTC)  # 22:00 on the 31st in New York
    requests = schedule().evaluate_tick(dg.build_schedule_context(scheduled_execution_time=moment)).run_requests
    assert requests is not None
    assert [request.run_config for request in requests] == [config_for(date(2026, 12, 31))]


def test_ticks_have_run_keys_of_their_own_and_the_same_tick_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    def run_key(hour: int) -> str | None:
        moment = datetime(2026, 11, 23, hour, tzinfo=UTC)
        [request] = (
            schedule().evaluate_tick(dg.build_schedule_context(scheduled_execution_time=moment)).run_requests or ()
        )
        return request.run_key

    monkeypatch.setenv("FLYBY_CRON", "0 */6 * * *")
    assert run_key(6) == run_key(6) != run_key(12)


def test_a_cron_that_is_none_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLYBY_CRON", "every morning")
    with pytest.raises(SettingsError, match=r"FLYBY_CRON 'every morning' .* like 0 6"):
        schedule()
