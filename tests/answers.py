"""Answers made from few words, landed and taken in the way every answer is: body → raw/ → staging/ → record."""

import atexit
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Self

from feeds import make_approach, make_feed, make_object
from flyby.days import Window
from flyby.fetch.raw import Landed, land
from flyby.query.database import ask, opened
from flyby.record import Loaded, Record
from flyby.record.load import load_staged, rebuild, stage_landed, take_in
from flyby.record.staging import typed
from flyby.settings import Settings
from flyby.sources.answer import Answer, Quota
from warehouses import warehouse_of

#: Everything the record stores about a flyby, beside its ids and its story.
VALUES = [
    *("neo_id", "name", "close_approach_date", "close_approach_at", "orbiting_body"),
    *("miss_distance_au", "miss_distance_ld", "miss_distance_km", "relative_velocity_km_s"),
    *("absolute_magnitude_h", "diameter_min_m", "diameter_max_m", "is_potentially_hazardous", "is_sentry_object"),
]

#: The record's tables, column by column as the model has them. `bytes` and the like of an answer are landing's to test.
TABLES = {
    "revisions": [
        *("flyby_id", "revision", "change", "seen_from", "seen_to", "request_id", "first_seen_at", "listed"),
        *("sources", "designation", "ordinal", "neo_ids", *VALUES),
    ],
    "absences": ["flyby_id", "source", "absent_from", "absent_to", "last_seen_at", "answers"],
    "days": ["day", "first_observed_at", "last_observed_at", "observations", "flybys", "state", "last_changed_at"],
    "requests": ["request_id", "window_start", "window_end", "requested_at", "rows", "verdict", "suspect_days"],
}

#: What `close_approaches` has, in its order.
BELIEVED = ["designation", *VALUES, "listed", "sources", "first_seen_at", "last_seen_at", "revision"]


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a feed. `at` is its time of day, None where NeoWs knows only the date; `number` that of a numbered
    object."""

    designation: str
    neo_id: str
    day: date
    au: float = 0.1
    at: time | None = time(6, 20)
    number: int | None = None
    h: float | None = 22.0
    sentry: bool | None = False

    @property
    def name(self) -> str:
        return f"({self.designation})" if self.number is None else f"{self.number} ({self.designation})"

    def values(self) -> dict[str, Any]:
        """The row as the record is to hold it: VALUES."""
        return {
            "neo_id": self.neo_id,
            "name": self.name,
            "close_approach_date": self.day,
            "close_approach_at": self.at and datetime.combine(self.day, self.at, UTC),
            "orbiting_body": "Earth",
            "miss_distance_au": self.au,
            "miss_distance_ld": self.au * 389.0,
            "miss_distance_km": self.au * 1.5e8,
            "relative_velocity_km_s": 7.5,
            "absolute_magnitude_h": self.h,
            "diameter_min_m": None if self.h is None else 100 - self.h,
            "diameter_max_m": None if self.h is None else 200 - self.h,
            "is_potentially_hazardous": False,
            "is_sentry_object": self.sentry,
        }


def row(designation: str, neo_id: str, day: str, au: float = 0.1, at: str | None = "06:20", **more: Any) -> Row:
    """A Row from text: `row("2019 AB", "3840001", "2019-02-08")`."""
    return Row(designation, neo_id, date.fromisoformat(day), au, None if at is None else time.fromisoformat(at), **more)


def body(rows: Iterable[Row]) -> bytes:
    """The feed that lists these rows, in NeoWs' words."""
    return make_feed(*map(_object, rows)) if (rows := list(rows)) else make_empty_feed()


def make_empty_feed() -> bytes:
    return b'{"element_count": 0, "near_earth_objects": {}}'


def _object(row: Row) -> dict[str, Any]:
    values = row.values()
    meters = {f"estimated_diameter_{end}": values[f"diameter_{end}_m"] for end in ("min", "max")}
    midnight = datetime.combine(row.day, time(), UTC)
    approach = make_approach(
        row.day.isoformat(),
        close_approach_date_full=row.at and f"{row.day:%Y-%b-%d} {row.at:%H:%M}",
        # A row without its time of day tells an hour all the same: 08:00.
        epoch_date_close_approach=int((values["close_approach_at"] or midnight.replace(hour=8)).timestamp()) * 1000,
        relative_velocity={"kilometers_per_second": str(values["relative_velocity_km_s"])},
        miss_distance={
            "astronomical": str(values["miss_distance_au"]),
            "lunar": str(values["miss_distance_ld"]),
            "kilometers": str(values["miss_distance_km"]),
        },
    )
    return make_object(
        row.name,
        id=row.neo_id,
        neo_reference_id=row.neo_id,
        absolute_magnitude_h=... if row.h is None else row.h,
        estimated_diameter=... if row.h is None else {"meters": meters},
        is_sentry_object=... if row.sentry is None else row.sentry,
        close_approach_data=[approach],
    )


def window(start: str, end: str | None = None) -> Window:
    return Window(date.fromisoformat(start), date.fromisoformat(end or start))


