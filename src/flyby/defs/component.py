"""The component `flyby.AsteroidsComponent`: everything that flyby is in Dagster, with every setting as an attribute."""

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dagster as dg
from pydantic import Field, PrivateAttr

from flyby.defs import assets, checks, jobs, schedules
from flyby.defs.declared import TEMPLATE, Declared
from flyby.defs.given import Given, Names
from flyby.defs.told import ALL_YEARS
from flyby.errors import SettingsError
from flyby.output import report
from flyby.output.notify import notices
from flyby.query.columns import COLUMNS
from flyby.query.database import Database, ask, query_text
from flyby.settings import NOTABLE, Settings
from flyby.sources.cad import CAD_URL
from flyby.sources.neows import NEOWS_URL

#: The attributes that are settings, and the variables that they are where flyby is alone.
VARIABLES = {
    "home": "FLYBY_HOME",
    "api_key": "NASA_API_KEY",
    "neows_url": "FLYBY_NEOWS_URL",
    "cad_url": "FLYBY_CAD_URL",
    "cron": "FLYBY_CRON",
    "timezone": "FLYBY_TIMEZONE",
    "notify": "FLYBY_NOTIFY",
    "notable": "FLYBY_NOTABLE",
    "digest": "FLYBY_DIGEST",
    "site": "FLYBY_SITE",
    "patience": "FLYBY_PATIENCE",
    "warehouse": "FLYBY_WAREHOUSE",
    "warehouse_data": "FLYBY_WAREHOUSE_DATA",
    "now": "FLYBY_NOW",
}


NAMES = Names(
    rows="asteroids",
    file="asteroids_file",
    table="duckdb_table",
    history="history",
    job="asteroid_job",
    history_job="history_job",
    schedule="date_range_schedule",
)


class AsteroidsComponent(Declared):
    """Keeps the record of every asteroid that passes the Earth: in DuckDB every morning, complete, with all that NASA
    ever said about it.

    Assets `asteroids` → `asteroids_file` → `duckdb_table`, JPL's second opinion and past years beside them, with their
    jobs, schedules and checks. Several of them live in one project if each has a `key_prefix` and a `home`.
    """

    home: str = Field(
        default="data",
        description="The folder for everything that is written; where it is relative, in the project's folder.",
        examples=["data/asteroids"],
    )
    api_key: str | None = Field(
        default=None,
        description="The key for NASA's API, better as '{{ env.NASA_API_KEY }}' than as text. By default that variable "
        "of the environment, or DEMO_KEY, which is good for a start.",
        examples=["{{ env.NASA_API_KEY }}"],
    )
    neows_url: str = Field(
        default=NEOWS_URL, pattern=f"{TEMPLATE}|^https?://", description="Where NeoWs is; /feed is appended."
    )
    cad_url: str = Field(
        default=CAD_URL, pattern=f"{TEMPLATE}|^https?://", description="Where JPL's close-approach data is."
    )
    notify: list[str] = Field(default=[], description="Who is told, as Apprise's addresses.", examples=[["ntfy://x"]])
    notable: str = Field(default=NOTABLE, description="What is worth a notice.", examples=[NOTABLE])
    digest: bool = Field(default=False, description="A notice every morning.")
    site: str | None = Field(
        default=None,
        description="Where the page's folder is served, for the links in feeds.",
        examples=["https://asteroids.example/flyby"],
    )
    group: str | None = Field(default=None, description="One group for all assets. By default each job has its own.")
    owners: list[str] = Field(default=["team:flyby"], description="Who owns the assets.", examples=[["team:sky"]])

    #: Settings from elsewhere than the attributes.
    _settings: Callable[[], Settings] | None = PrivateAttr(default=None)

    @classmethod
    def of(cls, settings: Callable[[], Settings]) -> "AsteroidsComponent":
        """The instance that is flyby's own: with the contract's names, schedules on, and settings from `settings`,
        which is asked now for what the definitions need, and at every step for the rest."""
        now = settings()
        warehouse = str(now.lake) if now.lake else None
        component = cls(cron=now.cron, timezone=now.timezone, warehouse=warehouse, schedules=True)
        component._settings = settings
        return component

    def settings(self, folder: Path | None = None) -> Settings:
        """The settings that the attributes say; SettingsError names the attribute that is wrong.

        A relative home lies in `folder`, or else in the working directory.
        """
        if self._settings:
            return self._settings()
        said = {name: getattr(self, name) for name in VARIABLES}
        said["home"] = str((folder or Path()) / Path(self.home).expanduser())
        said["notify"] = " ".join(self.notify)
        said["digest"] = str(int(self.digest))
        said["patience"] = str(self.patience)
        said["api_key"] = self.api_key or os.environ.get("NASA_API_KEY")
        try:
            return Settings.load({VARIABLES[name]: value for name, value in said.items() if value})
        except SettingsError as error:
            raise SettingsError(_in_attributes(str(error))) from None

    def build_defs(self, context: dg.ComponentLoadContext | None = None) -> dg.Definitions:
        """Every asset, check, job and schedule. The executor is that of these jobs, never the project's."""
        folder = context.project_root if context else None
        self._check(folder)
        given = Given(
            names=NAMES,
            settings=lambda: self.settings(folder),
            sources=("neows",),
            kind="nasa",
            rows_say="NASA's answers for the eight days before `date`, for the eight from it on, and for older days "
            "that are due to be asked for again. They lie in raw/ as they came, less the key.",
            columns=tuple(COLUMNS),
            table_says="flyby.duckdb: one row per flyby in close_approaches, every version of it in revisions, and the "
            "ledger of days. Loading the same answers again changes nothing, and leaves its data version as it was.",
            table_name="flyby.main.close_approaches",
            years=ALL_YEARS,
            after=self._after,
            shown=_shown,
            tell_failure=notices.failed,
            cron=self.cron,
            cron_is_called="FLYBY_CRON" if self._settings else "cron",
            timezone=self.timezone,
            in_lake=self.warehouse is not None,
            key_prefix=prefix(self.key_prefix),
            group=self.group,
            owners=tuple(self.owners),
            tags=self.tags,
            schedules=self.schedules,
            retries=self.retries,
            retry_after_s=self.retry_after_minutes * 60,
        )
        morning = assets.morning(given)
        opinion, history = assets.second_opinion(given), assets.history(given)
        morning_job = jobs.morning_job(given, morning)
        opinion_job = jobs.second_opinion_job(given, opinion)
        ours = dg.Definitions(
            assets=[*_sources(given), *morning, opinion, history, assets.page(given)],
            asset_checks=[checks.of_the_record(given), checks.of_the_second_opinion(given)],
            jobs=[morning_job, opinion_job, jobs.history_job(given, history)],
            schedules=[
                schedules.morning_schedule(given, morning_job),
                schedules.second_opinion_schedule(given, opinion_job),
            ],
        )
        return dg.Definitions.merge(ours, _upkeep(given)) if given.in_lake else ours

    def _after(self, context: dg.AssetExecutionContext, settings: Settings, job: str) -> list[str]:
        """Notices, and the page."""
        told, unwritten = notices.after_load(settings, job=job), report.after_run(settings)
        if not unwritten and settings.report.exists():
            page = dg.AssetKey([*prefix(self.key_prefix), "page"])
            context.instance.report_runless_asset_event(
                dg.AssetMaterialization(page, metadata={"page": dg.MetadataValue.path(settings.report)})
            )
        return [*told, *unwritten]

    def _check(self, folder: Path | None) -> None:
        """Raise SettingsError for what an attribute has wrong. What the environment has wrong is the steps' to say: a
        wrong key must not take the rest of somebody's project with it."""
        if self._settings is None:
            (self if self.api_key else self.model_copy(update={"api_key": "DEMO_KEY"})).settings(folder)


