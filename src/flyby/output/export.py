"""`flyby export`: the record as a dataset to take away, Parquet by month or year and a `datapackage.json` about it.

The same record gives the same bytes: rows are in a total order, row groups and compression are fixed, and nothing tells
the time of writing. (Parquet names the library that wrote it: another pyarrow may write other bytes.) So a file that
would become what it is already is left alone, and a copy of the folder to elsewhere moves only what changed.
"""

import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from flyby.errors import HomeError
from flyby.output.files import put
from flyby.query.columns import COLUMNS
from flyby.query.database import Database, opened

DESCRIPTOR = "datapackage.json"
#: What says that a folder is ours to write in.
NAME = "flyby"
ROW_GROUP = 100_000


@dataclass(frozen=True, slots=True)
class Table:
    """A table of the dataset: what it holds, what names the file that a row is in, and what its rows are ordered by;
    where two can share that, ALL: whatever else they have."""

    name: str
    about: str
    file: str
    order: tuple[str, ...]


#: What grows is cut by month: a morning looks at a few of them again, and for each a whole year would be written anew.
MONTH, YEAR = "strftime({}, '%Y-%m')", "strftime({}, '%Y')"

TABLES = (
    Table(
        "close_approaches",
        "One row per flyby: what is believed now.",
        MONTH.format("close_approach_date"),
        ("close_approach_date", "designation", "close_approach_at", "miss_distance_km", "ALL"),
    ),
    Table(
        "revisions",
        "Every version of every flyby, one chain of revisions per flyby and source.",
        MONTH.format("close_approach_date"),
        ("close_approach_date", "flyby_id", "sources", "revision"),
    ),
    Table("days", "The ledger: how complete each day is.", YEAR.format("day"), ("day",)),
    Table(
        "requests",
        "One row per answer: who said what, when.",
        MONTH.format("requested_at"),
        ("requested_at", "request_id"),
    ),
    Table("absences", "When a listed flyby stayed away from answers.", "'all'", ("absent_from", "flyby_id", "source")),
    Table("sources", "Who is asked, and how each is judged.", "'all'", ("name",)),
)

#: Units that the end of a column's name tells; the longest end that fits.
UNITS = {
    "_km_s": "km/s",
    "_km": "km",
    "_au": "au",
    "_ld": "lunar distance (1 au = 389 LD)",
    "_m": "m",
    "_sigma_min": "min",
    "_h": "mag",
    "_days": "d",
    "_minutes": "min",
    "bytes": "byte",
}
TYPES = {
    "BOOLEAN": "boolean",
    "DATE": "date",
    "DOUBLE": "number",
    "INTEGER": "integer",
    "BIGINT": "integer",
    "VARCHAR": "string",
}


@dataclass(slots=True)
class Exported:
    """What an export came to."""

    files: int = 0
    rows: int = 0
    bytes: int = 0
    written: list[str] = field(default_factory=list)
    bytes_written: int = 0
    removed: list[str] = field(default_factory=list)


def export(database: Database, folder: Path) -> Exported:
    """Make `folder` the dataset of what `database` says now.

    Raises HomeError when there is no database yet, when the folder is somebody else's, or when it cannot be written.
    """
    before = _ours(folder)
    done = Exported()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with opened(database) as connection:
            resources = [_resource(connection, table, folder, done) for table in _tables(connection)]
        parts = [part for resource in resources for part in resource["parts"]]
        _put(folder, DESCRIPTOR, _descriptor(resources), done)  # when all that it names is there
        _remove(folder, before - {part["path"] for part in parts}, done)
    except OSError as error:
        raise HomeError(f"{folder} could not be written ({error.strerror}): the same command goes on") from None
    return done


def _ours(folder: Path) -> set[str]:
    """The Parquet files that the last export left in `folder`. Raises HomeError where something else lies there."""
    try:
        if not folder.exists() or not any(folder.iterdir()):
            return set()
    except OSError as error:
        raise HomeError(f"{folder} cannot be written ({error.strerror})") from None
    with suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
        told = json.loads((folder / DESCRIPTOR).read_bytes())
        if told["name"] == NAME:
            return {str(path) for resource in told["resources"] for path in resource["path"]}
    # A first export that was killed left only what it is about to write.
    names = {table.name for table in TABLES}
    if all(path.name in names or path.name.startswith(f".{DESCRIPTOR}.") for path in folder.iterdir()):
        return set()
    raise HomeError(f"{folder} holds something else than flyby's dataset: name an empty folder, or one of an export")


def _tables(connection: duckdb.DuckDBPyConnection) -> Iterator[Table]:
    for table in TABLES:
        with suppress(duckdb.CatalogException):  # what a record of an older form has not
            connection.table(table.name)
            yield table


