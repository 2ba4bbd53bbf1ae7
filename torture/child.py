"""flyby's commands as processes that can be killed.

Most are forked from a process that has imported everything, so that a random instant falls into the work and not into
the imports; some are started cold, as a person would.
"""

import multiprocessing
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from multiprocessing.process import BaseProcess
from pathlib import Path

#: The morning without Dagster: the same steps, ten times faster.
LEAN = "morning"

_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(["torture.child", "flyby.definitions", "flyby.cli", "flyby.output.report", "rich"])


@dataclass(frozen=True, slots=True)
class Command:
    """What is to be run: words of the command line (or LEAN), its environment, forked or cold."""

    words: tuple[str, ...]
    environ: Mapping[str, str]
    cold: bool = False


class Child:
    """A running command; what it prints goes to two files."""

    def __init__(self, command: Command, log: Path) -> None:
        self.command = command
        self.began = time.monotonic()
        self._out, self._err = log.with_suffix(".out"), log.with_suffix(".err")
        self._forked: BaseProcess | None = None
        self._cold: subprocess.Popen[bytes] | None = None
        self._pidfd: int | None = None
        if command.cold:
            with self._out.open("wb") as out, self._err.open("wb") as err:
                self._cold = subprocess.Popen(
                    [sys.executable, "-m", "flyby", *command.words],
                    stdout=out,
                    stderr=err,
                    stdin=subprocess.DEVNULL,
                    cwd=log.parent,
                    env=environment(command.environ),
                )
        else:
            arguments = (command.words, dict(command.environ), str(self._out), str(self._err))
            self._forked = _CONTEXT.Process(target=_work, args=arguments)
            self._forked.start()

    def wait(self, timeout_s: float) -> int | None:
        """The exit status, negative for a signal; None if it has none yet."""
        if self._cold:
            try:
                return self._cold.wait(timeout_s)
            except subprocess.TimeoutExpired:
                return None
        assert self._forked is not None
        self._forked.join(timeout_s)
        return self._forked.exitcode

    @property
    def sentinel(self) -> int:
        """What is readable once it has ended."""
        if self._forked:
            return self._forked.sentinel
        assert self._cold is not None
        if self._pidfd is None:
            self._pidfd = os.pidfd_open(self._cold.pid)
        return self._pidfd

    def close(self) -> None:
        """Let go of what the system holds for it."""
        if self._pidfd is not None:
            os.close(self._pidfd)
        if self._forked:
            self._forked.close()

    def kill(self) -> None:
        """SIGKILL, now."""
        process = self._cold or self._forked
        assert process is not None
        process.kill()

    def said(self) -> tuple[str, str]:
        """What it printed: stdout and stderr."""
        return tuple(p.read_text("utf-8", "replace") if p.exists() else "" for p in (self._out, self._err))  # type: ignore[return-value]


def environment(ours: Mapping[str, str]) -> dict[str, str]:
    """This process's own, with no settings of flyby's or Dagster's but these."""
    own = ("FLYBY_", "NASA_", "DAGSTER_")
    return {name: value for name, value in os.environ.items() if not name.startswith(own)} | dict(ours)


def _work(words: Sequence[str], environ: dict[str, str], out: str, err: str) -> None:
    for path, number in ((out, 1), (err, 2)):
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.dup2(descriptor, number)
        os.close(descriptor)
    wanted = environment(environ)
    for name in set(os.environ) - set(wanted):
        del os.environ[name]
    os.environ.update(wanted)
    os.chdir(Path(out).parent)

    from flyby.cli import main
    from flyby.sources.neows import client

    # The client's own patience would make a day of a campaign; with less than this, a busy machine looks like a source
    # that stalls.
    client.PATIENCE = replace(
        client.PATIENCE, connect_s=3.0, read_s=3.0, deadline_s=5.0, first_wait_s=0.01, total_s=20.0
    )
    if words[0] == LEAN:
        sys.exit(_morning())
    main(list(words))


def _morning() -> int:
    from flyby.errors import FlybyError
    from flyby.jobs.daily import gather
    from flyby.record.load import take_in
    from flyby.settings import Settings

    try:
        settings = Settings.load()
        gather(settings, settings.now().date())
        take_in(settings)
    except FlybyError as error:
        print(f"flyby: {error}", file=sys.stderr)
        return 1
    return 0