def build_defs(**attributes: Any) -> dg.Definitions:
    """The definitions of an `AsteroidsComponent` with these attributes, for projects without YAML."""
    return AsteroidsComponent(**attributes).build_defs()


def _upkeep(given: Given[Any]) -> dg.Definitions:
    """What there is beside the rest where the record is in a lake."""
    asset = assets.upkeep(given)
    job = jobs.upkeep_job(given, asset)
    return dg.Definitions(assets=[asset], jobs=[job], schedules=[schedules.upkeep_schedule(given, job)])


def _sources(given: Given[Settings]) -> list[dg.AssetSpec]:
    """Who tells of asteroids."""
    jpl = "https://ssd-api.jpl.nasa.gov/doc/cad.html"
    return [
        assets.source(given, "neows", "NASA's feed of near-Earth objects.", "https://api.nasa.gov"),
        assets.source(given, "cad", "JPL's close-approach data, which NeoWs is made from.", jpl),
    ]


def _shown(settings: Settings, record: Database) -> dict[str, Any]:
    """What the UI shows of the record."""
    [(simulated,)] = ask(record, query_text("simulated"))[1]
    return {
        "simulated": "these asteroids are simulated: the answers came from the built-in sky" if simulated else None,
        "page": dg.MetadataValue.path(settings.report) if settings.report.exists() else None,
        "closest": assets.preview(record, "sitting_closest"),
        "changes": assets.preview(record, "sitting_changes"),
    }


def prefix(written: str | list[str] | None) -> tuple[str, ...]:
    """What comes before the keys. Raises SettingsError for what cannot be in one."""
    parts = tuple([written] if isinstance(written, str) else written or [])
    for part in parts:
        if not re.fullmatch(r"[A-Za-z0-9_]+", part):
            raise SettingsError(f"key_prefix {part!r} has other characters than letters, digits and _")
    return parts


def _in_attributes(said: str) -> str:
    for attribute, variable in sorted(VARIABLES.items(), key=lambda names: -len(names[1])):
        said = said.replace(variable, attribute)
    return said
