"""The database that flyby writes: staged answers in, revisions and ledger out.

A batch is taken in in three steps: what is known of the days that it is about is read from the tables,
`flyby.record.rules` has its readings taken in one after another, and what they changed is written, in one transaction.
So the record is a function of the answers, and `flyby rebuild` can prove it.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cache
from hashlib import sha256
from importlib.resources import files
from operator import attrgetter
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from uuid import uuid4

import duckdb
import pyarrow as pa

from flyby.address import Lake
from flyby.collector import without_gc
from flyby.errors import BusyError, FlybyError, HomeError
from flyby.record import rules
from flyby.record.staging import Batch
from flyby.sources.asteroids import ASTEROIDS
from flyby.sources.dataset import Dataset
from flyby.store import file, lake

#: What this flyby writes. A record of an older version is upgraded, one of a newer version is refused.
SCHEMA_VERSION = 3
#: The one whose tables had other names.
_SCHEMA_1 = "schema-1"

#: Who commits, where nobody says.
SOMEBODY = "flyby"


#: The record's own tables.
TABLES = ("sources", "revisions", "absences", "coverage", "days", "requests")

_DATE = date(1970, 1, 1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_US = pa.timestamp("us", tz="UTC")
_NAMES = pa.list_(pa.string())

#: What the rules find, as the tables that write.sql reads.
_REVISIONS = pa.schema(
    [
        ("thing_id", pa.string()),
        ("source", pa.string()),
        ("revision", pa.int32()),
        ("change", pa.string()),
        ("seen_from", _US),
        ("seen_to", _US),
        ("request_id", pa.string()),
        ("asked_at", _US),
        ("first_seen_at", _US),
        ("listed", pa.bool_()),
        ("entity", pa.string()),
        ("ids", _NAMES),
        ("aliases", _NAMES),
        ("day", pa.date32()),
        ("moment", _US),
        ("ordinal", pa.int32()),
        ("been_on", pa.list_(pa.date32())),
        ("cohort", pa.string()),
        ("firm", pa.bool_()),
        ("apart", pa.bool_()),
        ("row", pa.int32()),
        ("copied", pa.int32()),
    ]
)
_CLOSED = pa.schema([("thing_id", pa.string()), ("source", pa.string()), ("revision", pa.int32()), ("seen_to", _US)])
_LOWERED = pa.schema([("thing_id", pa.string()), ("source", pa.string()), ("seen_from", _US)])
_ABSENCES = pa.schema(
    [
        ("thing_id", pa.string()),
        ("source", pa.string()),
        ("absent_from", _US),
        ("absent_to", _US),
        ("last_seen_at", _US),
        ("answers", pa.int32()),
    ]
)
_COVERAGE = pa.schema(
    [
        ("source", pa.string()),
        ("day", pa.date32()),
        ("first_at", _US),
        ("last_at", _US),
        ("observations", pa.int32()),
        ("doubted", pa.bool_()),
    ]
)
_JUDGED = pa.schema(
    [
        ("request_id", pa.string()),
        ("recorded_at", _US),
        ("verdict", pa.string()),
        ("note", pa.string()),
        ("suspect_days", pa.list_(pa.date32())),
    ]
)
_SOURCES = pa.schema(
    [
        *((name, pa.string()) for name in ("name", "title", "role")),
        *((name, pa.int32()) for name in ("priority", "window_days", "move_days", "margin_days", "edge_minutes")),
        *((name, pa.int32()) for name in ("group_lost", "window_lost", "window_lost_by_half", "day_lost")),
        *((name, pa.int32()) for name in ("long_lost_days", "few_a_day", "few_within_days", "withdraw_answers")),
        ("few_since", pa.date32()),
        *((name, pa.float64()) for name in ("window_lost_share", "withdraw_days")),
    ]
)
_CHANGED_DAYS = pa.schema([("day", pa.date32()), ("asked_at", _US)])


#: Called from another database, the names in a macro are those of that database's tables.
_ONLY_HERE = """CASE WHEN {own}_record() = '{record_id}' THEN true ELSE error(
    '{believed}_as_of answers only in its own database: USE it first, or ask {believed}_history'
)::BOOLEAN END"""


class OutOfOrder(FlybyError):
    """Answers came that were asked for before others that the record has: `undone` are those to take in again."""

    def __init__(self, undone: set[str]) -> None:
        super().__init__("answers older than the record's own were landed: run the same again")
        self.undone = undone


class DamagedRecord(HomeError):
    """The file is no whole record: it has to be made again."""


class OutdatedRecord(HomeError):
    """The record was written by an older flyby, or of other sources: it has to be made again. `of` is a name for
    what it was."""

    def __init__(self, of: str) -> None:
        super().__init__(f"the record is of an older flyby ({of}): run `flyby rebuild`")
        self.of = of


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a load did: answers taken in, rows they held, revisions written by kind, and what is not believed."""

    answers: int = 0
    rows: int = 0
    changes: dict[str, int] = field(default_factory=dict)
    partial: tuple[tuple[str, str], ...] = ()
    rejected: tuple[tuple[str, str], ...] = ()

    def __add__(self, other: "Loaded") -> "Loaded":
        kinds = self.changes | other.changes
        return Loaded(
            self.answers + other.answers,
            self.rows + other.rows,
            {kind: self.changes.get(kind, 0) + other.changes.get(kind, 0) for kind in kinds},
            self.partial + other.partial,
            self.rejected + other.rejected,
        )


