"""The database that flyby writes: staged answers in, revisions and ledger out.

The unit is a *sitting*: the answers of one reading of the sky, which share their `requested_at`. Sittings are taken in
one after another in that order, each by the same SQL (`sql/`, in the order of `SITTING`), so that the record is a
function of the answers alone and `flyby rebuild` can prove it.
"""

import re
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import duckdb

from flyby.errors import FlybyError, HomeError

#: What this flyby writes. A record of an older version is upgraded, one of a newer version is refused.
SCHEMA_VERSION = 1

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
    """The record in the database file at `path`, which is made if it is not there. A context manager.

    Only one process may hold it: take the lock of FLYBY_HOME first. Raises HomeError when the file cannot be opened or
    was written by a newer flyby, DamagedRecord when it is not whole, OutdatedRecord when an older flyby wrote it.
    """

    def __init__(self, path: Path) -> None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            # A sitting is small: a second thread was measured to cost a quarter more CPU and to save no time.
            self.connection = duckdb.connect(path, config={"threads": 1})
        except (OSError, duckdb.Error) as error:
            kind = DamagedRecord if _DAMAGE.search(str(error)) else HomeError
            raise kind(f"the record cannot be opened: {_first_line(error)}") from None
        try:
            self.connection.execute("SET TimeZone = 'UTC'")
            self._prepare()
        except duckdb.Error as error:
            self.close()
            raise HomeError(f"the record could not be made: {_first_line(error)}") from None
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
            raise HomeError(f"the record could not be written: {_first_line(error)}") from None

    def close(self) -> None:
        """Write everything into the one file and let go of it."""
        self.connection.close()

    def _prepare(self) -> None:
        known = self._rows("SELECT count(*) FROM duckdb_tables() WHERE table_name = 'record_version'")
        if known == [(0,)]:
            self.connection.execute(f"BEGIN; {sql('schema')}; {sql('beliefs')}; COMMIT")
        [(version,)] = self._rows("SELECT schema_version FROM record_version")
        if version < SCHEMA_VERSION:
            raise OutdatedRecord(version)
        if version > SCHEMA_VERSION:
            raise HomeError(
                f"the record was written by a newer flyby (schema {version}, this one knows {SCHEMA_VERSION}): "
                "upgrade flyby"
            )

    def request_ids(self) -> set[str]:
        """The answers that the record has taken in."""
        return {request_id for (request_id,) in self._rows("SELECT request_id FROM requests")}

    def load(self, batches: Iterable[Path]) -> Loaded:
        """Take in every staged batch (a folder of `flyby.staging`), each in one transaction; what is known is skipped.

        Raises OutOfOrder, with that batch undone, if it holds an answer older than one the record has for the same
        days.
        """
        done = Loaded()
        for batch in batches:
            self.connection.execute("BEGIN")
            try:
                done += self._load(batch)
                self.connection.execute("COMMIT")
            except (duckdb.OperationalError, duckdb.InternalError) as error:
                self._roll_back()
                raise HomeError(f"the record could not be written: {_first_line(error)}") from None
            except BaseException:
                self._roll_back()
                raise
        return done

    def _load(self, batch: Path) -> Loaded:
        self.connection.execute("SET VARIABLE batch = ?", [str(batch)])
        try:
            self.connection.execute(sql("staged"))
        except duckdb.Error as error:
            raise UnreadableBatch(f"{batch.parent.name}/{batch.name} cannot be read: {_first_line(error)}") from None
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


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