def _resource(connection: duckdb.DuckDBPyConnection, table: Table, folder: Path, done: Exported) -> dict[str, Any]:
    """Write the files of a table; what the descriptor says of it."""
    held = connection.table(table.name)
    columns = zip(held.columns, held.types, strict=True)
    about = _meanings(connection, table)
    parts = []
    for name, rows in _files(held, table):
        path = f"{table.name}/{name}.parquet"
        content = _parquet(rows)
        _put(folder, path, content, done)
        digest = hashlib.sha256(content).hexdigest()
        parts.append({"path": path, "bytes": len(content), "hash": f"sha256:{digest}"})
        done.files += 1
        done.rows += rows.num_rows
    return {
        "name": table.name,
        "description": table.about,
        "path": [part["path"] for part in parts],
        "format": "parquet",
        "mediatype": "application/vnd.apache.parquet",
        "schema": {"fields": [_field(name, str(kind), about.get(name)) for name, kind in columns]},
        "parts": parts,
    }


def _files(rows: duckdb.DuckDBPyRelation, table: Table) -> Iterator[tuple[str, pa.Table]]:
    """The rows of the table in their order, by the file they are in."""
    order = ", ".join(table.order).replace("ALL", ", ".join(rows.columns))
    told = rows.project(f"{table.file} AS file, *").order(f"file, {order}").to_arrow_table()
    files, told = told["file"].combine_chunks(), told.drop_columns("file")
    if not told.num_rows:  # a table without rows has its columns all the same
        yield "empty", told
    for run in pc.value_counts(files):  # in the order in which they come
        name, count = run["values"].as_py(), run["counts"].as_py()
        yield name, told.slice(0, count)
        told = told.slice(count)


def _parquet(rows: pa.Table) -> bytes:
    """The rows as Parquet, whose bytes follow from them alone."""
    sink = pa.BufferOutputStream()
    pq.write_table(
        rows.combine_chunks(),  # how DuckDB cut them does not count
        sink,
        version="2.6",
        row_group_size=ROW_GROUP,
        compression="zstd",
        compression_level=9,
        use_dictionary=True,
        write_statistics=True,
        store_schema=False,
    )
    return bytes(sink.getvalue())


def _meanings(connection: duckdb.DuckDBPyConnection, table: Table) -> dict[str, str]:
    """What each column means: the database's own comments, and where it has none, ours."""
    said = connection.execute(
        "SELECT column_name, comment FROM duckdb_columns() "
        "WHERE table_name = ? AND schema_name = 'main' AND comment IS NOT NULL AND database_name = current_database()",
        [table.name],
    ).fetchall()
    return {name: about for name, _, about in COLUMNS} | dict(said)


def _field(name: str, kind: str, about: str | None) -> dict[str, Any]:
    told: dict[str, Any] = {"name": name}
    if kind.endswith("[]"):
        told |= {"type": "array", "arrayItem": {"type": TYPES.get(kind.removesuffix("[]"), "any")}}
    else:
        told["type"] = "datetime" if kind.startswith("TIMESTAMP") else TYPES.get(kind, "any")
    if unit := next((UNITS[end] for end in sorted(UNITS, key=len, reverse=True) if name.endswith(end)), None):
        told["unit"] = unit
    if about:
        told["description"] = about
    return told


def _descriptor(resources: Sequence[dict[str, Any]]) -> bytes:
    told = {
        "profile": "data-package",
        "name": NAME,
        "title": "The record of every asteroid that passes the Earth",
        "description": "Close approaches as NASA's NeoWs and JPL's CAD list them, with all that they ever said. "
        "Moments are UTC, days are UTC dates, distances are from the Earth's centre.",
        "sources": [
            {"title": "NASA NeoWs", "path": "https://api.nasa.gov"},
            {"title": "JPL SBDB Close-Approach Data API", "path": "https://ssd-api.jpl.nasa.gov/doc/cad.html"},
        ],
        "resources": resources,
    }
    return json.dumps(told, ensure_ascii=False).encode() + b"\n"


def _put(folder: Path, name: str, content: bytes, done: Exported) -> None:
    done.bytes += len(content)
    if put(folder / name, content):
        done.written.append(name)
        done.bytes_written += len(content)


def _remove(folder: Path, stale: set[str], done: Exported) -> None:
    """Take away what an earlier export wrote and this one has not; never anything outside our own folders."""
    ours = {table.name for table in TABLES}
    for name in sorted(stale):
        path = folder / name
        parts = Path(name).parts
        if len(parts) == 2 and parts[0] in ours and parts[1].endswith(".parquet") and os.path.lexists(path):
            path.unlink()
            done.removed.append(name)