@cache
def _text(name: str) -> str:
    return files("flyby.record").joinpath("sql", f"{name}.sql").read_text(encoding="utf-8")


class Record:
    """The record in the database file, or in the lake, `place`, which is made if it is not there. A context manager.

    Only one process may hold it: take the turn first. Raises HomeError when it cannot be opened or was written by a
    newer flyby, DamagedRecord when it is not whole, OutdatedRecord when an older flyby wrote it (unless it is opened
    to `become` another).
    """

    def __init__(self, place: Path | Lake, dataset: Dataset = ASTEROIDS, *, to_become: bool = False) -> None:
        self.dataset = dataset
        self._lake = place if isinstance(place, Lake) else None
        self._open = ExitStack()
        try:
            self.connection = self._open.enter_context(
                lake.opened(place, read_only=False) if isinstance(place, Lake) else file.opened(place)
            )
        except file.DamagedFile as error:
            raise DamagedRecord(str(error)) from None
        try:
            self.connection.execute("SET TimeZone = 'UTC'")
            [(catalog,)] = self._rows("SELECT current_database()")
            self._words = words(dataset) | {"catalog": catalog}
            self._outdated = self._prepare(or_older=to_become)
        except duckdb.Error as error:
            self.close()
            raise HomeError(f"the record could not be made: {lake.in_short(error)}") from None
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def checkpoint(self) -> None:
        """Have everything in the one file, as closing does without a word if it cannot. Raises HomeError if not."""
        try:
            self.connection.execute("CHECKPOINT")
        except duckdb.Error as error:
            raise HomeError(f"the record could not be written: {lake.in_short(error)}") from None

    def close(self) -> None:
        """Write everything into the one file and let go of it."""
        self._open.close()

    def request_ids(self) -> set[str]:
        """The answers that the record has taken in."""
        with self._said_plainly():
            return {request_id for (request_id,) in self._ask("SELECT request_id FROM {schema}.requests")}

    def load(
        self,
        batches: Iterable[Batch],
        *,
        recorded: Mapping[tuple[str, datetime], datetime] | None = None,
        by: str = SOMEBODY,
        believing: bool = True,
    ) -> Loaded:
        """Take in every batch, each in one transaction; what is known is skipped.

        `recorded` says when each reading (source, moment) was taken in; what it does not name was when it was asked
        for. `by` is who does it, as the commits of a lake tell. Who has what is believed made in the end, by
        `believe_all`, can do without it meanwhile: `believing`. Raises OutOfOrder, with that batch undone, if it holds
        an answer that was asked for before one that the record has for the same days: `rewind`, and take both in again.
        """
        done = Loaded()
        for batch in batches:
            # What a batch knows goes when it is taken in; the collector was a fifth of a backfill.
            with self._transaction(by), without_gc():
                loaded = self._load(batch, recorded or {})
                if believing and loaded.answers:
                    self._run("believe")
                done += loaded
        return done

    def rewind(self, request_ids: set[str], *, by: str = SOMEBODY) -> dict[tuple[str, datetime], datetime]:
        """Be as if these answers had never been taken in; when each of their readings was. They must be all that were
        asked for since some moment of all that have to do with each other: `OutOfOrder.undone`."""
        with self._transaction(by):
            self._table("undone", pa.schema([("request_id", pa.string())]), [(id_,) for id_ in sorted(request_ids)])
            recorded = {(source, asked): at for source, asked, at in self._ask(_text("recorded"))}
            self._run("rewind")
            for step in ("touched", "ledger", "believe"):
                self._run(step)
        return recorded

    def believe_all(self) -> None:
        """Have what is believed lie in the order in which it is looked for."""
        with self._transaction(SOMEBODY):
            self._run("believe_all")
            self._comment(self.dataset.believed)

    def become(self, other: Path | Lake, *, by: str, without_lost: bool = False) -> dict[str, int]:
        """Be row by row what the record at `other` is, in one transaction that writes only what differs.

        How many rows each table has then. Raises HomeError if they are not the same after all, and, unless told to do
        without them, if answers would be lost that `other` has not.
        """
        schema = self.dataset.schema
        counts = {}
        with self._attached(other), self._transaction(by):
            lost = self._ask(_text("lost_1" if self._outdated == _SCHEMA_1 else "lost"))
            if lost and not without_lost:
                raise HomeError(
                    f"{len(lost):,} answers would be lost that are in the record and not in what is to replace it: "
                    "nothing was changed. Is FLYBY_HOME the folder that all machines share? To do without them: "
                    "`flyby rebuild --without-lost`"
                )
            if self._outdated:
                self._run("drop_1" if self._outdated == _SCHEMA_1 else "drop")
                self._make()
            for table in TABLES:
                self.connection.execute(_text("become").format(table=f"{schema}.{table}"))
                [(count, differing)] = self._rows(_text("differences").format(table=f"{schema}.{table}"))
                if differing:
                    raise HomeError(f"the copy of {table} is not what was copied: nothing was changed")
                counts[table] = int(count)
            self._run("believe_all")
            self._comment(self.dataset.believed)
        return counts

    def _prepare(self, *, or_older: bool) -> str | None:
        """Make the tables if there are none, and what people see of them if it is not this flyby's; what the tables are
        of, if they are of an older flyby, or of other sources."""
        version = self._version()
        if version is None:
            self._claim()
            self.connection.execute("BEGIN")
            self._make()
            self.connection.execute("COMMIT")
            return None
        outdated = f"schema-{version}" if version < SCHEMA_VERSION else None
        if version > SCHEMA_VERSION:
            raise HomeError(
                f"the record was written by a newer flyby (schema {version}, this one knows {SCHEMA_VERSION}): "
                "upgrade flyby"
            )
        if not outdated:
            [(rules,)] = self._rows(f"SELECT {self._words['own']}_rules()")
            sources = rules.rpartition(".")[0]
            if sources != self.dataset.fingerprint:
                outdated = f"sources-{sources}"
            elif rules != self._words["rules"]:
                with self._transaction(SOMEBODY):
                    self._show()
        if outdated and not or_older:
            raise OutdatedRecord(outdated)
        return outdated

    def _claim(self) -> None:
        """HomeError if a record that is about to be made would lie among what is something else's."""
        [(_, _, others)] = self._ask(_text("version"))
        if self._lake and not others:
            lake.claim(self._lake, self.connection)
        if not self._lake and others:
            raise HomeError(f"this is the home of {others[0].removesuffix('_record')}: give each record one of its own")

    def _version(self) -> int | None:
        """The version of the record's tables; None if there are none."""
        [(is_made, is_old, _)] = self._ask(_text("version"))
        if is_made:
            return int(self._rows(f"SELECT {self._words['own']}_schema_version()")[0][0])
        return 1 if is_old else None

    def _make(self) -> None:
        self._run("schema")
        told = [[getattr(source, name) for name in _SOURCES.names] for source in self.dataset.sources]
        self._table("new_sources", _SOURCES, told)
        self._run("tell_sources")
        self._show()

    def _show(self) -> None:
        """Make what people see of the record."""
        record_id = uuid4().hex
        self._words |= {"record_id": record_id, "only_here": _ONLY_HERE.format(**self._words, record_id=record_id)}
        self._run("face")
        self._do(self.dataset.as_of)
        self._run("believe_all")
        if self.dataset.views:
            self.connection.execute(self.dataset.views.format(**self._words))
        for name, text in _comments(self.dataset).items():
            self._comment(name, text)

    def _comment(self, name: str, text: str | None = None) -> None:
        """Say in the database itself what the table or view holds."""
        dataset = self.dataset
        said = text or _comments(dataset)[name]
        kind = "TABLE" if name == dataset.believed else "VIEW"
        self.connection.execute(f"COMMENT ON {kind} main.{name} IS {lake.quoted(said)}")
        if self._lake and kind == "VIEW":  # of whose columns a lake keeps no comments
            return
        described = _column_comments(dataset)
        for (column,) in self._do(_text("columns").replace("$name", lake.quoted(name))).fetchall():
            if column in described:
                self.connection.execute(f"COMMENT ON COLUMN main.{name}.{column} IS {lake.quoted(described[column])}")

    def _load(self, batch: Batch, recorded: Mapping[tuple[str, datetime], datetime]) -> Loaded:
        with self._given("answers_of_batch", batch.answers), self._given("rows_of_batch", batch.rows):
            self._run("staged")
        if self._ask(_text("late")):
            raise OutOfOrder(self._undone())
        readings = self._readings(recorded)
        if not readings:
            return Loaded()
        known = self._known()
        days = _Days()
        for reading in readings:
            rules.take_in(known, reading, days)
        self._write(known, readings)
        changes: dict[str, int] = {}
        for revision in known.revisions:
            changes[revision.change] = changes.get(revision.change, 0) + 1
        [(count, row_count, partial, rejected)] = self._ask(_text("loaded"))
        return Loaded(count, row_count, changes, tuple(map(tuple, partial)), tuple(map(tuple, rejected)))

    def _undone(self) -> set[str]:
        """The record's answers that have to be taken in again after the late ones: of the readings since then all that
        are about days near theirs, or near the days of such a reading."""
        staged = self._ask(_text("answers"))
        readings = {(source, asked_at) for source, asked_at, *_ in staged}
        near_days = self._words["near_days"]
        days = {day for _, _, _, start, end, *_ in staged for day in _near(start, end, near_days)}
        since = min(asked_at for _, asked_at in readings)
        # What these found to have been known earlier is taken in again with them.
        while (earlier := self._ask(_text("lowered"), since=since)[0][0]) is not None:
            since = earlier
        left: dict[tuple[str, int], list[tuple[str, int, int]]] = {}
        for source, asked_at, request_id, start, end in self._ask(_text("since"), since=since):
            left.setdefault((source, asked_at), []).append((request_id, start, end))
        undone: set[str] = set()
        while True:
            concerned = [
                reading
                for reading, its in left.items()
                if reading in readings or any(not days.isdisjoint(range(start, end + 1)) for _, start, end in its)
            ]
            if not concerned:
                return undone
            for reading in concerned:
                for request_id, start, end in left.pop(reading):
                    undone.add(request_id)
                    days.update(_near(start, end, near_days))

    def _readings(self, recorded: Mapping[tuple[str, datetime], datetime]) -> list[rules.Reading]:
        """The staged readings, in the order in which they were asked for."""
        readings: dict[tuple[int, str], rules.Reading] = {}
        rows = {values[0]: rules.Row(*values) for values in self._ask(_text("rows"))}
        for source, asked_at, request_id, start, end, accepted, note, doubt, listed in self._ask(_text("answers")):
            said_by = self.dataset.source(source)
            if said_by is None:  # noted as rejected; nothing of it is believed
                said_by = self.dataset.primary
            reading = readings.get((asked_at, source))
            if reading is None:
                moment = _EPOCH + timedelta(microseconds=asked_at)
                taken_in_at = (recorded.get((source, moment), moment) - _EPOCH) // timedelta(microseconds=1)
                reading = readings[asked_at, source] = rules.Reading(said_by, asked_at, taken_in_at, [])
            its = [rows[number] for number in listed]
            reading.answers.append(rules.Answer(request_id, start, end, accepted, its, note, doubt))
        return list(readings.values())

    def _known(self) -> rules.Known:
        """What the record has of the days that the staged answers are about."""
        known = rules.Known()
        chains: dict[tuple[str, str], rules.Chain] = {}
        for values in self._ask(_text("chains")):
            *said, fingerprint = values
            now = rules.Revision(*said)
            chain = chains[now.thing_id, now.source] = rules.Chain(now, fingerprint, is_stored=True)
            known.add(chain)
        known.born.update(thing_id for (thing_id,) in self._ask(_text("births")))
        for thing_id, source, absent_from, last_seen_at, answers in self._ask(_text("open_absences")):
            if (thing_id, source) in chains:
                chains[thing_id, source].absence = rules.Absence(
                    thing_id, source, absent_from, None, last_seen_at, answers
                )
        for source, day, first_at, last_at, observations, doubted in self._ask(_text("looks")):
            known.looks[source, day] = rules.Coverage(first_at, last_at, observations, doubted)
        return known

    def _write(self, known: rules.Known, readings: Sequence[rules.Reading]) -> None:
        """Put what the readings changed into the tables."""
        names = _REVISIONS.names
        as_attribute = ["at" if name == "moment" else name for name in names]
        self._table("new_revisions", _REVISIONS, list(map(attrgetter(*as_attribute), known.revisions)))
        absences = [[getattr(a, n) for n in _ABSENCES.names] for a in known.absences.values()]
        # Mostly there are none, and in a lake every statement is a question to Postgres.
        for step, table, schema, rows in (
            ("lower", "lowered", _LOWERED, known.lowered),
            ("close", "closed", _CLOSED, [(*key, *end) for key, end in known.closed.items()]),
            ("absent", "new_absences", _ABSENCES, absences),
        ):
            if rows:
                self._table(table, schema, rows)
                self._run(step)
        self._table(
            "new_coverage",
            _COVERAGE,
            [
                (source, day, look.first_at, look.last_at, look.observations, look.doubted)
                for source, day in sorted(known.covered)
                for look in [known.looks[source, day]]
            ],
        )
        judged = [
            (a.request_id, reading.recorded_at, a.verdict, a.note, a.suspect_days)
            for reading in readings
            for a in reading.answers
        ]
        self._table("judged", _JUDGED, judged)
        self._table("changed_days", _CHANGED_DAYS, sorted(known.changed_days.items()))
        for step in ("write", "touched", "ledger"):
            self._run(step)

    def _table(self, name: str, schema: pa.Schema, rows: Sequence[Sequence[Any]]) -> None:
        """Rows of Python's as a temporary table."""
        columns = list(zip(*rows, strict=True)) if rows else [()] * len(schema)
        arrays = [pa.array(column, field.type) for column, field in zip(columns, schema, strict=True)]
        with self._given("given", pa.Table.from_arrays(arrays, schema=schema)):
            self.connection.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS FROM given")

    @contextmanager
    def _given(self, name: str, table: pa.Table) -> Iterator[None]:
        """A table of Arrow's, to be read once."""
        self.connection.register(name, table.to_reader())
        try:
            yield
        finally:
            self.connection.unregister(name)

    @contextmanager
    def _attached(self, other: Path | Lake) -> Iterator[None]:
        """The tables of another record, to be read as `other.<schema>.…`."""
        try:
            self.connection.execute("DETACH DATABASE IF EXISTS other")  # where one that broke down left it
            if isinstance(other, Lake):
                lake.load_extensions(self.connection)
                lake.attach(other, self.connection, "other", read_only=True)
            else:
                self.connection.execute(f"ATTACH {lake.quoted(str(other))} AS other (READ_ONLY)")
            yield
        except duckdb.Error as error:
            raise HomeError(f"the other record cannot be read: {lake.in_short(error)}") from None
        finally:
            with suppress(duckdb.Error):
                self.connection.execute("DETACH DATABASE IF EXISTS other")

    @contextmanager
    def _transaction(self, by: str) -> Iterator[None]:
        with self._said_plainly():
            self.connection.execute("BEGIN")
            try:
                yield
                if self._lake:
                    lake.sign(self.connection, f"{self.dataset.schema}.sources", by)
                self.connection.execute("COMMIT")
            except BaseException:
                self._roll_back()
                raise

    @contextmanager
    def _said_plainly(self) -> Iterator[None]:
        """A disk that is full, a Postgres that is gone, another who was first, in one line."""
        try:
            yield
        except duckdb.Error as error:
            if not self._lake and not isinstance(error, duckdb.OperationalError | duckdb.InternalError):
                raise
            if lake.is_conflict(error):
                raise BusyError("another flyby wrote the record at the same time: run the same again") from None
            raise HomeError(f"the record could not be written: {lake.in_short(error)}") from None

    def _roll_back(self) -> None:
        # After an error of the disk there may be nothing left to roll back.
        with suppress(duckdb.Error):
            self.connection.execute("ROLLBACK")

    def _run(self, name: str) -> None:
        self._do(_text(name))

    def _do(self, query: str, parameters: Sequence[Any] | Mapping[str, Any] = ()) -> duckdb.DuckDBPyConnection:
        return self.connection.execute(query.format(**self._words), parameters)

    def _ask(self, query: str, **parameters: Any) -> list[Any]:
        return self._do(query, parameters).fetchall()

    def _rows(self, query: str) -> list[Any]:
        return self.connection.execute(query).fetchall()


