"""Which process is at work on a run: a file for every run, locked by the process that executes it.

The kernel lets go of the lock when the process ends, however it ends. So a run whose file is there and free is dead,
whatever Dagster's table says of it, and one whose file is locked is alive, also in another container. Needs no Dagster:
`flyby status` looks here too.
"""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

#: The runs that this process has claimed, each with the descriptor that holds its lock.
_held: dict[str, int] = {}


@dataclass(frozen=True, slots=True)
class Holder:
    """The process that holds a claim: its id, and when the kernel says that it started (ids are used again)."""

    pid: int
    started: str

    def is_running(self) -> bool:
        """Whether the process can be seen from here, and is still that one."""
        return bool(self.started) and _started(self.pid) == self.started


def claim(dagster_home: Path, run_id: str) -> bool:
    """Note that this process executes the run, until `release` or its end. False if it has noted so before."""
    if run_id in _held:
        return False
    folder = _folder(dagster_home)
    folder.mkdir(parents=True, exist_ok=True)
    # Locked before it has its name: nobody ever sees it free while its process lives.
    unnamed = folder / f"{run_id}.{os.getpid()}"
    descriptor = os.open(unnamed, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    os.write(descriptor, json.dumps({"pid": os.getpid(), "started": _started(os.getpid())}).encode())
    unnamed.rename(folder / run_id)
    _held[run_id] = descriptor
    return True


def release(dagster_home: Path, run_id: str) -> None:
    """The run has ended, or this process goes no further with it."""
    descriptor = _held.pop(run_id, None)
    if descriptor is not None:
        forget(dagster_home, run_id)
        os.close(descriptor)


@contextmanager
def claimed(dagster_home: Path, run_id: str) -> Iterator[None]:
    """The run is this process's while the context lasts; or longer, if it had been so before."""
    is_new = claim(dagster_home, run_id)
    try:
        yield
    finally:
        if is_new:
            release(dagster_home, run_id)


def claims(dagster_home: Path) -> list[str]:
    """The runs that were claimed and not released."""
    with suppress(OSError):
        return [path.name for path in _folder(dagster_home).iterdir() if "." not in path.name]
    return []


def state(dagster_home: Path, run_id: str) -> Literal["alive", "dead", "unclaimed"]:
    """What the claim says of the run."""
    if run_id in _held:
        return "alive"
    try:
        descriptor = os.open(_folder(dagster_home) / run_id, os.O_RDWR)
    except OSError:  # or of another user's run that is over: those who run on share this one's rights
        return "unclaimed"
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return "alive"
    else:
        return "dead"
    finally:
        os.close(descriptor)


def holder(dagster_home: Path, run_id: str) -> Holder | None:
    """Who wrote the claim."""
    try:
        return Holder(**json.loads((_folder(dagster_home) / run_id).read_text()))
    except (OSError, ValueError, TypeError):
        return None


def forget(dagster_home: Path, run_id: str) -> None:
    """Remove a claim that says nothing any more."""
    (_folder(dagster_home) / run_id).unlink(missing_ok=True)


def _folder(dagster_home: Path) -> Path:
    return dagster_home / "flyby-runs"


def _started(pid: int) -> str:
    """When the process started, in the kernel's ticks; nothing where there is no /proc, or no such process."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return ""
