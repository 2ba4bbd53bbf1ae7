"""The assets, for one instance of the component. No logic: every step is a function elsewhere."""

import warnings
from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

import dagster as dg
from pydantic import Field

from flyby.address import Lake
from flyby.defs.given import ATTENDED_S, Given, warn
from flyby.defs.told import tell_table, tell_years
from flyby.fetch.lateness import Lateness
from flyby.fetch.plan import parse_tick
from flyby.jobs.backfill import Progress, backfill_patiently
from flyby.jobs.compare import second_opinion as hear_second_opinion
from flyby.jobs.daily import WAITS, gather
from flyby.query.database import Database, ask, opened, query_text
from flyby.record import Loaded
from flyby.record.load import held, keep_up, load_staged, publish_record, stage_landed
from flyby.settings import Home, Settings
from flyby.store.lake import SNAPSHOTS_FOR

PREVIEW_ROWS = 12
#: A line of progress in the event log after every so many windows of a backfill.
LOG_EVERY_WINDOWS = 64


class Day(dg.Config):
    """The day of a run."""

    # Judged by the step, which says in one line what is wrong: Dagster shows what a validator raises with a traceback.
    date: str | None = Field(
        default=None,
        description="The day of the run, YYYY-MM-DD. Its own data day is the day before. Today, if none is given.",
    )


def source(given: Given[Any], name: str, description: str, documentation: str | None = None) -> dg.AssetSpec:
    """What everything is made from, by others: the lineage begins with it."""
    return dg.AssetSpec(
        given.key(name),
        description=description,
        group_name=given.group or "sources",
        metadata={"documentation": dg.MetadataValue.url(documentation)} if documentation else None,
        kinds={given.kind},
    )


def morning(given: Given[Any]) -> list[dg.AssetsDefinition]:
    """Rows → file → table: what lands the answers, what stages them, what takes them into the record."""
    names = given.names

    @_asset(
        given,
        names.rows,
        "morning",
        deps=[given.key(name) for name in given.sources],
        description=given.rows_say,
        kinds={"python", given.kind},
    )
    def rows(context: dg.AssetExecutionContext, config: Day) -> dg.MaterializeResult[None]:
        with given.step(context):
            settings = given.settings()
            outage_s = settings.patience_min * 60
            if given.is_waited_for(context):
                outage_s = min(outage_s, ATTENDED_S)
            gathered = gather(settings, _tick(given, settings, config), outage_s=outage_s, tell=_waits(context))
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
                    **_late(gathered.lateness),
                }
            )
        )

    @_asset(
        given,
        names.file,
        "morning",
        deps=[rows],
        description="What was landed and is not in the database yet, as typed Parquet files in staging/.",
        kinds={"python", "parquet"},
    )
    def file(context: dg.AssetExecutionContext) -> dg.MaterializeResult[None]:
        with given.step(context):
            settings = given.settings()
            batches = stage_landed(settings)
        return dg.MaterializeResult(
            metadata={"batches": len(batches), "staging": dg.MetadataValue.path(settings.staging)},
        )

    @_asset(
        given,
        names.table,
        "morning",
        deps=[file],
        description=given.table_says,
        metadata={
            "dagster/table_name": given.table_name,
            "dagster/column_schema": dg.TableSchema([dg.TableColumn(*column) for column in given.columns]),
        },
        kinds={"duckdb", "sql"},
    )
    def table(context: dg.AssetExecutionContext) -> dg.MaterializeResult[None]:
        with given.step(context):
            settings = given.settings()
            loaded = load_staged(settings, by=_run(context))
            publish_record(settings)
            warn(context, given.after(context, settings, names.job))
            tell_years(context.instance, given.key(names.history), given.years, settings)
            published, version = _published(given, settings)
            return dg.MaterializeResult(
                metadata=_known({**_loaded(loaded), **published}), data_version=dg.DataVersion(version)
            )

    return [rows, file, table]


def second_opinion(given: Given[Settings]) -> dg.AssetsDefinition:
    """`second_opinion`: JPL's list beside NeoWs'."""

    @_asset(
        given,
        "second_opinion",
        "second_opinion",
        deps=[given.key("cad"), given.key(given.names.table)],
        description="What JPL's close-approach data, which NeoWs is made from, says of the sixty days before and after "
        "`date`, and of past years that NeoWs was asked about, a year at a time. It needs no key.",
        kinds={"python", "nasa", "duckdb"},
    )
    def second_opinion(context: dg.AssetExecutionContext, config: Day) -> dg.MaterializeResult[None]:
        with given.step(context):
            settings = given.settings()
            heard, loaded = hear_second_opinion(settings, _tick(given, settings, config), by=_run(context))
            warn(context, given.after(context, settings, "second_opinion_job"))
            published, version = _published(given, settings)
            tell_table(context.instance, given.key(given.names.table), version, by=_run(context))
            return dg.MaterializeResult(
                metadata=_known(
                    {
                        "requested_at": dg.MetadataValue.timestamp(heard.requested_at),
                        "windows": ", ".join(map(str, heard.windows)),
                        "put_off": ", ".join(map(str, heard.put_off)) or None,
                        "ended_early": heard.cut_short,
                        **_loaded(loaded),
                        **published,
                    }
                )
            )

    return second_opinion


def history(given: Given[Any]) -> dg.AssetsDefinition:
    """Past years, a partition each."""

    # Dagster calls backfill policies beta on every start; the filter is for this place alone.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.BetaWarning)
        return _history(given)