def _near(start: int, end: int, near_days: int) -> range:
    """The days whose answers may have to do with one for the days from `start` to `end`."""
    return range(start - 2 * near_days, end + 2 * near_days + 1)


class _Days(dict[int, str]):
    """Days as text, by their number."""

    def __missing__(self, day: int) -> str:
        text = self[day] = str(_DATE + timedelta(days=day))
        return text


def words(dataset: Dataset) -> dict[str, Any]:
    """What stands for the placeholders of the .sql files."""
    names = [column.name for column in dataset.values]
    columns = ", ".join(f"{word} AS {dataset.words[word]}" if word in dataset.words else word for word in dataset.shown)
    shown = ", ".join(f"t.{dataset.words.get(word, word)}" for word in dataset.shown)
    of_witness = [column.name for column in dataset.values if column.of_witness]
    said = {
        **dataset.words,
        "prefix": dataset.prefix,
        # What is called after the record, and not after its tables.
        "own": dataset.prefix.rstrip("_") or "flyby",
        "believed": dataset.believed,
        "schema": dataset.schema,
        "schema_version": SCHEMA_VERSION,
        # What is known is looked up for so many days around those asked for: things move, answers reach beyond their
        # windows, and sources differ by a day.
        "near_days": 1 + max(source.move_days + source.margin_days for source in dataset.sources),
        "move_days": max(source.move_days for source in dataset.sources),
        "values": ", ".join(names),
        "value_types": ",\n    ".join(f"{column.name} {column.type}" for column in dataset.values),
        "values_of_row": ", ".join(f"o.{name}" for name in names),
        "values_of_before": ", ".join(f"before.{name}" for name in names),
        "columns_but_entity": columns.partition(", ")[2] + "".join(f", {name}" for name in of_witness),
        "shown": shown,
        "says_witness": " OR ".join(f"{name} IS NOT NULL" for name in of_witness) or "false",
        "shown_of_witness": "".join(f", coalesce(t.{name}, w.{name}) AS {name}" for name in of_witness),
    }
    text = (
        _text("face")
        + _ONLY_HERE
        + dataset.as_of
        + dataset.views
        + repr(sorted(_column_comments(dataset).items()))
        + repr(said)
    )
    return said | {"rules": f"{dataset.fingerprint}.{sha256(text.encode()).hexdigest()[:16]}"}