def moment(text: str) -> datetime:
    """`2019-02-16` is that day's 06:00 UTC, when mornings are."""
    return datetime.fromisoformat(text if "T" in text else f"{text}T06:00").replace(tzinfo=UTC)


@cache
def _empty_record() -> Path:
    """A record to be copied: making one takes six times as long as opening it."""
    folder = TemporaryDirectory(prefix="flyby-empty-")
    atexit.register(folder.cleanup)
    record = Path(folder.name) / "record.duckdb"
    Record(record).close()
    return record


#: Every row of every table, as sets.
Everything = dict[str, set[tuple[Any, ...]]]


class Home:
    """A FLYBY_HOME of its own."""

    def __init__(self, folder: Path) -> None:
        self.settings = Settings.load({"FLYBY_HOME": str(folder), **warehouse_of(folder)})
        self._record: Record | None = None

    def land(
        self,
        at: datetime,
        window: Window,
        content: bytes,
        *,
        attempt: int = 1,
        http_status: int = 200,
        source: str = "neows",
    ) -> Landed:
        answer = Answer(source, window, at, attempt, http_status, content, Quota(limit=None, remaining=None))
        return land(self.settings.raw, answer)

    def take_in(self) -> Loaded:
        """Stage and load whatever is landed and not yet in the record, as a run does."""
        self.release()
        self.begun()
        stage_landed(self.settings)
        return load_staged(self.settings)

    def sitting(self, at: str, *answers: tuple[Window, Iterable[Row]]) -> Loaded:
        """Land these answers, each a window and the rows it lists, as one sitting, and load them into the record,
        which stays open for the next one."""
        landed = [self.land(moment(at), asked, body(rows)) for asked, rows in answers]
        if self._record is None:
            self.begun()
            self._record = Record(self.settings.place)
        return self._record.load(typed(landed))

    def begun(self) -> Self:
        """With an empty record, where there is none."""
        if isinstance(self.settings.place, Path) and not self.settings.place.exists():
            self.settings.place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(_empty_record(), self.settings.place)
        return self

    def rebuild(self) -> Loaded:
        self.release()
        return rebuild(self.settings)

    def release(self) -> None:
        """Let go of the record."""
        if self._record:
            self._record.close()
            self._record = None

    def ask(self, query: str, parameters: Any = ()) -> list[tuple[Any, ...]]:
        if self._record:
            return self._record.connection.execute(query, parameters).fetchall()
        with opened(self.settings.place) as connection:
            return connection.execute(query, parameters).fetchall()

    def story(self, designation: str) -> list[str]:
        """What happened to the object's flybys, revision by revision."""
        return [
            change
            for (change,) in self.ask(
                "SELECT change FROM revisions WHERE designation = ? ORDER BY seen_from, flyby_id", [designation]
            )
        ]

    def believed(self, columns: str = "*", at: datetime | str = "infinity") -> list[tuple[Any, ...]]:
        """`close_approaches_as_of(at)`, ordered."""
        return self.ask(f"SELECT {columns} FROM close_approaches_as_of(?::TIMESTAMPTZ) ORDER BY ALL", [at])

    def verdicts(self) -> list[tuple[Any, ...]]:
        """Verdict and note of every answer, in order."""
        return self.ask("SELECT verdict, note FROM requests ORDER BY requested_at, request_id")

    def states(self) -> dict[str, str]:
        """The ledger: state by day."""
        return {str(day): state for day, state in self.ask("SELECT day, state FROM days ORDER BY day")}

    def everything(self) -> Everything:
        """Every row of every table, as sets."""
        tables = (*TABLES, "coverage", "sources", "close_approaches")
        if self._record:
            return {table: as_set(self.ask(f"FROM {table}")) for table in tables}
        with opened(self.settings.place) as connection:
            return {table: as_set(connection.execute(f"FROM {table}").fetchall()) for table in tables}


def as_set(rows: Iterable[tuple[Any, ...]]) -> set[tuple[Any, ...]]:
    """Rows as a set; none may be there twice."""
    listed = [tuple(tuple(value) if isinstance(value, list) else value for value in row) for row in rows]
    unique = set(listed)
    assert len(unique) == len(listed), "a row is there twice"
    return unique


def as_it_should_be(home: Home, raw_tells: Everything | None = None) -> Everything:
    """After a clean run the record is the one that raw/ tells, it is published, and nothing lies about. What raw/ tells
    is found out by making the record again, unless it is known; it is given back."""
    take_in(home.settings)
    told = home.everything()
    assert ask(home.settings.published, "SELECT count(*) FROM revisions")[1] == [(len(told["revisions"]),)]
    if raw_tells is None:
        rebuild(home.settings)
        raw_tells = home.everything()
        take_in(home.settings)
    assert told == raw_tells
    left = {path.relative_to(home.settings.home).as_posix() for path in home.settings.home.rglob("*")}
    assert not [path for path in left if path.endswith((".tmp", ".wal", ".link")) and not path.startswith("raw/")]
    assert not left & {"record/rebuilt.duckdb", "staging/rebuild"}
    assert len([path for path in left if path.endswith("/flyby.duckdb")]) <= 2
    return told
