"""Taking turns in a FLYBY_HOME: one flyby at a time writes the record, and sittings that are still being read are left
alone."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from flyby.errors import BusyError, unwritable

#: How long a run waits for another to finish. Taking in a sitting takes well under a second, a rebuild seconds.
PATIENCE_S = 300.0

#: Sittings that are being read: a locked file for each, by its moment.
_READING = ".reading"
_MOMENT = "%Y%m%dT%H%M%S.%fZ"


@contextmanager
def turn(home: Path, *, name: str = ".lock", patience_s: float = PATIENCE_S) -> Iterator[None]:
    """Hold the right to write the record below `home`; waits for whoever has it.

    The lock is the kernel's and ends with the process that holds it, so a dead one never blocks. Raises BusyError after
    `patience_s`.
    """
    lock = FileLock(home / name)
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock.acquire(timeout=patience_s)
    except Timeout:
        raise BusyError(
            f"another flyby is at work in {home.name}/: wait until it is done, then run the same again"
        ) from None
    except OSError as error:
        raise unwritable(home, error) from None
    try:
        yield
    finally:
        lock.release()


@contextmanager
def mark(home: Path, at: datetime) -> Iterator[None]:
    """Mark the sitting at the moment `at` as being read; the mark ends with the process that made it."""
    path = home / _READING / f"{at:{_MOMENT}}"
    lock = FileLock(path)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock.acquire(timeout=0.1)
    except Timeout:  # another reads at the same moment, under a rehearsed clock, and has marked it
        pass
    except OSError as error:
        raise unwritable(home, error) from None
    try:
        yield
    finally:
        if lock.is_locked:
            path.unlink(missing_ok=True)
            lock.release()


def marked(home: Path) -> set[datetime]:
    """The moments of the sittings that are being read; what the dead have marked is tidied away."""
    found = set()
    for path in (home / _READING).glob("*"):
        lock = FileLock(path)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            found.add(datetime.strptime(path.name, _MOMENT).replace(tzinfo=UTC))
        else:
            path.unlink(missing_ok=True)
            lock.release()
    return found