def believed_columns(dataset: Dataset) -> list[tuple[str, str, str]]:
    """The columns of what is believed, in their order: name, DuckDB type, and what each says."""
    types = _TYPES | {column.name: column.type for column in dataset.values}
    of_witness = [column.name for column in dataset.values if column.of_witness]
    told = ["listed", "sources", "first_seen_at", "last_seen_at", "revision", "thing_id"]
    says = _column_comments(dataset)
    names = [(name, dataset.words.get(name, name)) for name in (*dataset.shown, *told, *of_witness)]
    return [(shown, types[name], says[shown]) for name, shown in names]


#: Of the record's own words.
_TYPES = {
    **dict.fromkeys(("thing_id", "entity"), "VARCHAR"),
    **dict.fromkeys(("moment", "first_seen_at", "last_seen_at"), "TIMESTAMPTZ"),
    "day": "DATE",
    "listed": "BOOLEAN",
    "sources": "VARCHAR[]",
    "revision": "INTEGER",
}


def _comments(dataset: Dataset) -> dict[str, str]:
    """What each table and view of people's is, by name."""
    return {dataset.prefix + name: text for name, text in _TABLES_TOLD.items()} | {
        dataset.believed: f"What is believed now: a row for each of the {dataset.words['things']}",
        f"{dataset.believed}_history": "What was believed from valid_from until valid_to (NULL: still)",
        **dataset.view_comments,
    }


