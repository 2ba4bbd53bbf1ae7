"""A DuckLake: the record's tables for several machines, their catalog in Postgres and their rows in Parquet files.

The tables, the SQL and the answers are those of the embedded file. What differs is here: how it is opened, how turns
are taken between machines, and how a commit is made safe and signed. Needs `pip install flyby[lake]`: DuckDB's
extensions come from their wheels, and nothing is fetched at run time.
"""

import os
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib.resources import files
from itertools import count
from tempfile import gettempdir
from threading import Lock
from typing import Any
from urllib.parse import urlsplit

import duckdb

from flyby.address import Lake, psycopg_or_say
from flyby.errors import BusyError, HomeError, SettingsError

#: The name under which it is attached, as the embedded file is by its own.
NAME = "flyby"
#: The advisory lock of its database that is the turn to write.
TURN = 0x666C7962
#: … and this the right to make the record again.
REBUILD = 0x666C7963
#: A sitting that is being read is another, by the microseconds since then: all are above the turn's.
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
#: A machine that vanished is known to be gone after about so long.
GONE_S = 30
#: How libpq is told so.
_ALIVE = {
    "connect_timeout": 10,
    "keepalives_idle": GONE_S // 3,
    "keepalives_interval": GONE_S // 3,
    "keepalives_count": 2,
}

#: A reader may come back to any state of the lake that is younger than this.
SNAPSHOTS_FOR = timedelta(days=30)
#: A query that takes longer than this may lose a file that it reads.
FILES_FOR = timedelta(days=1)
#: A file of which more rows than this share are gone is written anew.
DELETED_SHARE = 0.2


@contextmanager
def opened(lake: Lake, *, read_only: bool) -> Iterator[duckdb.DuckDBPyConnection]:
    """DuckDB with the lake as its own database: to write, where it is made if it is not there, or as it is now.

    Raises HomeError when Postgres or the files cannot be reached.
    """
    with closing(_engine().cursor()) as keeper:
        with _naming:
            name = next(name for name in _names() if name not in _taken)
            _taken.add(name)
        try:
            attach(lake, keeper, name, read_only=read_only)
            with closing(keeper.cursor()) as connection:
                connection.execute(f"USE {name}")
                if read_only:
                    connection.execute("BEGIN")  # all questions are about the same snapshot
                try:
                    yield connection
                finally:  # left to its end without Postgres, a transaction of DuckLake's would end the process
                    with suppress(duckdb.Error):
                        connection.execute("ROLLBACK")
        finally:
            with suppress(duckdb.Error):  # with Postgres gone it may stay, and its name with it
                keeper.execute(f"DETACH DATABASE IF EXISTS {name}")
                _taken.discard(name)


def _engine() -> duckdb.DuckDBPyConnection:
    """The DuckDB of this process in which lakes are opened: to load its extensions takes most of half a second."""
    try:
        _loaded().cursor().execute("SELECT 1")
    except duckdb.Error:  # for good: Postgres broke down under it in a way that it had not thought of
        _loaded.cache_clear()
        _taken.clear()
    return _loaded()


@cache
def _loaded() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(config={"threads": 1, "temp_directory": gettempdir()})
    load_extensions(connection)
    return connection


#: The names under which lakes are open in it now. The first is the one that people write.
_taken: set[str] = set()
_naming = Lock()


def _names() -> Iterator[str]:
    yield NAME
    yield from (f"{NAME}_{n}" for n in count(2))


def attach(lake: Lake, connection: duckdb.DuckDBPyConnection, name: str, *, read_only: bool) -> None:
    """Have the lake in `connection`, which has the extensions, under `name`. Raises HomeError as `opened`."""
    session(lake).close()  # says more plainly than DuckDB what is wrong, and never the password
    words = lake.words()
    password = words.pop("password", None)
    catalog = quoted("ducklake:postgres:" + psycopg_or_say().conninfo.make_conninfo(**{**_ALIVE, **words}))
    options = ["READ_ONLY"] if read_only else [f"DATA_PATH {quoted(lake.data)}"]
    try:
        if "://" in lake.data:
            _load(connection, "httpfs")
            connection.execute(_bucket())
        if password:
            connection.execute(f"CREATE OR REPLACE SECRET {name} (TYPE postgres, PASSWORD {quoted(password)})")
            options.append(f"META_SECRET '{name}'")
        connection.execute(f"ATTACH {catalog} AS {name} ({', '.join(options)})")
    except duckdb.Error as error:
        raise HomeError(f"{lake} cannot be opened: {_plainly(lake, error)}") from None


