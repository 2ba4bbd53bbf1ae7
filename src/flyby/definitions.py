"""Dagster's view of flyby: assets, jobs, the schedule and the checks. No logic: every step is a function elsewhere."""

import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

import dagster as dg
from dagster._config import ConfigScalar, ConfigScalarKind, PostProcessingError

from flyby import notices
from flyby.checks import CHECKS, findings
from flyby.errors import FlybyError, SettingsError, UsageError
from flyby.history import Progress, backfill
from flyby.intake import load_staged, publish_record, stage_landed
from flyby.morning import gather
from flyby.planning import parse_tick
from flyby.published import ask, query_text
from flyby.record import Loaded
from flyby.schema import COLUMNS
from flyby.settings import Settings

OWNERS = ["team:flyby"]
PREVIEW_ROWS = 12
#: A line of progress in the event log after every so many windows of a backfill.
LOG_EVERY_WINDOWS = 64

# Dagster calls backfill policies beta, on every start.
warnings.filterwarnings("ignore", "Parameter `backfill_policy`", dg.BetaWarning)


class TickDate(ConfigScalar):
    """A day as config, checked before a run starts: a validator of dg.Config would speak up in the running step."""

    def __init__(self) -> None:
        super().__init__(
            key="TickDate",
            given_name="TickDate",
            scalar_kind=ConfigScalarKind.STRING,
            description="A day written YYYY-MM-DD, for example 2025-04-01.",
        )

    def post_process(self, value: str) -> date:
        try:
            return parse_tick(value)
        except UsageError as error:
            raise PostProcessingError(str(error)) from None


@contextmanager
def failing_plainly() -> Iterator[None]:
    """Fail a step with flyby's own line. `from None`, as the event log keeps what an exception came from."""
    try:
        yield
    except FlybyError as error:
        raise dg.Failure(str(error), allow_retries=False) from None


@dg.failure_hook
def tell_of_failure(context: dg.HookContext) -> None:
    """A notice, where FLYBY_NOTIFY names somebody. Says no more of an unexpected error than its kind."""
    error = context.op_exception
    said = error.description if isinstance(error, dg.Failure) else type(error).__name__
    _warn(context, notices.failed(Settings.load(), context.job_name, said or "the event log says why"))


@dg.asset(
    description="NASA's answers for the eight days before `date`, for the eight from it on, and for older days that "
    "are due to be asked for again. They lie in raw/ as they came, less the key.",
    config_schema={
        "date": dg.Field(TickDate(), description="The day of the run, YYYY-MM-DD. Its own data day is the day before.")
    },
    kinds={"python", "nasa"},
    owners=OWNERS,
    group_name="morning",
)
def asteroids(context: dg.AssetExecutionContext) -> dg.MaterializeResult[None]:
    with failing_plainly():
        gathered = gather(Settings.load(), context.op_execution_context.op_config["date"])
    return dg.MaterializeResult(
        metadata=_known(
            {
                "requested_at": dg.MetadataValue.timestamp(gathered.requested_at),
                "windows": ", ".join(map(str, gathered.windows)),
                "requests": len(gathered.windows) + len(gathered.revisited),
                "revisited": ", ".join(map(str, gathered.revisited)) or None,
                "revisits_ended_early": gathered.cut_short,
                "quota_left": gathered.quota_remaining,
                "quota_limit": gathered.quota_limit,
            }
        )
    )


@dg.asset(
    deps=[asteroids],
    description="What was landed and is not in the database yet, as typed Parquet files in staging/.",
    kinds={"python", "parquet"},
    owners=OWNERS,
    group_name="morning",
)
def asteroids_file() -> dg.MaterializeResult[None]:
    with failing_plainly():
        settings = Settings.load()
        batches = stage_landed(settings)
    return dg.MaterializeResult(
        metadata={"batches": len(batches), "staging": dg.MetadataValue.path(settings.staging)},
    )


@dg.asset(
    deps=[asteroids_file],
    description="flyby.duckdb: one row per flyby in close_approaches, every version of it in revisions, and the ledger "
    "of days. Loading the same answers again changes nothing.",
    metadata={
        "dagster/table_name": "flyby.main.close_approaches",
        "dagster/column_schema": dg.TableSchema([dg.TableColumn(*column) for column in COLUMNS]),
    },
    kinds={"duckdb", "sql"},
    owners=OWNERS,
    group_name="morning",
)
def duckdb_table(context: dg.AssetExecutionContext) -> dg.MaterializeResult[None]:
    with failing_plainly():
        settings = Settings.load()
        loaded = load_staged(settings)
        publish_record(settings)
        _warn(context, notices.after_load(settings))
        return dg.MaterializeResult(metadata=_known({**_loaded(loaded), **_published(settings)}))


@dg.multi_asset_check(
    name="record_checks",
    specs=[dg.AssetCheckSpec(check.name, asset=duckdb_table, description=check.claim) for check in CHECKS],
)
def record_checks() -> Iterator[dg.AssetCheckResult]:
    with failing_plainly():
        found = findings(Settings.load())
    for check, finding in zip(CHECKS, found, strict=True):
        yield dg.AssetCheckResult(
            check_name=check.name,
            passed=finding.passed,
            severity=dg.AssetCheckSeverity.ERROR if check.serious else dg.AssetCheckSeverity.WARN,
            description=finding.said,
            metadata=_known({name: _plain(value) for name, value in finding.numbers.items()}),
        )


