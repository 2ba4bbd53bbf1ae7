"""Asking the database: the published file, or the lake. Opened read-only, for a moment; no lock is held afterwards."""

import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import date, datetime
from functools import cache
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb

from flyby.address import Lake
from flyby.days import DAY
from flyby.errors import HomeError
from flyby.fetch.lateness import Followed, Lateness, learned
from flyby.fetch.plan import LedgerDay
from flyby.sources.policy import Curve
from flyby.store import lake

#: So often a copy is tried again that somebody wrote into.
COPIES = 5
#: Where the record of the asteroids has its own tables: `ASTEROIDS.schema`, for who starts without Arrow.
ASTEROIDS_SCHEMA = "asteroids_record"
#: Lateness is learned from the days of the last so many.
LATENESS_DAYS = 200

#: Of a view DuckDB has other things to say than that nothing can be written.
_WRITES = {duckdb.StatementType.INSERT, duckdb.StatementType.UPDATE, duckdb.StatementType.DELETE}


@cache
def query_text(name: str, schema: str | None = None) -> str:
    """The text of `sql/<name>.sql`; one that asks the record's own tables, those of `schema`."""
    text = files("flyby.query").joinpath("sql", f"{name}.sql").read_text(encoding="utf-8")
    return text.format(schema=schema) if schema else text


#: What can be asked: a file, a lake, or either of them already open.
Database = Path | Lake | duckdb.DuckDBPyConnection


@contextmanager
def opened(database: Database) -> Iterator[duckdb.DuckDBPyConnection]:
    """The database, read-only and as it is now, for several questions, which all see the same state of it.

    Raises HomeError when there is no database yet or a query is wrong.
    """
    if isinstance(database, duckdb.DuckDBPyConnection):
        yield database
        return
    try:
        with ExitStack() as stack:
            connection = _connected(database, stack)
            connection.execute("SET TimeZone = 'UTC'")
            if connection.execute(query_text("is_older")).fetchall():
                raise HomeError("the database was published by an older flyby: `flyby rebuild` makes it anew")
            yield connection
    except duckdb.Error as error:
        raise HomeError(str(error).splitlines()[0]) from None


def there(published: Path) -> None:
    """HomeError where nothing is published yet."""
    if not published.exists():
        raise HomeError(f"there is no {published.name} yet: `flyby run` makes it, `flyby demo` shows how it would look")


def _connected(database: Path | Lake, stack: ExitStack) -> duckdb.DuckDBPyConnection:
    """The database as it is now; of a file that somebody has open for writing, a copy of what they have written so
    far."""
    if isinstance(database, Lake):
        return stack.enter_context(lake.opened(database, read_only=True))
    there(database)
    try:
        return stack.enter_context(duckdb.connect(database, read_only=True))
    except duckdb.IOException as error:
        if "Could not set lock" not in str(error):
            raise
        return stack.enter_context(duckdb.connect(_copied(database, stack), read_only=True))


def _copied(published: Path, stack: ExitStack) -> Path:
    """A copy of a database that another process has open for writing, for as long as `stack` lasts."""
    copy = Path(stack.enter_context(TemporaryDirectory(prefix="flyby-"))) / published.name
    try:
        for _ in range(COPIES):
            written = published.stat().st_mtime_ns
            shutil.copyfile(published, copy)
            if published.stat().st_mtime_ns == written:  # nobody wrote in it meanwhile
                break
    except OSError as error:
        raise HomeError(f"{published.name} is open for writing, and could not be copied ({error.strerror})") from None
    return copy


def with_values(query: str, values: Mapping[str, Any]) -> str:
    """The query with its $names written out: binding a parameter has DuckDB import pandas where that is installed,
    which takes longer than everything else together."""
    return re.sub(r"\$([a-z]\w*)", lambda match: _literal(values[match[1]]), query) if values else query


def _literal(value: Any) -> str:
    if isinstance(value, datetime):
        return f"TIMESTAMPTZ '{value.isoformat()}'"
    if isinstance(value, date):
        return f"DATE '{value.isoformat()}'"
    if isinstance(value, str):
        return lake.quoted(value)
    return repr(value) if isinstance(value, int | float) else str(list(value))


def ask(
    database: Database, query: str, values: Mapping[str, Any] | None = None
) -> tuple[list[str], list[tuple[Any, ...]]]:
    """The column names and rows that `query` gives with these values of its $names. Raises HomeError when there is no
    database yet or the query is wrong."""
    query = with_values(query, values or {})
    with opened(database) as connection:
        statements = connection.extract_statements(query)
        if any(statement.type in _WRITES for statement in statements):
            raise HomeError("the database is opened read-only: nothing can be written in it")
        if not statements:
            raise HomeError("there is no question in it: ask in SQL, like `flyby sql 'FROM close_approaches'`")
        result = connection.execute(query)
        return [column[0] for column in result.description or ()], result.fetchall()


def ledger(database: Database, schema: str) -> list[LedgerDay]:
    """Every day of the ledger of the record in `schema`; none where nothing is published yet."""
    if isinstance(database, Path) and not database.exists():
        return []
    _, rows = ask(database, query_text("ledger", schema))
    return [LedgerDay(*row) for row in rows]


def requests_since(record: Database, schema: str, moment: datetime) -> int:
    """How many answers of the primary source came since `moment`."""
    _, [(count,)] = ask(record, query_text("requests_since", schema), {"moment": moment})
    return int(count)


def lateness(record: Database, schema: str, now: datetime, before: Curve) -> Lateness | None:
    """How late the source is, by the days of late beside what was known `before`; None if too few were followed."""
    since = now.date() - LATENESS_DAYS * DAY
    _, rows = ask(record, query_text("lateness", schema), {"since": since})
    return learned((Followed(*row) for row in rows), before)
