"""SQL of somebody who is not trusted: one SELECT over the record, which can write nothing, read nothing else, and ends.

It is asked in a process of its own, which can be ended whatever it is doing, has no environment to tell of, and cannot
write a file. In there DuckDB reaches nothing outside the database, and of functions that give tables only those that
calculate are let through.
"""

import json
import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Timer
from typing import Any

import duckdb

from flyby.address import Lake
from flyby.errors import FlybyError, HomeError
from flyby.query.database import opened, query_text
from flyby.query.plain import plain

#: Beyond its time a query is interrupted; beyond so much more, in which its process also has to start, that is ended.
GRACE_S = 3.0
#: How much an answer may hold.
MOST_BYTES = 1_000_000
#: What gives a table and neither reads files nor runs text as SQL, beside the record's own macros.
TABLE_FUNCTIONS = {"range", "generate_series", "unnest", "repeat", "repeat_row"}
#: What tells of the record's tables, beside themselves; others of DuckDB's own tell of paths and settings.
CATALOGUE = {"tables", "columns", "duckdb_tables", "duckdb_views", "duckdb_columns"}


@dataclass(frozen=True, slots=True)
class Limits:
    """What a query may use up."""

    rows: int = 200
    seconds: float = 5.0
    memory_mb: int = 512


@dataclass(frozen=True, slots=True)
class Answer:
    """The rows, as JSON has them; `is_cut` where there were more."""

    columns: list[str]
    rows: list[list[Any]]
    is_cut: bool


def ask_guarded(database: Path | Lake, query: str, limits: Limits) -> Answer:
    """What the query gives. Raises FlybyError, in one line, where it is refused, wrong or takes too much."""
    where = {"file": str(database)} if isinstance(database, Path) else {"lake": asdict(database)}
    asked = json.dumps(where | {"query": query, "limits": asdict(limits)})
    # Where a lake is, is for whoever asks it; the words of our own settings are for nobody.
    known = ("PG", "AWS_") if isinstance(database, Lake) else ()
    around = {name: value for name, value in os.environ.items() if name.startswith(known)}
    around["PYTHONPATH"] = os.pathsep.join(sys.path)
    command = [sys.executable, "-c", "from flyby.query.guarded import answer; answer()"]
    try:
        done = subprocess.run(
            command,
            input=asked,
            capture_output=True,
            text=True,
            timeout=limits.seconds + GRACE_S,
            env=around,
            check=False,
        )
        told = json.loads(done.stdout)
    except subprocess.TimeoutExpired:
        raise FlybyError(_too_long(limits)) from None
    except ValueError:  # it was ended for what it used up
        raise FlybyError("the query was ended: it asked for more than it may use, so ask for less") from None
    if "refused" in told:
        raise FlybyError(told["refused"])
    return Answer(told["columns"], told["rows"], told["is_cut"])


def answer() -> None:
    """In the process of its own: the question on stdin, the answer on stdout."""
    asked = json.load(sys.stdin)
    database = Path(asked["file"]) if "file" in asked else Lake(**asked["lake"])
    try:
        told = json.dumps(asdict(_answered(database, asked["query"], Limits(**asked["limits"]))))
        if len(told) > MOST_BYTES:
            raise FlybyError("the answer is too large: ask for fewer columns or rows, or for sums")
    except FlybyError as error:
        told = json.dumps({"refused": " ".join(str(error).split())})
    sys.stdout.write(told)


def _answered(database: Path | Lake, query: str, limits: Limits) -> Answer:
    with opened(database) as connection:
        try:
            statement = _checked(connection, query)
            if isinstance(database, Lake):
                connection.execute(f"SET allowed_directories = ['{database.data}']")
            for setting in (
                f"memory_limit = '{limits.memory_mb}MB'",
                "threads = 2",
                "temp_directory = ''",
                "autoinstall_known_extensions = false",
                "autoload_known_extensions = false",
                "enable_external_access = false",
                "lock_configuration = true",
            ):
                connection.execute(f"SET {setting}")
            seconds = int(limits.seconds + GRACE_S)
            resource.setrlimit(resource.RLIMIT_CPU, (2 * seconds, 2 * seconds))
            resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
            timer = Timer(limits.seconds, connection.interrupt)
            timer.daemon = True
            timer.start()
            relation = connection.query(statement)
            if relation is None:
                raise FlybyError(ONLY)
            rows = relation.limit(limits.rows + 1).fetchall()
            timer.cancel()
        except duckdb.InterruptException:
            raise FlybyError(_too_long(limits)) from None
        except (duckdb.OutOfMemoryException, MemoryError):
            raise FlybyError(f"the query needs more than {limits.memory_mb} MB: ask for less") from None
        except RuntimeError as error:  # what else DuckDB says when it is interrupted
            raise FlybyError(_too_long(limits) if "nterrupt" in str(error) else str(error)) from None
    return Answer(relation.columns, [plain(row) for row in rows[: limits.rows]], is_cut=len(rows) > limits.rows)


ONLY = "only one SELECT is answered here: nothing is written, and nothing but the record is read"


def _checked(connection: Any, query: str) -> str:
    """The query, if it is one SELECT that asks no function for a table but those that calculate."""
    if "\x00" in query:  # where DuckDB takes it to end
        raise FlybyError(ONLY)
    try:
        statements = duckdb.extract_statements(query)
    except duckdb.Error as error:
        raise HomeError(str(error).splitlines()[0]) from None
    if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
        raise FlybyError(ONLY)
    [(tree,)] = connection.execute("SELECT json_serialize_sql(?::VARCHAR)", [statements[0].query]).fetchall()
    parsed = json.loads(tree)
    if parsed["error"]:  # PRAGMA, CALL and whatever else DuckDB only calls a SELECT
        raise FlybyError(ONLY)
    named = {name.lower() for (name,) in connection.execute(query_text("names")).fetchall()}
    for kind, name in _sources(parsed):
        if kind == "function" and name not in TABLE_FUNCTIONS | named:
            raise FlybyError(f"{name}() is not answered here: nothing but the record is read")
        if kind == "table" and name not in CATALOGUE | named | set(_of_itself(parsed)):
            raise FlybyError(f"the record has no table {name}: it has {', '.join(sorted(named))}")
    return str(statements[0].query)


def _sources(node: Any) -> Iterator[tuple[str, str]]:
    """What the query reads from: the tables and the functions that it names."""
    for part in _parts(node):
        match part:
            case {"type": "TABLE_FUNCTION", "function": {"function_name": str(name)}}:
                yield "function", name.lower()
            case {"type": "BASE_TABLE", "table_name": str(name), "catalog_name": catalog}:
                # Another database's tables have none of these names.
                yield "table", f"{catalog}.{name}" if catalog not in ("", "flyby", None) else name.lower()


def _of_itself(node: Any) -> Iterator[str]:
    """The names that the query gives to parts of itself: WITH."""
    for part in _parts(node):
        if "cte_map" in part:
            yield from (str(entry["key"]).lower() for entry in part["cte_map"]["map"])


def _parts(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        yield node
        node = list(node.values())
    if isinstance(node, list):
        for part in node:
            yield from _parts(part)


def _too_long(limits: Limits) -> str:
    return f"the query took longer than {limits.seconds:g} seconds and was ended: ask for less"
