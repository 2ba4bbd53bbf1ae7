"""`flyby up` with its schedule firing every minute, and one of its processes killed at a random instant of a run.

What it is to show: nothing of it stays when it ends, no run is noted as under way whose process is gone, and the next
tick runs.
"""

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path

from flyby.defs import claims
from flyby.settings import Settings

#: In the environment of all its processes, and of no others.
MARK = "FLYBY_TORTURED_UP"
UNDER_WAY = ("STARTING", "STARTED", "CANCELING")
#: The code server of a webserver that was killed ends 45 s after its last word, at load 6 after 84 s.
#: A tick is at most a minute away, and its run takes seconds.
READY_S, ENDED_S, TICK_S = 120.0, 180.0, 150.0
#: `up` looks for dead runs every ten seconds.
REAPED_S = 30.0

#: What is killed, and by which words of its command line it is known.
VICTIMS = {
    "up": "flyby up",
    "webserver": "dagster_webserver",
    "daemon": "dagster._daemon",
    "code server": "api grpc",
    "run": "",  # by its claim
}


@dataclass(slots=True)
class Up:
    """One `flyby up` after another in one home; what is found is told in lines."""

    settings: Settings
    environ: dict[str, str]
    port: int
    chance: random.Random
    killed: list[str] = field(default_factory=list)
    _process: subprocess.Popen[bytes] | None = None

    def rounds(self, victims: list[str]) -> Iterator[str]:
        """Kill these, one after another; at last `up` is asked to end."""
        try:
            yield from self._start()
            for victim in victims:
                yield from self._round(victim)
            assert self._process is not None
            self._process.send_signal(signal.SIGTERM)
            yield from self._ends("asked to end")
        finally:
            for pid in self._processes():  # where it was stuck
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            if self._process is not None:
                self._process.wait()

    def _round(self, victim: str) -> Iterator[str]:
        if not _within(TICK_S, lambda: bool(self._at_work())):
            yield "stuck: under `flyby up` no run began within two ticks"
            return
        time.sleep(self.chance.uniform(0, 0.8))
        pids = [claim.pid for claim in self._at_work()] if victim == "run" else self._processes(VICTIMS[victim])
        if not pids:  # the run was over
            return
        with suppress(ProcessLookupError):
            os.kill(self.chance.choice(pids), signal.SIGKILL)
        self.killed.append(victim)
        if victim in ("up", "webserver", "daemon"):
            yield from self._ends(f"its {victim} was killed")
            yield from self._start()
        killed_at = time.time()
        if not _within(REAPED_S, lambda: not dead_runs(self.settings)):
            yield f"dead: after the {victim} was killed: {', '.join(dead_runs(self.settings))}"
        if not _within(TICK_S, lambda: self._succeeded_since(killed_at)):
            yield f"stuck: after the {victim} was killed no tick's run succeeded"

    def _start(self) -> Iterator[str]:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "flyby", "up", "--port", str(self.port)],
            env={**self.environ, MARK: str(self.settings.home)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=self.settings.home.parent,
        )
        stdout = self._process.stdout
        assert stdout is not None
        os.set_blocking(stdout.fileno(), False)
        said: list[bytes] = []

        def is_ready() -> bool:
            said.append(stdout.read() or b"")
            return b"Ctrl-C ends both" in b"".join(said)

        if not _within(READY_S, is_ready):
            yield f"stuck: `flyby up` was not ready after {READY_S:.0f} s"

    def _ends(self, why: str) -> Iterator[str]:
        if not _within(ENDED_S, lambda: not self._processes()):
            yield f"stuck: {len(self._processes())} processes of `flyby up` are left {ENDED_S:.0f} s after {why}"

    def _processes(self, words: str = "") -> list[int]:
        if self._process is not None:
            self._process.poll()  # who was not waited for is still there
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):  # somebody else's, or gone
                is_ours = f"{MARK}={self.settings.home}".encode() in (folder / "environ").read_bytes().split(b"\0")
                if is_ours and words in (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode():
                    found.append(int(folder.name))
        return found

    def _at_work(self) -> list[claims.Holder]:
        home = self.settings.dagster_home
        held = [claims.holder(home, run) for run in claims.claims(home) if claims.state(home, run) == "alive"]
        return [holder for holder in held if holder]

    def _succeeded_since(self, moment: float) -> bool:
        rows = _runs(self.settings, "SELECT count(*) FROM runs WHERE status = 'SUCCESS' AND start_time > ?", moment)
        return bool(rows and rows[0][0])


def dead_runs(settings: Settings) -> list[str]:
    """The runs that Dagster's table has under way although their process is gone."""
    rows = _runs(settings, f"SELECT run_id, status FROM runs WHERE status IN {UNDER_WAY}")
    return [f"{run} is {status}" for run, status in rows if claims.state(settings.dagster_home, run) == "dead"]


def _runs(settings: Settings, query: str, *parameters: object) -> list[tuple[str, str]]:
    database = settings.dagster_home / "history" / "runs.db"
    if not database.exists():
        return []
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=30)) as connection:
        return connection.execute(query, parameters).fetchall()


def _within(seconds: float, true: Callable[[], bool]) -> bool:
    until = time.monotonic() + seconds
    while not true():
        if time.monotonic() > until:
            return False
        time.sleep(0.2)
    return True
