"""Ending the runs whose process is gone.

Dagster notes that a run began, and believes it for ever: its default launcher cannot be asked whether the process still
lives, so `run_monitoring` sees no killed run. Ten of them fill the queue, and nothing starts any more.
"""

import os
import signal
import time
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg

from flyby.defs import claims

UNDER_WAY = [
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]
#: The jobs whose process claims its run as soon as it begins.
CLAIMING_JOBS = {"asteroid_job", "second_opinion_job", "history_job", "upkeep_job"}
#: For so long a run without a claim may be silent: a process that is starting imports for seconds. Others than flyby's
#: own jobs (assets that somebody materialized) have none between their steps.
UNCLAIMED_S = 180.0
UNCLAIMED_STEPS_S = 3600.0
#: Dagster ends a run that took too long by asking it to; so much later it is made to.
OVERDUE_S = 300.0

GONE = "its process is gone: it was killed, or the computer went off. What it had landed is taken in by the next run"


def end_dead_runs(dagster: dg.DagsterInstance, home: Path, *, is_flybys_own: bool = False) -> list[str]:
    """End every run of the instance in `home` whose process is gone, and no other; their ids.

    A run is dead if its claim is free. Where the instance is flyby's alone, also if it has none and is silent for too
    long: it died before it could claim. A process that goes on long after its run was to have ended is killed.
    """
    ended = []
    records = {r.dagster_run.run_id: r for r in dagster.get_run_records(dg.RunsFilter(statuses=UNDER_WAY))}
    for run_id in claims.claims(home):
        if run_id not in records and not _lingers(dagster, home, run_id):
            claims.forget(home, run_id)
    for run_id, record in records.items():
        state = claims.state(home, run_id)
        if state == "alive" and _is_overdue(record):
            state = "dead" if _kill(home, run_id) else "alive"
            why = "it took too long, and was ended"
        else:
            why = GONE
        if state == "dead" or (state == "unclaimed" and is_flybys_own and _is_silent(dagster, record)):
            _end(dagster, run_id, why)
            claims.forget(home, run_id)
            ended.append(run_id)
    return ended


def _end(dagster: dg.DagsterInstance, run_id: str, why: str) -> None:
    run = dagster.get_run_by_id(run_id)
    if run is None or run.is_finished:  # it ended while it was looked at
        return
    if run.status == dg.DagsterRunStatus.CANCELING:
        dagster.report_run_canceled(run, why)
    else:
        dagster.report_run_failed(run, why)


def _is_silent(dagster: dg.DagsterInstance, record: dg.RunRecord) -> bool:
    """Whether nothing was heard of the run for longer than a living one is silent."""
    run = record.dagster_run
    events = dagster.get_records_for_run(run.run_id, limit=1, ascending=False).records
    heard_at = events[0].event_log_entry.timestamp if events else _utc(record.create_timestamp).timestamp()
    if run.job_name in CLAIMING_JOBS:
        patience_s = UNCLAIMED_S
    elif run.job_name.startswith("__"):  # Dagster's own job for assets that somebody chose
        patience_s = UNCLAIMED_STEPS_S
    else:
        return False  # not flyby's
    return time.time() - heard_at > patience_s


def _is_overdue(record: dg.RunRecord) -> bool:
    limit_s = record.dagster_run.tags.get("dagster/max_runtime", "")
    return (
        limit_s.isdecimal()
        and record.start_time is not None
        and time.time() - record.start_time > int(limit_s) + OVERDUE_S
    )


def _lingers(dagster: dg.DagsterInstance, home: Path, run_id: str) -> bool:
    """Whether the claim of a run that is not under way still says something. A process that outlives its run for long
    hangs, and is killed."""
    if claims.state(home, run_id) != "alive":
        return False
    record = dagster.get_run_record_by_id(run_id)
    if record and record.end_time and time.time() - record.end_time > OVERDUE_S:
        return not _kill(home, run_id)
    return True


def _kill(home: Path, run_id: str) -> bool:
    """Kill the process that claimed the run, if it can be told with certainty."""
    holder = claims.holder(home, run_id)
    if holder is None or not holder.is_running() or holder.pid == os.getpid():
        return False
    os.kill(holder.pid, signal.SIGKILL)
    for _ in range(50):
        if claims.state(home, run_id) == "dead":
            return True
        time.sleep(0.1)
    return False


def _utc(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