def _plainly(lake: Lake, error: Exception) -> str:
    said = in_short(error)
    if "creating a new DuckLake is explicitly disabled" in said:
        return "nothing is in it yet: `flyby run` makes it, `flyby migrate lake` brings what the file holds"
    if "does not match existing data path" in said:
        return f"its files do not lie in {lake.data}: set FLYBY_WAREHOUSE_DATA to where they are"
    return said


@contextmanager
def turn(lake: Lake, *, key: int = TURN, patience_s: float) -> Iterator[None]:
    """Hold the right to write, among all machines; ends with the process that holds it, or its machine.

    Raises BusyError after `patience_s`, HomeError when Postgres cannot be reached.
    """
    psycopg = psycopg_or_say()
    with closing(session(lake)) as held:
        try:
            held.execute("SELECT set_config('lock_timeout', %s, false)", [f"{patience_s * 1000:.0f}ms"])
            held.execute("SELECT pg_advisory_lock(%s)", [key])
        except psycopg.errors.LockNotAvailable:
            raise BusyError(
                f"another flyby is at work in {lake}: wait until it is done, then run the same again"
            ) from None
        except psycopg.Error as error:
            raise HomeError(f"{lake} cannot be used: {in_short(error)}") from None
        yield


@contextmanager
def mark(lake: Lake, at: datetime) -> Iterator[None]:
    """Mark the sitting at `at` as being read; the mark ends with the process that made it, or its machine."""
    with closing(session(lake)) as held:
        held.execute("SELECT pg_advisory_lock_shared(%s)", [_microseconds(at)])
        yield


