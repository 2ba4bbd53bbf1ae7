"""From the file to the lake, and back: the record of one place becomes that of the other, row by row.

Each way is one transaction that writes only what differs, and compares every row before it commits: killed at any
moment, the same command again goes on. What is in raw/ stays where it is and serves both.
"""

from flyby.errors import HomeError, UsageError
from flyby.record import Record
from flyby.settings import Settings
from flyby.store.warehouse import InFile, InLake

BY = "flyby migrate"


def to_lake(settings: Settings) -> dict[str, int]:
    """Have in the lake what the file holds; how many rows each table has then.

    flyby.duckdb is taken away, so that nobody reads what is no longer kept; the file's own record stays as it is.
    Raises HomeError when there is no file, or the lake has answers that it lacks.
    """
    file, lake = InFile(settings), _lake(settings)
    if not file.place.exists():
        raise HomeError(f"there is no record in {settings.home.name}/ to bring to the lake")
    with file.turn(), lake.turn():
        Record(file.place).close()  # whole, and of this version, or it says so
        with Record(lake.place, to_become=True) as record:
            rows = record.become(file.place, by=BY)
        if settings.published.is_symlink():
            settings.published.unlink()
    return rows


def to_file(settings: Settings) -> dict[str, int]:
    """Have in the file what the lake holds, and publish it; how many rows each table has then.

    The lake stays as it is. Raises HomeError when it cannot be opened, or the file has answers that it lacks.
    """
    file, lake = InFile(settings), _lake(settings)
    with file.turn(), lake.turn():
        Record(lake.place).close()
        with Record(file.place, to_become=True) as record:
            rows = record.become(lake.place, by=BY)
            record.checkpoint()
        file.publish()
    return rows


def _lake(settings: Settings) -> InLake:
    if settings.lake is None:
        raise UsageError("FLYBY_WAREHOUSE names no lake: set it to the one to bring the record to, or from")
    return InLake(settings.lake)
