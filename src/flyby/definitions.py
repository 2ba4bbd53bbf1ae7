"""Dagster's view of flyby: assets, jobs, the schedule and the checks. No logic: every step is a function elsewhere."""

import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

import dagster as dg
from dagster._config import ConfigScalar, ConfigScalarKind, PostProcessingError
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from flyby.address import Lake
from flyby.errors import FlybyError, SettingsError, UsageError
from flyby.fetch.plan import parse_tick
from flyby.jobs.backfill import Progress, backfill
from flyby.jobs.compare import second_opinion as hear_second_opinion
from flyby.jobs.daily import gather
from flyby.output import report
from flyby.output.notify import notices
from flyby.query.checks import CHECKS, SECOND_OPINION_CHECK, Check, Finding, findings, second_opinion_finding
from flyby.query.columns import COLUMNS
from flyby.query.database import Database, ask, opened, query_text
from flyby.record import Loaded
from flyby.record.load import held, keep_up, load_staged, publish_record, stage_landed
from flyby.settings import Settings
from flyby.store.lake import SNAPSHOTS_FOR

OWNERS = ["team:flyby"]
PREVIEW_ROWS = 12
#: A line of progress in the event log after every so many windows of a backfill.
LOG_EVERY_WINDOWS = 64
#: When JPL is asked: after the morning by default, and after NeoWs took in what JPL had the day before.
SECOND_OPINION_CRON = "30 7 * * *"
#: When a lake is tidied: while Sunday is quiet.
UPKEEP_CRON = "30 3 * * 0"

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
        loaded = load_staged(settings, by=_run(context))
        publish_record(settings)
        _warn(context, [*notices.after_load(settings), *report.after_run(settings)])
        return dg.MaterializeResult(metadata=_known({**_loaded(loaded), **_published(settings)}))


@dg.multi_asset_check(
    name="record_checks",
    specs=[dg.AssetCheckSpec(check.name, asset=duckdb_table, description=check.claim) for check in CHECKS],
)
def record_checks() -> Iterator[dg.AssetCheckResult]:
    with failing_plainly():
        found = findings(Settings.load())
    for check, finding in zip(CHECKS, found, strict=True):
        yield _check_result(check, finding)


@dg.asset(
    description="What JPL's close-approach data, which NeoWs is made from, says of the sixty days before and after "
    "`date`, and of past years that NeoWs was asked about, a year at a time. It needs no key.",
    config_schema={"date": dg.Field(TickDate(), description="The day of the run, YYYY-MM-DD.")},
    kinds={"python", "nasa", "duckdb"},
    owners=OWNERS,
    group_name="second_opinion",
)
def second_opinion(context: dg.AssetExecutionContext) -> dg.MaterializeResult[None]:
    with failing_plainly():
        settings = Settings.load()
        tick = context.op_execution_context.op_config["date"]
        heard, loaded = hear_second_opinion(settings, tick, by=_run(context))
        job = second_opinion_job.name
        _warn(context, [*notices.after_load(settings, job=job), *report.after_run(settings)])
        return dg.MaterializeResult(
            metadata=_known(
                {
                    "requested_at": dg.MetadataValue.timestamp(heard.requested_at),
                    "windows": ", ".join(map(str, heard.windows)),
                    "put_off": ", ".join(map(str, heard.put_off)) or None,
                    "ended_early": heard.cut_short,
                    **_loaded(loaded),
                    **_published(settings),
                }
            )
        )


@dg.asset_check(
    name=SECOND_OPINION_CHECK.name,
    asset=second_opinion,
    description=SECOND_OPINION_CHECK.claim,
)
def second_opinion_check() -> dg.AssetCheckResult:
    with failing_plainly():
        finding = second_opinion_finding(Settings.load())
    return _check_result(SECOND_OPINION_CHECK, finding)


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
        progress = backfill(
            settings, first, last, by=_run(context), on_progress=lambda progress: _log(context, progress)
        )
        _warn(context, [*notices.after_load(settings, job=history_job.name), *report.after_run(settings)])
        return dg.MaterializeResult(
            metadata=_known(
                {
                    "days": f"{first}..{last}",
                    "windows": progress.windows,
                    "quota_left": progress.quota_remaining,
                    **_loaded(progress.loaded),
                    "database": _place(settings),
                }
            )
        )


@dg.asset(
    description="The lake, with few files made of many, and without snapshots older than readers were promised: "
    f"{SNAPSHOTS_FOR.days} days.",
    kinds={"ducklake", "postgres"},
    owners=OWNERS,
    group_name="warehouse",
)
def warehouse_upkeep() -> dg.MaterializeResult[None]:
    with failing_plainly():
        return dg.MaterializeResult(metadata=asdict(keep_up(Settings.load())))


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

second_opinion_job = dg.define_asset_job(
    "second_opinion_job",
    selection=[second_opinion],
    hooks={tell_of_failure},
    description="Asks JPL, and compares. Its config is the day it runs for. Whatever goes wrong here is no morning's.",
)

