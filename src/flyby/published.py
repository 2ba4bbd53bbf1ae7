"""Asking the published database. Opens it read-only, for one question, and holds no lock afterwards."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import duckdb

from flyby.errors import HomeError
from flyby.planning import LedgerDay


@cache
def query_text(name: str) -> str:
    """The text of `queries/<name>.sql`."""
    return files("flyby").joinpath("queries", f"{name}.sql").read_text(encoding="utf-8")


@contextmanager
def opened(published: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """The published database, read-only and as it is now, for several questions.

    Raises HomeError when there is no database yet or a query is wrong.
    """
    if not published.exists():
        raise HomeError(f"there is no {published.name} yet: `flyby run` makes it, `flyby demo` shows how it would look")
    try:
        with duckdb.connect(published, read_only=True) as connection:
            connection.execute("SET TimeZone = 'UTC'")
            yield connection
    except duckdb.Error as error:
        raise HomeError(str(error).splitlines()[0]) from None


def ask(
    published: Path, query: str, parameters: Sequence[Any] | dict[str, Any] = ()
) -> tuple[list[str], list[tuple[Any, ...]]]:
    """The column names and rows that `query` gives. Raises HomeError when there is no database yet or the query is
    wrong."""
    with opened(published) as connection:
        result = connection.execute(query, parameters)
        return [column[0] for column in result.description or ()], result.fetchall()


def ledger(published: Path) -> list[LedgerDay]:
    """Every day of the ledger; none where nothing is published yet."""
    if not published.exists():
        return []
    _, rows = ask(published, "SELECT day, last_observed_at, state FROM days ORDER BY day")
    return [LedgerDay(*row) for row in rows]


def requests_since(published: Path, moment: datetime) -> int:
    """How many answers of NeoWs came since `moment`; 0 where nothing is published yet."""
    if not published.exists():
        return 0
    _, [(count,)] = ask(
        published, "SELECT count(*) FROM requests WHERE source = 'neows' AND requested_at > ?", [moment]
    )
    return int(count)