@dg.asset(
    description="Past years, in the fewest requests there can be; days that are held already and not due again are not "
    "asked for. A run that ends early loses nothing: the same years again go on from there.",
    # By year: Dagster writes an event for every partition, which by day would take longer than the data.
    partitions_def=dg.TimeWindowPartitionsDefinition(
        start="1900", fmt="%Y", cron_schedule="0 0 1 1 *", timezone="UTC", end_offset=1
    ),
    backfill_policy=dg.BackfillPolicy.single_run(),
    kinds={"python", "nasa", "duckdb"},
    owners=OWNERS,
    group_name="history",
)
def history(context: dg.AssetExecutionContext) -> dg.MaterializeResult[None]:
    years = context.partition_key_range
    with failing_plainly():
        settings = Settings.load()
        first, last = date(int(years.start), 1, 1), date(int(years.end), 12, 31)
        progress = backfill(settings, first, last, on_progress=lambda progress: _log(context, progress))
        _warn(context, notices.after_load(settings, job=history_job.name))
        return dg.MaterializeResult(
            metadata=_known(
                {
                    "days": f"{first}..{last}",
                    "windows": progress.windows,
                    "quota_left": progress.quota_remaining,
                    **_loaded(progress.loaded),
                    "database": dg.MetadataValue.path(settings.published),
                }
            )
        )


asteroid_job = dg.define_asset_job(
    "asteroid_job",
    selection=[asteroids, asteroids_file, duckdb_table],
    hooks={tell_of_failure},
    description="The morning run: ask, stage, load, publish, check. Its config is the day it runs for.",
)
history_job = dg.define_asset_job(
    "history_job",
    selection=[history],
    hooks={tell_of_failure},
    description="Past years: choose them, press the button.",
)


def run_config(tick: date) -> dict[str, Any]:
    """All that `asteroid_job` needs to know."""
    return {"ops": {"asteroids": {"config": {"date": tick.isoformat()}}}}


def _schedule(settings: Settings) -> dg.ScheduleDefinition:
    def request(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
        moment = context.scheduled_execution_time
        return dg.RunRequest(
            run_key=str(int(moment.timestamp())),  # a tick that is evaluated again asks for the same run
            run_config=run_config(moment.astimezone(ZoneInfo(settings.timezone)).date()),
        )

    try:
        return dg.ScheduleDefinition(
            name="date_range_schedule",
            job=asteroid_job,
            cron_schedule=settings.cron,
            execution_timezone=settings.timezone,
            execution_fn=request,
            default_status=dg.DefaultScheduleStatus.RUNNING,
            description="Starts the morning run for the day on which it fires, in the time zone of FLYBY_TIMEZONE.",
        )
    except dg.DagsterInvalidDefinitionError:
        raise SettingsError(f"FLYBY_CRON {settings.cron!r} is no cron schedule: write it like 0 6 * * *") from None


def _known(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Metadata without what is not known."""
    return {name: value for name, value in metadata.items() if value is not None}


def _loaded(loaded: Loaded) -> dict[str, Any]:
    verdicts = [f"{window}: {note}" for window, note in loaded.partial + loaded.rejected]
    return {
        "answers": loaded.answers,
        "rows": loaded.rows,
        **{kind: loaded.changes.get(kind, 0) for kind in ("new", "changed", "unlisted", "relisted", "withdrawn")},
        "partial_answers": len(loaded.partial),
        "rejected_answers": len(loaded.rejected),
        "not_believed": "\n".join(verdicts) or None,
    }


def _published(settings: Settings) -> dict[str, Any]:
    [(simulated,)] = ask(settings.published, query_text("simulated"))[1]
    return {
        "closest": _table(settings, "sitting_closest"),
        "changes": _table(settings, "sitting_changes"),
        "database": dg.MetadataValue.path(settings.published),
        "page": dg.MetadataValue.path(settings.report) if settings.report.exists() else None,
        "simulated": "these asteroids are simulated: the answers came from the built-in sky" if simulated else None,
    }


def _table(settings: Settings, query: str) -> dg.TableMetadataValue | None:
    columns, rows = ask(settings.published, query_text(query), {"rows": PREVIEW_ROWS})
    records = [dg.TableRecord(dict(zip(columns, map(_plain, row), strict=True))) for row in rows]
    return dg.MetadataValue.table(records) if records else None


def _plain(value: Any) -> Any:
    """A value as Dagster can show it."""
    return value.isoformat() if isinstance(value, date) else value


def _warn(context: dg.HookContext | dg.AssetExecutionContext, lines: Iterable[str]) -> None:
    for line in lines:
        context.log.warning(line)


def _log(context: dg.AssetExecutionContext, progress: Progress) -> None:
    if progress.windows % LOG_EVERY_WINDOWS == 0 or progress.windows == progress.of_windows:
        context.log.info(
            f"{progress.windows:,} of {progress.of_windows:,} windows, {progress.loaded.rows:,} rows loaded, "
            f"quota left: {progress.quota_remaining}"
        )


def _definitions(settings: Settings) -> dg.Definitions:
    return dg.Definitions(
        assets=[asteroids, asteroids_file, duckdb_table, history],
        asset_checks=[record_checks],
        jobs=[asteroid_job, history_job],
        schedules=[_schedule(settings)],
        # A process for every step would import everything anew: 9 s instead of 2.
        executor=dg.in_process_executor,
    )


defs = _definitions(Settings.load())