def marked(lake: Lake) -> set[datetime]:
    """The moments of the sittings that are being read, on all machines."""
    with closing(session(lake)) as asking:
        rows = asking.execute(
            "SELECT (classid::bigint << 32) | objid::bigint FROM pg_locks "
            "WHERE locktype = 'advisory' AND objsubid = 1 AND classid > 0 "
            "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        ).fetchall()
    return {EPOCH + timedelta(microseconds=microseconds) for (microseconds,) in rows}


def _microseconds(at: datetime) -> int:
    return (at - EPOCH) // timedelta(microseconds=1)


def session(lake: Lake) -> Any:
    """A psycopg session of the lake's Postgres, in autocommit; ends soon after the machine that holds it vanishes.

    Raises HomeError when there is none to be had.
    """
    psycopg = psycopg_or_say()
    try:
        opened = psycopg.connect(lake.catalog, autocommit=True, application_name="flyby", **_ALIVE)
        # The server is to notice as soon, and not to mind that a turn says nothing while the work goes on.
        opened.execute(
            f"SET tcp_keepalives_idle = {GONE_S // 3}; SET tcp_keepalives_interval = {GONE_S // 3}; "
            "SET tcp_keepalives_count = 2; SET idle_session_timeout = 0"
        )
    except psycopg.Error as error:
        raise HomeError(f"{lake} cannot be reached: {in_short(error)}") from None
    return opened


def claim(lake: Lake, connection: duckdb.DuckDBPyConnection) -> None:
    """HomeError if the folder of a lake that is about to be made holds Parquet files: an upkeep would remove them."""
    [(files,)] = connection.execute("SELECT count(*) FROM glob(?)", [f"{lake.data}**/*.parquet"]).fetchall()
    if files:
        raise HomeError(f"{lake.data} holds files of something else: give FLYBY_WAREHOUSE_DATA a folder of its own")


def sign(connection: duckdb.DuckDBPyConnection, table: str, by: str) -> None:
    """Make the commit that is coming safe, and tell in it who made it.

    Every writer marks the same rows of `table`, so that of two transactions at once only one can commit: should a turn
    ever be lost in mid-work (Postgres was restarted, a machine slept), two writers cannot both insert the same flyby.
    """
    connection.execute(f"UPDATE {table} SET priority = priority")  # noqa: S608  a name of our own
    [(name,)] = connection.execute("SELECT current_database()").fetchall()
    connection.execute(f"CALL {name}.set_commit_message('flyby', {quoted(by)})")


def is_conflict(error: duckdb.Error) -> bool:
    """Whether a commit failed because another was first: what DuckLake says is nowhere but in its words."""
    return isinstance(error, duckdb.TransactionException) and "conflict" in str(error)


@dataclass(frozen=True, slots=True)
class Kept:
    """What an upkeep did."""

    rows_filed: int
    files_merged: int
    snapshots_expired: int
    files_removed: int


def upkeep(lake: Lake, *, snapshots_for: timedelta = SNAPSHOTS_FOR, files_for: timedelta = FILES_FOR) -> Kept:
    """Make few files of many, and let go of what nobody was promised. To be called in one's turn.

    Snapshots younger than `snapshots_for` stay, each with every file that it needs. A file that no snapshot needs is
    removed `files_for` later, as somebody may still be reading it; so is what killed writers left.
    """
    try:
        return _upkeep(lake, snapshots_for, files_for)
    except duckdb.Error as error:
        raise HomeError(f"{lake} could not be tidied: {in_short(error)}") from None


def _upkeep(lake: Lake, snapshots_for: timedelta, files_for: timedelta) -> Kept:
    with opened(lake, read_only=False) as connection:
        [(name,)] = connection.execute("SELECT current_database()").fetchall()

        def call(function: str, **options: Any) -> list[tuple[Any, ...]]:
            said = "".join(f", {option} => {value}" for option, value in options.items())
            return connection.execute(f"CALL {function}({quoted(name)}{said})").fetchall()

        def before(age: timedelta) -> str:
            return f"now() - INTERVAL {age.total_seconds():.0f} SECOND"

        filed = call("ducklake_flush_inlined_data")
        expired = call("ducklake_expire_snapshots", older_than=before(snapshots_for))
        merged = call("ducklake_rewrite_data_files", delete_threshold=DELETED_SHARE)
        merged += call("ducklake_merge_adjacent_files")
        removed = call("ducklake_cleanup_old_files", older_than=before(files_for))
        removed += call("ducklake_delete_orphaned_files", older_than=before(files_for))
    return Kept(sum(n for *_, n in filed), sum(n for *_, n, _ in merged), len(expired), len(removed))


def load_extensions(connection: duckdb.DuckDBPyConnection) -> None:
    """Have in `connection` what lakes need."""
    connection.execute("SET autoinstall_known_extensions = false; SET autoload_known_extensions = false")
    for name in ("ducklake", "postgres_scanner"):
        _load(connection, name)


def _load(connection: duckdb.DuckDBPyConnection, name: str) -> None:
    """Load an extension from its wheel, which is made for one version of DuckDB."""
    try:
        folder = files(f"duckdb_extension_{name}")
    except ImportError:
        raise SettingsError("FLYBY_WAREHOUSE names a lake, which needs `pip install 'flyby[lake]'`") from None
    extension = folder.joinpath("extensions", f"v{duckdb.__version__}", f"{name}.duckdb_extension")
    if not extension.is_file():
        raise SettingsError(
            f"DuckDB is {duckdb.__version__} and its extension {name} is not: run `pip install 'flyby[lake]'` again"
        )
    connection.execute(f"LOAD {quoted(str(extension))}")


def _bucket() -> str:
    """The secret with which DuckDB opens an object store, from the variables that every tool of AWS knows."""
    words = {
        "KEY_ID": "AWS_ACCESS_KEY_ID",
        "SECRET": "AWS_SECRET_ACCESS_KEY",
        "SESSION_TOKEN": "AWS_SESSION_TOKEN",
        "REGION": "AWS_REGION",
    }
    said = [f"{word} {quoted(os.environ[name])}" for word, name in words.items() if os.environ.get(name)]
    if address := os.environ.get("AWS_ENDPOINT_URL"):
        parts = urlsplit(address)
        said += [f"ENDPOINT {quoted(parts.netloc)}", f"USE_SSL {parts.scheme == 'https'}", "URL_STYLE 'path'"]
    return f"CREATE OR REPLACE SECRET bucket ({', '.join(['TYPE s3', *said])})"


def quoted(text: str) -> str:
    """A string of SQL, where that takes no parameters: ATTACH, LOAD, CREATE SECRET."""
    return "'" + text.replace("'", "''") + "'"


def in_short(error: Exception) -> str:
    """An error of DuckDB's or of Postgres' in one line; what to do about files of a lake that are gone."""
    said = str(error).splitlines()[0] if str(error) else type(error).__name__
    if "Cannot open file" in said and ".parquet" in said:
        return f"{said}: restore it, or set FLYBY_WAREHOUSE to a new lake and run `flyby rebuild`"
    if "No space left on device" in said:
        return "the disk is full: make room, then run the same again"
    return said
