"""Taking turns: one flyby at a time writes the record of a FLYBY_HOME."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from flyby.errors import BusyError, HomeError

#: How long a run waits for another to finish. Taking in a sitting takes well under a second, a rebuild seconds.
PATIENCE_S = 300.0


@contextmanager
def turn(home: Path, *, patience_s: float = PATIENCE_S) -> Iterator[None]:
    """Hold the right to write the record below `home`; waits for whoever has it.

    The lock is the kernel's and ends with the process that holds it, so a dead one never blocks. Raises BusyError after
    `patience_s`.
    """
    lock = FileLock(home / ".lock")
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock.acquire(timeout=patience_s)
    except Timeout:
        raise BusyError(
            f"another flyby is at work in {home.name}/: wait until it is done, then run the same again"
        ) from None
    except OSError as error:
        raise HomeError(
            f"FLYBY_HOME {home.name}/ cannot be written ({error.strerror}): set it to a folder of yours"
        ) from None
    try:
        yield
    finally:
        lock.release()