def _history(given: Given[Any]) -> dg.AssetsDefinition:
    @_asset(
        given,
        given.names.history,
        "history",
        deps=[given.key(name) for name in given.sources],
        description="Past years, in the fewest requests there can be; days that are held already and not due again are "
        "not asked for. When the key's allowance is used up it waits and goes on. A year is green once every day of it "
        "is held, whoever asked for it.",
        partitions_def=given.years,
        backfill_policy=dg.BackfillPolicy.single_run(),
        kinds={"python", given.kind, "duckdb"},
    )
    def history(context: dg.AssetExecutionContext) -> dg.MaterializeResult[None]:
        years = context.partition_key_range
        with given.step(context):
            settings = given.settings()
            first, last = date(int(years.start), 1, 1), date(int(years.end), 12, 31)
            try:
                progress = backfill_patiently(
                    settings,
                    first,
                    last,
                    by=_run(context),
                    on_progress=lambda progress: _log(context, progress),
                    on_wait=lambda wait_s, why: context.log.warning(f"{why}; goes on in {wait_s / 60:.0f} minutes"),
                )
            except BaseException:
                # Those that it came to hold.
                tell_years(context.instance, given.key(given.names.history), given.years, settings)
                raise
            warn(context, given.after(context, settings, given.names.history_job))
            _, version = _published(given, settings)
            tell_table(context.instance, given.key(given.names.table), version, by=_run(context))
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

    return history


def page(given: Given[Settings]) -> dg.AssetSpec:
    """The page, which every run writes anew."""
    return dg.AssetSpec(
        given.key("page"),
        deps=[given.key(name) for name in (given.names.table, "second_opinion", given.names.history)],
        description="report/index.html: what is coming, last night, what changed. Every run writes it.",
        group_name=given.group or "page",
        owners=list(given.owners),
        tags=dict(given.tags),
        kinds={"html"},
    )


def upkeep(given: Given[Any]) -> dg.AssetsDefinition:
    """`warehouse_upkeep`, where the record is in a lake."""

    @_asset(
        given,
        "warehouse_upkeep",
        "warehouse",
        deps=[given.key(given.names.table)],
        description="The lake, with few files made of many, and without snapshots older than readers were promised: "
        f"{SNAPSHOTS_FOR.days} days.",
        kinds={"ducklake", "postgres"},
    )
    def warehouse_upkeep(context: dg.AssetExecutionContext) -> dg.MaterializeResult[None]:
        with given.step(context):
            return dg.MaterializeResult(metadata=asdict(keep_up(given.settings())))

    return warehouse_upkeep


def _asset(
    given: Given[Any], name: str, group: str, **more: Any
) -> Callable[[Callable[..., dg.MaterializeResult[None]]], dg.AssetsDefinition]:
    """`dg.asset`, with what the component says of all its assets."""

    def made(function: Callable[..., dg.MaterializeResult[None]]) -> dg.AssetsDefinition:
        return dg.asset(
            function,
            name=name,
            key_prefix=list(given.key_prefix) or None,
            group_name=given.group or group,
            owners=list(given.owners),
            tags=dict(given.tags),
            **more,
        )

    return made


def _waits(context: dg.AssetExecutionContext) -> Callable[[str], None]:
    """Tell that the source is waited for: in the run's log, and whoever sits at the terminal."""

    def tell(line: str) -> None:
        context.log.warning(line)
        WAITS.warning(line)

    return tell


def _tick(given: Given[Any], settings: Home, config: Day) -> date:
    today = settings.now().astimezone(ZoneInfo(given.timezone)).date()
    return today if config.date is None else parse_tick(config.date)


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


def _published(given: Given[Any], settings: Home) -> tuple[dict[str, Any], str]:
    """What there is to show of the record as it is now, and its data version."""
    with held(settings) as place, opened(place) as record:
        [(revisions, hashed)] = ask(record, query_text("data_version", settings.dataset.schema))[1]
        shown = given.shown(settings, record)
    return {**shown, "database": _place(settings)}, f"{revisions}-{hashed}"


def _late(lateness: Lateness | None) -> dict[str, Any]:
    """What the reading was planned by, once there is enough to learn from."""
    if lateness is None:
        return {}
    records = [
        dg.TableRecord(
            {
                "morning": f"D+{share.day}",
                "listed": f"{share.listed:.1%} ± {2 * share.listed_error:.1%}",
                "final": f"{share.final:.1%} ± {2 * share.final_error:.1%}",
            }
        )
        for share in lateness.shares
    ]
    return {"lateness": dg.MetadataValue.table(records), "lateness_is_of_days": lateness.days}


def _place(settings: Home) -> dg.MetadataValue[Any]:
    place = settings.database
    return dg.MetadataValue.text(str(place)) if isinstance(place, Lake) else dg.MetadataValue.path(place)


def preview(record: Database, query: str, schema: str | None = None) -> dg.TableMetadataValue | None:
    """The first rows that the query gives."""
    columns, rows = ask(record, query_text(query, schema), {"rows": PREVIEW_ROWS})
    records = [dg.TableRecord(dict(zip(columns, map(plain, row), strict=True))) for row in rows]
    return dg.MetadataValue.table(records) if records else None


def plain(value: Any) -> Any:
    """A value as Dagster can show it."""
    return value.isoformat() if isinstance(value, date) else value


def _run(context: dg.AssetExecutionContext) -> str:
    """The run, as the commits of a lake name it."""
    return f"{context.job_name} {context.run.run_id}"


def _log(context: dg.AssetExecutionContext, progress: Progress) -> None:
    if progress.windows % LOG_EVERY_WINDOWS == 0 or progress.windows == progress.of_windows:
        context.log.info(
            f"{progress.windows:,} of {progress.of_windows:,} windows, {progress.loaded.rows:,} rows loaded, "
            f"quota left: {progress.quota_remaining}"
        )
