"""What Dagster is told beside the events of the runs: that the table changed, and which years are held.

Reported without a run, so it also outlives the runs.
"""

import dagster as dg

from flyby.days import FIRST_DAY
from flyby.query.database import ask, query_text
from flyby.record.load import held
from flyby.settings import Home


def years_since(first: int) -> dg.TimeWindowPartitionsDefinition:
    """The years from `first` to this one. By year: Dagster writes an event for every partition, which by day would take
    longer than the data."""
    return dg.TimeWindowPartitionsDefinition(
        start=f"{first:04}", fmt="%Y", cron_schedule="0 0 1 1 *", timezone="UTC", end_offset=1
    )


ALL_YEARS = years_since(FIRST_DAY.year)


def tell_table(dagster: dg.DagsterInstance, table: dg.AssetKey, version: str, *, by: str) -> None:
    """The table has this data version now; nothing is said if it is known to have it."""
    tag = "dagster/data_version"
    known = dagster.get_latest_materialization_event(table)
    materialization = known.asset_materialization if known else None
    if materialization is None or (materialization.tags or {}).get(tag) != version:
        dagster.report_runless_asset_event(
            dg.AssetMaterialization(table, description=f"changed by {by}", tags={tag: version})
        )


def tell_years(
    dagster: dg.DagsterInstance, history: dg.AssetKey, years: dg.TimeWindowPartitionsDefinition, settings: Home
) -> list[str]:
    """Every year of which every day is held counts as materialized, whoever asked for it; those that did not before."""
    with held(settings) as record:
        _, rows = ask(record, query_text("held_years", settings.dataset.schema))
    if not rows:  # asking Dagster takes longer
        return []
    keys = set(years.get_partition_keys())
    whole = [key for (year,) in rows if (key := str(year)) in keys]
    known = dagster.get_status_by_partition(history, whole, years) or {}
    news = [year for year in whole if getattr(known.get(year), "name", None) != "MATERIALIZED"]
    for year in news:
        dagster.report_runless_asset_event(
            dg.AssetMaterialization(history, partition=year, description="every day of it is held")
        )
    return news
