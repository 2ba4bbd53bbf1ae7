"""The component `flyby.WindowedApiComponent`: any API that is asked by dates and changes its mind, declared in YAML."""

import re
from pathlib import Path as Folder
from typing import Any

import dagster as dg
from pydantic import Field

from flyby.address import Lake
from flyby.days import LONGEST_WINDOW_DAYS, parse_day
from flyby.defs import assets, checks, jobs, schedules
from flyby.defs.component import prefix
from flyby.defs.declared import TEMPLATE, Declared
from flyby.defs.given import Given, Names
from flyby.defs.told import years_since
from flyby.errors import SettingsError
from flyby.query.database import Database
from flyby.record.record import believed_columns
from flyby.settings import ApiSettings, moment, timezone
from flyby.sources.policy import MORNING_REQUESTS
from flyby.sources.windowed import api
from flyby.sources.windowed.api import NAME, PATH, RESERVED, Api, Form, Path, Type

_ADDRESS = r"^https?://[^?#\s@]+$"
_PATH = "a path like properties.time: names joined by points, numbers for places in lists"


class Window(dg.Model, dg.Resolvable):
    """How the API is told which days are wanted."""

    start: str = Field(min_length=1, description="The parameter for the first day.", examples=["starttime"])
    end: str = Field(min_length=1, description="The parameter for the last.", examples=["endtime"])
    form: Form = Field(
        default="date",
        description="How they are written: `date` (2025-05-04), `iso` (2025-05-04T00:00:00Z), `epoch_s` or `epoch_ms`.",
        examples=["iso"],
    )
    end_included: bool = Field(
        default=True, description="Whether the end belongs to what is asked for; else it is the day after, at midnight."
    )
    days: int = Field(
        default=8, ge=1, le=LONGEST_WINDOW_DAYS, description="The most days that one request asks for.", examples=[1]
    )
    ahead_days: int = Field(
        default=0, ge=0, le=366, description="So many days from the day of the run on are asked for, too; 1 is today."
    )


class Moment(dg.Model, dg.Resolvable):
    """When a row happened."""

    path: str = Field(pattern=PATH, description=f"Where the row has it: {_PATH}.", examples=["properties.time"])
    form: Form = Field(
        default="iso",
        description="How it is written: `iso`, `date`, `epoch_s` or `epoch_ms`. Without a zone it is UTC.",
        examples=["epoch_ms"],
    )


class Column(dg.Model, dg.Resolvable):
    """A column of the tables, and where the rows have it."""

    path: str = Field(pattern=PATH, description=f"Where the row has it: {_PATH}.", examples=["properties.mag"])
    type: Type = Field(default="VARCHAR", description="The column's type in DuckDB.", examples=["DOUBLE"])
    form: Form = Field(default="iso", description="How a TIMESTAMPTZ is written.")
    unit: str | None = Field(default=None, description="Its unit.", examples=["km"])
    says: str | None = Field(default=None, description="What it says.", examples=["depth below the ground"])
    optional: bool = Field(
        default=False, description="Rows may lack it. Else an answer with a row that does is not believed."
    )


class Paging(dg.Model, dg.Resolvable):
    """How a long answer comes in pages: by a link to the next, or by the place of the first row."""

    link: str | None = Field(
        default=None, pattern=PATH, description=f"Where a page has the link: {_PATH}.", examples=["links.next"]
    )
    offset: str | None = Field(default=None, description="The parameter for the place.", examples=["offset"])
    limit: str | None = Field(default=None, description="The parameter for how many.", examples=["limit"])
    rows: int = Field(default=1000, ge=1, description="How many rows a page has.")
    first: int = Field(default=0, ge=0, le=1, description="The place of the very first row.")


class Quota(dg.Model, dg.Resolvable):
    """How much may be asked: by what headers say, or in figures."""

    remaining: str | None = Field(
        default=None,
        description="The header that tells how many requests are left.",
        examples=["X-Remaining"],
    )
    limit: str | None = Field(default=None, description="The header that tells how many there were.")
    a_day: int | None = Field(default=None, ge=1, description="So many requests a day.")
    a_morning: int = Field(default=MORNING_REQUESTS, ge=1, description="A morning asks this often at most.")


class Absence(dg.Model, dg.Resolvable):
    """When what an answer does not list is believed to be gone."""

    answers: int = Field(default=3, ge=1, description="A row is withdrawn at this healthy answer without it …")
    days: float = Field(default=7, ge=0, description="… so many days after the last change of it.")
    group: int = Field(default=3, ge=1, description="So many of a group that vanish together are a broken answer.")
    share: float = Field(default=0.3, gt=0, le=1, description="So is a greater share of what a window listed.")
    least_a_day: int = Field(
        default=1,
        ge=0,
        description="A day just past lists so many rows at its first look, or the answer is not believed; 0 where days "
        "without a row are usual.",
    )


