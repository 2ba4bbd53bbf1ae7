"""Publishing: a copy of the record that people open as they like, swapped in at one instant."""

import fcntl
import os
import shutil
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

from flyby.errors import HomeError

#: Where the editions lie, beside the published name.
EDITIONS = "published"


def publish(record: Path, published: Path) -> None:
    """Make `published` a copy of the closed database at `record`, at one instant and without waiting for its readers.

    `published` is a symbolic link to an edition of its own. Who has the last edition open keeps it, even for writing:
    DuckDB puts a write-ahead log beside the file that the link leads to, so a log never meets an edition it was not
    written for (replacing a plain file, DuckDB 1.5.5 was measured to replay the old log onto the new file, silently).
    `is_newest` tells whether it is there already.

    Raises HomeError, with the last edition untouched, when the disk is full or read-only.
    """
    editions = published.parent / EDITIONS
    before = Path(os.path.realpath(published)).parent.name
    # Its own name is flyby.duckdb: DuckDB follows the link, and names the database after the file.
    edition = editions / uuid4().hex / published.name
    link = editions / f"{edition.parent.name}.link"
    try:
        edition.parent.mkdir(parents=True, exist_ok=True)
        written = record.stat()
        shutil.copyfile(record, edition)
        # So that one look tells whether the edition is the record's newest, whatever the clock did meanwhile.
        os.utime(edition, ns=(written.st_atime_ns, written.st_mtime_ns))
        _sync(edition)
        os.symlink(Path(EDITIONS, edition.parent.name, edition.name), link)
        if published.exists() and not published.is_symlink():
            raise HomeError(f"{published.name} is not flyby's: move it away, then run again")
        _sync(edition.parent)
        _sync(editions)
        os.replace(link, published)
        _sync(published.parent)
    except OSError as error:
        raise HomeError(
            f"{published.name} could not be replaced ({error.strerror}): it still holds the last edition"
        ) from None
    finally:
        with suppress(OSError):
            _prune(editions, keep=(before, Path(os.path.realpath(published)).parent.name))


def is_newest(record: Path, published: Path) -> bool:
    """Whether `published` is the edition of `record` as it is now, and nobody has written in it."""
    return published.exists() and published.stat().st_mtime_ns == record.stat().st_mtime_ns


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _prune(editions: Path, *, keep: tuple[str, str]) -> None:
    # The edition before this one stays for who is just opening it, and an older one for as long as somebody has it
    # open: who writes in it needs its folder, too.
    for leftover in editions.iterdir():
        if leftover.name in keep:
            continue
        if not leftover.is_dir() or leftover.is_symlink():
            leftover.unlink(missing_ok=True)
        elif not any(map(_is_open, leftover.glob("*.duckdb"))):
            shutil.rmtree(leftover, ignore_errors=True)


def _is_open(database: Path) -> bool:
    """Whether another process has the database open: DuckDB locks the file for that long."""
    with database.open("rb+") as file:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return True
    return False
