"""The schedules, for one instance of the component. They end dead runs first: those would fill the queue."""

from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import dagster as dg

from flyby.defs.given import Given
from flyby.defs.reaper import end_dead_runs
from flyby.errors import SettingsError

#: When JPL is asked: after the morning by default, and after NeoWs took in what JPL had the day before.
SECOND_OPINION_CRON = "30 7 * * *"
#: When a lake is tidied: while Sunday is quiet.
UPKEEP_CRON = "30 3 * * 0"


def morning_schedule(given: Given[Any], job: Any) -> dg.ScheduleDefinition:
    """The morning's."""
    says = "Starts the morning run for the day on which it fires, in its own time zone."
    try:
        return _daily(given, given.names.schedule, job, given.names.rows, given.cron, says)
    except dg.DagsterInvalidDefinitionError:
        raise SettingsError(
            f"{given.cron_is_called} {given.cron!r} is no cron schedule: write it like 0 6 * * *"
        ) from None


def second_opinion_schedule(given: Given[Any], job: Any) -> dg.ScheduleDefinition:
    """JPL's."""
    says = "Asks JPL for the day on which it fires, in the morning's time zone."
    return _daily(given, "second_opinion_schedule", job, "second_opinion", SECOND_OPINION_CRON, says)


def upkeep_schedule(given: Given[Any], job: Any) -> dg.ScheduleDefinition:
    """The lake's."""
    return dg.ScheduleDefinition(
        name=given.name("upkeep_schedule"),
        job=job,
        cron_schedule=UPKEEP_CRON,
        execution_timezone=given.timezone,
        default_status=_status(given),
        description="Tidies the lake once a week.",
    )


def tick_config(op: str, tick: date) -> dict[str, Any]:
    """All that a run for the day `tick` needs to know."""
    return {"ops": {op: {"config": {"date": tick.isoformat()}}}}


def _daily(given: Given[Any], name: str, job: Any, asset: str, cron: str, description: str) -> dg.ScheduleDefinition:
    """A schedule that starts `job` for the local day on which it fires."""

    def request(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
        with suppress(dg.DagsterInvariantViolationError):  # evaluated by hand, without an instance
            end_dead_runs(context.instance, Path(context.instance.root_directory))
        moment = context.scheduled_execution_time
        return dg.RunRequest(
            run_key=str(int(moment.timestamp())),  # a tick that is evaluated again asks for the same run
            run_config=tick_config(given.op(asset), moment.astimezone(ZoneInfo(given.timezone)).date()),
        )

    return dg.ScheduleDefinition(
        name=given.name(name),
        job=job,
        cron_schedule=cron,
        execution_timezone=given.timezone,
        execution_fn=request,
        default_status=_status(given),
        description=description,
    )


def _status(given: Given[Any]) -> dg.DefaultScheduleStatus:
    return dg.DefaultScheduleStatus.RUNNING if given.schedules else dg.DefaultScheduleStatus.STOPPED