class WindowedApiComponent(Declared):
    """Keeps the record of any API that is asked by dates and changes its mind: landed as it came, judged before it is
    believed, every version kept, asked again where its lateness says so.

    Assets `<name>` → `<name>_file` → `<name>_table`, past years `<name>_history`, job `<name>_job`, schedule, checks.
    Tables `<name>`, `<name>_revisions`, `<name>_days`, `<name>_requests`, and `<name>_as_of(moment)`.
    """

    name: str = Field(pattern=NAME, description="What the rows are, and the tables called.", examples=["earthquakes"])
    title: str | None = Field(default=None, description="What people call the source.", examples=["USGS"])
    url: str = Field(
        # Not judged by Pydantic, whose message would quote it.
        json_schema_extra={"pattern": f"{TEMPLATE}|{_ADDRESS}"},
        description="Where the API is, without the parameters.",
        examples=["https://earthquake.usgs.gov/fdsnws/event/1/query"],
    )
    parameters: dict[str, str | int | float | bool] = Field(
        default={}, description="What else it is told, always.", examples=[{"format": "geojson"}]
    )
    window: Window = Field(description="How it is told which days are wanted.")
    rows: str = Field(
        default="",
        pattern=f"^$|{PATH}",
        description=f"Where the list of rows lies in an answer: {_PATH}. Nothing if the answer is the list.",
        examples=["features"],
    )
    key: str = Field(pattern=PATH, description=f"What tells rows apart: {_PATH}.", examples=["id"])
    moment: Moment = Field(description="When a row happened. Its UTC day must be one that was asked for.")
    group: str | None = Field(
        default=None,
        pattern=PATH,
        description=f"What vanishes together when the source is broken: {_PATH}; `[:2]` behind it takes the first two "
        "characters.",
        examples=["id[:2]"],
    )
    aliases: str | None = Field(
        default=None, pattern=PATH, description="Other keys of the same row: a list, or a text with commas."
    )
    columns: dict[str, Column] = Field(
        min_length=1,
        json_schema_extra={"propertyNames": {"pattern": NAME}},
        description="The columns, each with its path, type and unit.",
        examples=[{"magnitude": {"path": "properties.mag", "type": "DOUBLE"}}],
    )
    paging: Paging | None = Field(default=None, description="How long answers come in pages.")
    api_key: str | None = Field(
        default=None, description="The key, as '{{ env.MY_KEY }}' and never as text.", examples=["{{ env.MY_KEY }}"]
    )
    key_header: str | None = Field(
        default=None, pattern=r"^[A-Za-z0-9-]+$", description="The header that carries it.", examples=["X-Api-Key"]
    )
    quota: Quota = Field(default=Quota(), description="How much may be asked.")
    pace_s: float = Field(default=0, ge=0, description="So many seconds lie between two requests.", examples=[1])
    absence: Absence = Field(default=Absence(), description="When what is not listed is believed to be gone.")
    final_after_days: float = Field(
        default=30,
        ge=1,
        description="After so many days a day is taken to be final, until the record has learned how late it is.",
    )
    first_day: str = Field(
        default="2000-01-01",
        pattern=r"^\d{4}-\d{2}-\d{2}$",
        description="Since when there is anything to ask for.",
        examples=["2020-01-01"],
    )
    home: str | None = Field(
        default=None,
        description="The folder for everything that is written, by default data/ and the name. Where it is relative, "
        "it lies in the project's folder.",
        examples=["data/earthquakes"],
    )
    group_name: str | None = Field(default=None, description="The group of the assets, by default the name.")

    def settings(self, folder: Folder | None = None) -> ApiSettings:
        """The settings that the attributes say; SettingsError names the attribute that is wrong.

        A relative home lies in `folder`, or else in the working directory.
        """
        home = ((folder or Folder()) / Folder(self.home or f"data/{self.name}").expanduser()).absolute()
        if self.key_header and not self.api_key:
            raise SettingsError("api_key is empty: set the variable that it names")
        lake = Lake.named(self.warehouse, self.warehouse_data or str(home / "lake")) if self.warehouse else None
        return ApiSettings(
            api=self.declared(),
            home=home,
            api_key=self.api_key,
            timezone=timezone("timezone", self.timezone),
            lake=lake,
            patience_min=self.patience,
            rehearsed_now=moment("now", self.now),
        )

    def declared(self) -> Api:
        """The API as the attributes declare it; SettingsError names the attribute that is wrong."""
        paging = self.paging
        if not re.match(_ADDRESS, self.url):
            raise SettingsError("url must be an http(s) address without parameters or a user: those go into parameters")
        if paging and not paging.link and not (paging.offset and paging.limit):
            raise SettingsError("paging: name either link, or both offset and limit")
        for name in self.columns:
            if not re.match(NAME, name):
                raise SettingsError(f"columns: {name!r} is no name: small letters, digits and _, like depth_km")
            if name in RESERVED:
                raise SettingsError(f"columns: {name} is a column of every table: give it another name")
        declared = Api(
            name=self.name,
            title=self.title or self.name,
            url=self.url.rstrip("/"),
            parameters=tuple((name, _written(value)) for name, value in self.parameters.items()),
            start=self.window.start,
            end=self.window.end,
            window_form=self.window.form,
            end_included=self.window.end_included,
            window_days=self.window.days,
            ahead_days=self.window.ahead_days,
            rows=Path.of(self.rows),
            key=Path.of(self.key),
            moment=Path.of(self.moment.path),
            moment_form=self.moment.form,
            group=Path.of(self.group) if self.group else None,
            aliases=Path.of(self.aliases) if self.aliases else None,
            values=tuple(
                api.Value(
                    name=name,
                    path=Path.of(column.path),
                    type=column.type,
                    form=column.form,
                    optional=column.optional,
                    comment=", in ".join(filter(None, (column.says or column.path, column.unit))),
                )
                for name, column in self.columns.items()
            ),
            paging=api.Paging(
                link=Path.of(paging.link) if paging.link else None,
                offset=paging.offset,
                limit=paging.limit,
                rows=paging.rows,
                first=paging.first,
            )
            if paging
            else None,
            key_header=self.key_header,
            remaining_header=self.quota.remaining,
            limit_header=self.quota.limit,
            requests_a_day=self.quota.a_day,
            requests_a_morning=self.quota.a_morning,
            pace_s=self.pace_s,
            final_after_days=self.final_after_days,
            first_day=parse_day(self.first_day, field="first_day"),
            least_a_day=self.absence.least_a_day,
            group_lost=self.absence.group,
            window_lost_share=self.absence.share,
            withdraw_answers=self.absence.answers,
            withdraw_days=self.absence.days,
        )
        if declared.key_name in self.columns:
            raise SettingsError(f"columns: {declared.key_name} is the key's column: give it another name")
        return declared

    def build_defs(self, context: dg.ComponentLoadContext | None = None) -> dg.Definitions:
        """Every asset, check, job and schedule. The executor is that of these jobs, never the project's."""
        folder = context.project_root if context else None
        if not self.key_header or self.api_key:
            self.settings(folder)  # what an attribute has wrong is said at once; what the environment has, by the steps
        declared = self.declared()
        dataset = declared.dataset()
        given = Given(
            names=Names(
                rows=self.name,
                file=f"{self.name}_file",
                table=f"{self.name}_table",
                history=f"{self.name}_history",
                job=f"{self.name}_job",
                history_job=f"{self.name}_history_job",
                schedule=f"{self.name}_schedule",
            ),
            settings=lambda: self.settings(folder),
            sources=(f"{self.name}_api",),
            kind="api",
            rows_say="The source's answers for the days before `date`, and for older days that are due to be asked for "
            "again. They lie in raw/ as they came, less the key.",
            columns=tuple(believed_columns(dataset)),
            table_says=f"What {declared.title} says now, a row each; every version in {self.name}_revisions, what was "
            f"believed at any moment in {self.name}_as_of(moment), the ledger in {self.name}_days. Loading the same "
            "answers again changes nothing, and leaves its data version as it was.",
            table_name=f"{self.name}.main.{self.name}",
            years=years_since(declared.first_day.year),
            after=lambda *_: [],
            shown=_shown,
            tell_failure=lambda *_: [],
            cron=self.cron,
            cron_is_called="cron",
            timezone=self.timezone,
            in_lake=self.warehouse is not None,
            key_prefix=prefix(self.key_prefix),
            group=self.group_name or self.name,
            owners=tuple(self.owners),
            tags=self.tags,
            schedules=self.schedules,
            retries=self.retries,
            retry_after_s=self.retry_after_minutes * 60,
        )
        morning, history = assets.morning(given), assets.history(given)
        morning_job = jobs.morning_job(given, morning)
        return dg.Definitions(
            assets=[assets.source(given, given.sources[0], declared.title), *morning, history],
            asset_checks=[checks.of_an_api(given)],
            jobs=[morning_job, jobs.history_job(given, history)],
            schedules=[schedules.morning_schedule(given, morning_job)],
        )


def _written(value: str | float | bool) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _shown(settings: ApiSettings, record: Database) -> dict[str, Any]:
    """What the UI shows of the record."""
    return {"changes": assets.preview(record, "api_changes", settings.dataset.schema)}
