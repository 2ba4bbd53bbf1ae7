"""The record in one file, opened to write."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from flyby.errors import HomeError
from flyby.store.lake import in_short

#: How DuckDB says that a file is not whole: not a lock, not a permission, not a format of tomorrow.
_DAMAGE = re.compile(r"not a valid DuckDB database|enough bytes from file|[Cc]orrupt|checksum|deserializ")


class DamagedFile(HomeError):
    """The file is no whole database."""


@contextmanager
def opened(path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """DuckDB with the file at `path`, which is made if it is not there; only one process may hold it.

    Raises HomeError when it cannot be opened, DamagedFile when it is not whole.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # A reading is small: a second thread was measured to cost a quarter more CPU and to save no time.
        connection = duckdb.connect(path, config={"threads": 1})
    except (OSError, duckdb.Error) as error:
        kind = DamagedFile if _DAMAGE.search(str(error)) else HomeError
        raise kind(f"the record cannot be opened: {in_short(error)}") from None
    with connection:
        yield connection
