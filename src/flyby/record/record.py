"""The database that flyby writes: staged answers in, revisions and ledger out.

The unit is a *sitting*: the answers of one reading of the sky, which share their `requested_at`. Sittings are taken in
one after another in that order, each by the same SQL (`sql/`, in the order of `SITTING`), so that the record is a
function of the answers alone and `flyby rebuild` can prove it.
"""

import re
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import duckdb

from flyby.address import Lake
from flyby.errors import BusyError, FlybyError, HomeError
from flyby.store import lake

#: What this flyby writes. A record of an older version is upgraded, one of a newer version is refused.
SCHEMA_VERSION = 1

#: Who commits, where nobody says.
SOMEBODY = "flyby"

#: How a sitting is taken in, step by step.
SITTING = ("observe", "match", "judge", "revise", "ledger")


#: How DuckDB says that a file is not whole: not a lock, not a permission, not a format of tomorrow.
_DAMAGE = re.compile(r"not a valid DuckDB database|enough bytes from file|[Cc]orrupt|checksum|deserializ")


class OutOfOrder(FlybyError):
    """Answers were staged that are older than what the record already took in for their days: rebuild it."""


class UnreadableBatch(HomeError):
    """A staged batch cannot be read: its answers have to be staged again."""


class DamagedRecord(HomeError):
    """The file is no whole record: it has to be made again."""


class OutdatedRecord(HomeError):
    """The record was written by an older flyby: it has to be made again. `version` is its schema's."""

    def __init__(self, version: int) -> None:
        super().__init__(f"the record is of an older flyby (schema {version}): run `flyby rebuild`")
        self.version = version


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
def sql(name: str) -> str:
    """The text of `sql/<name>.sql`."""
    return files("flyby.record").joinpath("sql", f"{name}.sql").read_text(encoding="utf-8")


class Record:
    """The record in the database file, or in the lake, `place`, which is made if it is not there. A context manager.

    Only one process may hold it: take the turn first. Raises HomeError when it cannot be opened or was written by a
    newer flyby, DamagedRecord when it is not whole, OutdatedRecord when an older flyby wrote it (unless it is opened
    to `become` another).
    """

    def __init__(self, place: Path | Lake, *, to_become: bool = False) -> None:
        self._lake = place if isinstance(place, Lake) else None
        self._open = ExitStack()
        self.connection = self._open.enter_context(
            lake.opened(place, read_only=False) if isinstance(place, Lake) else _opened(place)
        )
        try:
            self.connection.execute("SET TimeZone = 'UTC'")
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

    def _prepare(self, *, or_older: bool) -> bool:
        """Make the tables if there are none; whether those that are there are of an older flyby."""
        if self._rows(sql("is_made")) == [(False,)]:
            if self._lake:
                lake.claim(self._lake, self.connection)
            self.connection.execute(f"BEGIN; {sql('schema')}; {sql('beliefs')}; COMMIT")
        version = self._version()
        if version < SCHEMA_VERSION and not or_older:
            raise OutdatedRecord(version)
        if version > SCHEMA_VERSION:
            raise HomeError(
                f"the record was written by a newer flyby (schema {version}, this one knows {SCHEMA_VERSION}): "
                "upgrade flyby"
            )
        return version < SCHEMA_VERSION

    def _version(self) -> int:
        [(version,)] = self._rows("SELECT schema_version FROM record_version")
        return int(version)

    def request_ids(self) -> set[str]:
        """The answers that the record has taken in."""
        with self._said_plainly():
            return {request_id for (request_id,) in self._rows("SELECT request_id FROM requests")}

    def load(self, batches: Iterable[Path], *, by: str = SOMEBODY) -> Loaded:
        """Take in every staged batch (a folder of `staging`), each in one transaction; what is known is skipped.

        `by` is who does it, as the commits of a lake tell. Raises OutOfOrder, with that batch undone, if it holds an
        answer older than one the record has for the same days.
        """
        done = Loaded()
        for batch in batches:
            with self._transaction(by):
                done += self._load(batch)
        return done

    def become(self, other: Path | Lake, *, by: str, without_lost: bool = False) -> dict[str, int]:
        """Be row by row what the record at `other` is, in one transaction that writes only what differs.

        How many rows each table has then. Raises HomeError if they are not the same after all, and, unless told to do
        without them, if answers would be lost that `other` has not.
        """
        with self._attached(other), self._transaction(by):
            [(lost,)] = self._rows(sql("not_in_other"))
            if lost and not without_lost:
                raise HomeError(
                    f"{lost:,} answers would be lost that are in the record and not in what is to replace it: nothing "
                    "was changed. Is FLYBY_HOME the folder that all machines share? To do without them: "
                    "`flyby rebuild --without-lost`"
                )
            if self._outdated:
                self.connection.execute(f"{sql('drop')}; {sql('schema')}; {sql('beliefs')}")
            self.connection.execute(sql("become"))
            differences = self._rows(sql("differences"))
            if differ := [table for table, _, differing in differences if differing]:
                raise HomeError(f"the copy of {', '.join(differ)} is not what was copied: nothing was changed")
        return {table: count for table, count, _ in differences}

    @contextmanager
    def _attached(self, other: Path | Lake) -> Iterator[None]:
        """The tables of another record, to be read as `other.main.…`."""
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
                self._version()  # takes a lake's snapshot, that all of this is about
                yield
                if self._lake:
                    lake.sign(self.connection, by)
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

    def _load(self, batch: Path) -> Loaded:
        self.connection.execute("SET VARIABLE batch = ?", [str(batch)])
        try:
            self.connection.execute(sql("staged"))
        except duckdb.Error as error:
            raise UnreadableBatch(f"{batch.parent.name}/{batch.name} cannot be read: {lake.in_short(error)}") from None
        self.connection.execute(sql("known"))
        if self._rows(sql("out_of_order")) != [(0,)]:
            raise OutOfOrder("answers older than the record's own were landed: run `flyby rebuild`")
        sittings = self._rows("SELECT DISTINCT requested_at, source FROM staged_answers ORDER BY ALL")
        for sitting_at, source in sittings:
            self.connection.execute("SET VARIABLE sitting_at = ?::TIMESTAMPTZ", [sitting_at])
            self.connection.execute("SET VARIABLE source = ?", [source])
            for step in SITTING:
                self.connection.execute(sql(step))
        return self._summary()

    def _roll_back(self) -> None:
        # After an error of the disk there may be nothing left to roll back.
        with suppress(duckdb.Error):
            self.connection.execute("ROLLBACK")

    def _summary(self) -> Loaded:
        [(answers, rows, partial, rejected)] = self._rows(sql("loaded"))
        changes = self._rows(sql("loaded_changes"))
        return Loaded(answers, rows, dict(changes), tuple(map(tuple, partial)), tuple(map(tuple, rejected)))

    def _rows(self, query: str) -> list[Any]:
        return self.connection.execute(query).fetchall()


def _opened(path: Path) -> duckdb.DuckDBPyConnection:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # A sitting is small: a second thread was measured to cost a quarter more CPU and to save no time. A staged file
        # is read once: what is kept of it would only grow.
        return duckdb.connect(path, config={"threads": 1, "enable_external_file_cache": False})
    except (OSError, duckdb.Error) as error:
        kind = DamagedRecord if _DAMAGE.search(str(error)) else HomeError
        raise kind(f"the record cannot be opened: {lake.in_short(error)}") from None