upkeep_job = dg.define_asset_job(
    "upkeep_job",
    selection=[warehouse_upkeep],
    hooks={tell_of_failure},
    description="Tidies the lake. Runs beside the others: it waits for its turn.",
)


def run_config(tick: date) -> dict[str, Any]:
    """All that `asteroid_job` needs to know."""
    return _tick_config("asteroids", tick)


def _tick_config(op: str, tick: date) -> dict[str, Any]:
    return {"ops": {op: {"config": {"date": tick.isoformat()}}}}


def _morning_schedule(settings: Settings) -> dg.ScheduleDefinition:
    try:
        return _schedule(
            settings,
            "date_range_schedule",
            asteroid_job,
            "asteroids",
            settings.cron,
            "Starts the morning run for the day on which it fires, in the time zone of FLYBY_TIMEZONE.",
        )
    except dg.DagsterInvalidDefinitionError:
        raise SettingsError(f"FLYBY_CRON {settings.cron!r} is no cron schedule: write it like 0 6 * * *") from None


def _schedule(
    settings: Settings, name: str, job: UnresolvedAssetJobDefinition, op: str, cron: str, description: str
) -> dg.ScheduleDefinition:
    """A schedule that is on, and starts `job` for the local day on which it fires."""

    def request(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
        moment = context.scheduled_execution_time
        return dg.RunRequest(
            run_key=str(int(moment.timestamp())),  # a tick that is evaluated again asks for the same run
            run_config=_tick_config(op, moment.astimezone(ZoneInfo(settings.timezone)).date()),
        )

    return dg.ScheduleDefinition(
        name=name,
        job=job,
        cron_schedule=cron,
        execution_timezone=settings.timezone,
        execution_fn=request,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=description,
    )


def _known(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Metadata without what is not known."""
    return {name: value for name, value in metadata.items() if value is not None}


def _check_result(check: Check, finding: Finding) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        check_name=check.name,
        passed=finding.passed,
        severity=dg.AssetCheckSeverity.ERROR if check.serious else dg.AssetCheckSeverity.WARN,
        description=finding.said,
        metadata=_known({name: _plain(value) for name, value in finding.numbers.items()}),
    )


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
    with held(settings) as place, opened(place) as record:
        [(simulated,)] = ask(record, query_text("simulated"))[1]
        closest, changes = _table(record, "sitting_closest"), _table(record, "sitting_changes")
    return {
        "simulated": "these asteroids are simulated: the answers came from the built-in sky" if simulated else None,
        "page": dg.MetadataValue.path(settings.report) if settings.report.exists() else None,
        "database": _place(settings),
        "closest": closest,
        "changes": changes,
    }


def _place(settings: Settings) -> dg.MetadataValue[Any]:
    place = settings.database
    return dg.MetadataValue.text(str(place)) if isinstance(place, Lake) else dg.MetadataValue.path(place)


def _table(record: Database, query: str) -> dg.TableMetadataValue | None:
    columns, rows = ask(record, query_text(query), {"rows": PREVIEW_ROWS})
    records = [dg.TableRecord(dict(zip(columns, map(_plain, row), strict=True))) for row in rows]
    return dg.MetadataValue.table(records) if records else None


def _plain(value: Any) -> Any:
    """A value as Dagster can show it."""
    return value.isoformat() if isinstance(value, date) else value


def _run(context: dg.AssetExecutionContext) -> str:
    """The run, as the commits of a lake name it."""
    return f"{context.job_name} {context.run.run_id}"


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
    ours = dg.Definitions(
        assets=[asteroids, asteroids_file, duckdb_table, history, second_opinion],
        asset_checks=[record_checks, second_opinion_check],
        jobs=[asteroid_job, history_job, second_opinion_job],
        schedules=[
            _morning_schedule(settings),
            _schedule(
                settings,
                "second_opinion_schedule",
                second_opinion_job,
                "second_opinion",
                SECOND_OPINION_CRON,
                "Asks JPL for the day on which it fires, in the time zone of FLYBY_TIMEZONE.",
            ),
        ],
        # A process for every step would import everything anew: 9 s instead of 2.
        executor=dg.in_process_executor,
    )
    return dg.Definitions.merge(ours, _upkeep(settings)) if settings.lake else ours


def _upkeep(settings: Settings) -> dg.Definitions:
    """What there is beside the rest where the record is in a lake."""
    weekly = dg.ScheduleDefinition(
        name="upkeep_schedule",
        job=upkeep_job,
        cron_schedule=UPKEEP_CRON,
        execution_timezone=settings.timezone,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Tidies the lake once a week.",
    )
    return dg.Definitions(assets=[warehouse_upkeep], jobs=[upkeep_job], schedules=[weekly])


defs = _definitions(Settings.load())
