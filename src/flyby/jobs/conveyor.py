"""Taking in beside reading: a process of its own stages and loads what was landed, while this one reads on.

In one process the two would wait for each other, since Python runs one thread at a time. Between the two go orders and
figures alone: the answers lie in raw/.
"""

import gc
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Self

import pyarrow as pa

from flyby.errors import FlybyError
from flyby.record import Loaded
from flyby.record.load import load_staged, stage_landed
from flyby.settings import Settings


class Conveyor:
    """A process that takes in what lies in raw/, whenever it is told to; `by` is who does it. A context manager.

    It ends with this process. Where it comes to an end too early, nothing is lost: what it has not taken in still lies
    in raw/, for the next who looks there.
    """

    def __init__(self, settings: Settings, *, by: str) -> None:
        self._line, its_end = Pipe()
        with its_end:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "flyby.jobs.conveyor", str(its_end.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=[its_end.fileno()],
                process_group=0,  # a Ctrl-C is for who reads: what was read is taken in all the same
            )
        self._orders = 0
        self._loaded = Loaded()
        with self._to_its_end():
            self._line.send((settings, by))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._line.close()
        self._process.wait()

    def take_in(self) -> Loaded:
        """Have it take in what lies in raw/ now, and go on; what it is known to have loaded so far.

        Raises the FlybyError that it met with.
        """
        with self._to_its_end():
            self._line.send(None)
            self._orders += 1
            while self._line.poll():
                self._listen()
        return self._loaded

    def finish(self) -> Loaded:
        """Wait until it has taken in all that it was told to; what it has loaded in all.

        Raises the FlybyError that it met with.
        """
        with self._to_its_end():
            while self._orders:
                self._listen()
        return self._loaded

    def _listen(self) -> None:
        said = self._line.recv()
        self._orders -= 1
        if isinstance(said, FlybyError):
            raise said
        self._loaded += said

    @contextmanager
    def _to_its_end(self) -> Iterator[None]:
        """From a process that is no more nothing is to be waited for."""
        try:
            yield
        except (EOFError, OSError):
            self._orders = 0


def _work(line: Connection) -> None:
    """The process: settings first, then one order after the other, each to be answered."""
    with suppress(EOFError, BrokenPipeError):  # there is nothing more to do, or nobody is there any more
        settings, by = line.recv()
        while True:
            line.recv()
            try:
                # With another order there already, that one is for all that lies in raw/ too.
                is_due = not line.poll() and stage_landed(settings)
                line.send(load_staged(settings, by=by) if is_due else Loaded())
            except FlybyError as error:
                line.send(error)


if __name__ == "__main__":
    gc.freeze()  # what is imported stays: the collector need not go through it again and again
    pa.set_memory_pool(pa.system_memory_pool())  # Arrow's own keeps what is free: 20 MB after a few sittings
    _work(Connection(int(sys.argv[1])))