_TABLES_TOLD = {
    "revisions": "Every version of everything, by the source that told it; half open from seen_from to seen_to",
    "absences": "When something that was listed stayed away from answers for its day",
    "coverage": "What each source was asked about each day",
    "days": "The ledger: how complete each day is",
    "requests": "One row for each answer that was ever landed",
    "sources": "Who tells of it, and the thresholds by which each is judged",
}


def _column_comments(dataset: Dataset) -> dict[str, str]:
    """What each column says, by the name that people see."""
    return (
        _COLUMNS_TOLD
        | {dataset.words.get(name, name): text for name, text in _COLUMNS_TOLD.items()}
        | {column.name: column.comment for column in dataset.values}
        | dataset.word_comments
    )


_COLUMNS_TOLD = {
    "thing_id": "what stays when it moves: the entity @ the day it was first seen on, '#2' if the day had one before",
    "revision": "1, 2, …: how often what is said of it changed",
    "change": "new | changed | unlisted | relisted | withdrawn",
    "seen_from": "from when the record had it (half open)",
    "seen_to": "until when the record had what contradicts it; NULL = still so",
    "valid_from": "from when it was believed (half open)",
    "valid_to": "until when it was believed; NULL = still",
    "request_id": "the answer behind it: requests.request_id",
    "first_seen_at": "when flyby first had it",
    "last_seen_at": "the last answer that listed it",
    "listed": "is in the source's latest answer for its day",
    "sources": "who lists it",
    "ordinal": "1 unless it comes by twice on that day",
    "source": "the source: sources.name",
    "absent_from": "when the first answer without it was asked for",
    "absent_to": "when an answer had it again; NULL = still away",
    "answers": "healthy answers without it so far",
    "day": "the data day, UTC",
    "first_at": "when the first accepted answer for the day was asked for; NULL = in vain so far",
    "last_at": "when the last accepted answer for the day was asked for",
    "observations": "accepted readings of the day",
    "doubted": "the last answer for the day is not believed",
    "first_observed_at": "when the day was first asked for and answered",
    "last_observed_at": "when the day was last asked for and answered",
    "things": "how many are listed for the day now",
    "state": "missing | fresh | settling | settled | suspect",
    "last_changed_at": "the last change of anything on the day",
    "witness_only": "how many only a witness lists; NULL = none was asked",
    "primary_only": "how many only the primary source lists; NULL = no witness was asked",
    "window_start": "the first day asked for",
    "window_end": "the last day asked for, included",
    "requested_at": "when the reading was begun that the answer belongs to",
    "recorded_at": "when the record had it",
    "purpose": "daily | manual (a run for another day) | backfill | comparison; NULL = not known",
    "tick": "the tick date of the run that asked; NULL for a backfill",
    "http_status": "the HTTP status of the answer",
    "rows": "rows in the answer",
    "bytes": "bytes of the answer, uncompressed",
    "sha256": "SHA-256 of the answer, uncompressed, less the key",
    "verdict": "ok | partial (looks incomplete) | rejected (no feed)",
    "note": "why it is partial or rejected",
    "raw_path": "where the answer lies, below FLYBY_HOME",
    "set_apart": "rows that are kept apart",
    "simulated": "said by the built-in sky, not by the real source",
    "suspect_days": "the days on which a partial answer is not believed",
    "name": "its name",
    "title": "what people call it",
    "role": "primary (mornings ask it, days count by it) | witness (compared with it)",
    "priority": "of several that list a thing the lowest is shown",
    "window_days": "the longest window of one request, in days",
    "move_days": "by how many days a thing may move and be the same",
    "margin_days": "how far beyond its window an answer may reach, in days",
    "edge_minutes": "so near to the edge of what was asked nothing is missed, in minutes",
    "group_lost": "so many of a group that vanish together make an answer partial",
    "window_lost": "so many lost of a window, and more than window_lost_share, make it partial",
    "window_lost_share": "a share (0.3 = 30 %)",
    "window_lost_by_half": "so many lost of a window, and more than half of it, make it partial, too",
    "day_lost": "a day of so many that empties is suspect",
    "long_lost_days": "what was away for longer counts no more as lost, but for whole groups",
    "few_a_day": "the first look at past days lists so many a day at least, else it is partial; 0 = not judged so",
    "few_within_days": "… for days so many days ago at most",
    "few_since": "… in answers since then",
    "withdraw_answers": "what is gone is withdrawn at this healthy answer without it, …",
    "withdraw_days": "… so many days after the first",
}
