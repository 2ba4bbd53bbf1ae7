"""One command, measured from outside: wall, CPU, peak memory.

Keep what imports this small: Linux counts the parent's memory at the moment of the fork into the child's `ru_maxrss`.
"""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile

SAMPLE_EVERY_S = 0.02
PAGE = os.sysconf("SC_PAGE_SIZE")
#: What `ru_maxrss` counts in.
MAXRSS_UNIT = 1 if sys.platform == "darwin" else 1024


@dataclass(frozen=True, slots=True)
class Measured:
    """What one run of a command took. CPU is user and system time, of its children too."""

    wall_s: float
    cpu_s: float
    peak_mb: float
    stdout: str


class CommandFailed(Exception):
    """A measured command ended with another status than 0. The first line says which and why, the rest what it wrote."""


def measure(command: Sequence[str], *, cwd: Path, env: Mapping[str, str], timeout_s: float = 1800) -> Measured:
    """Run `command` to its end; CommandFailed if its exit status is not 0."""
    with TemporaryFile() as out, TemporaryFile() as err:
        start = time.perf_counter()
        process = subprocess.Popen(
            command, cwd=cwd, env=env, stdin=subprocess.DEVNULL, stdout=out, stderr=err, start_new_session=True
        )
        watch = _TreeWatch(process.pid)
        alarm = threading.Timer(timeout_s, os.killpg, (process.pid, signal.SIGKILL))
        watch.start()
        alarm.start()
        _, status, usage = os.wait4(process.pid, 0)
        wall_s = time.perf_counter() - start
        alarm.cancel()
        watch.stop()
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        stdout = out.read().decode()
        if process.returncode:
            err.seek(0)
            said = err.read().decode().strip() or stdout.strip()
            name = " ".join([Path(command[0]).name, *command[1:]])
            raise CommandFailed(
                f"{name}: exit status {process.returncode}: {said.rpartition(chr(10))[2]}\n{said[-3000:]}"
            )
    return Measured(
        wall_s=wall_s,
        cpu_s=usage.ru_utime + usage.ru_stime,
        peak_mb=max(watch.peak_bytes, usage.ru_maxrss * MAXRSS_UNIT) / 1e6,
        stdout=stdout,
    )


class _TreeWatch(threading.Thread):
    """Samples the memory of a process and all its descendants: private pages summed, shared ones of the largest.

    Where there is no /proc it sees nothing, and `ru_maxrss` (the largest single process) is all there is.
    """

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self._pid = pid
        self._ended = threading.Event()
        self.peak_bytes = 0

    def run(self) -> None:
        while not self._ended.wait(SAMPLE_EVERY_S):
            self.peak_bytes = max(self.peak_bytes, tree_bytes(self._pid))

    def stop(self) -> None:
        self._ended.set()
        self.join()


def tree_bytes(pid: int) -> int:
    """Memory that the process and its descendants hold now, in bytes; 0 when it is gone or there is no /proc."""
    private, shared = 0, 0
    for each in _tree(pid):
        try:
            _, resident, of_files, *_ = map(int, Path(f"/proc/{each}/statm").read_bytes().split())
        except (OSError, ValueError):
            continue  # ended since it was listed
        private += resident - of_files
        shared = max(shared, of_files)
    return (private + shared) * PAGE


def _tree(pid: int) -> list[int]:
    found = [pid]
    for each in found:  # grows as it goes
        for task in _listed(f"/proc/{each}/task"):
            try:
                found += map(int, Path(f"/proc/{each}/task/{task}/children").read_bytes().split())
            except OSError:
                continue
    return found


def _listed(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []
