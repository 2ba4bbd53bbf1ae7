"""The campaign: steps drawn from a seed, each with several commands at once, faults and kills, then the checks."""

import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from multiprocessing.connection import wait
from pathlib import Path
from socket import create_server

from flyby.settings import Settings
from torture.child import LEAN, Child, Command, environment
from torture.source import KEY_PREFIX, UNREACHABLE, Source
from torture.truth import Truth
from torture.up import VICTIMS, Up, dead_runs

#: Steps in one FLYBY_HOME; then comes a fresh one, since the first minute of a home can be killed too.
STEPS_A_LIFE = 25
STEPS_A_CHECKPOINT = 5
#: What was killed is called again, so often at most.
CALLS_A_STEP = 4
#: What can be found.
KINDS = "lost doubled changed altered closed leak litter line stuck dead reader".split()
#: So many processes of `flyby up` are killed after a life.
UPS_A_LIFE = 3
#: A command that has not ended by then is stuck.
STUCK_S = 300.0
DAY = timedelta(days=1)


@dataclass(slots=True)
class Tally:
    """What a campaign did and found."""

    seed: int
    lives: int = 0
    steps: int = 0
    commands: Counter[str] = field(default_factory=Counter)
    kills: int = 0
    killed_at_work: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    failures_told: int = 0
    clean_runs: int = 0
    rebuilds: int = 0
    of_up: Counter[str] = field(default_factory=Counter)
    simulated_days: int = 0
    reader: list[str] = field(default_factory=list)
    found: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def injected(self) -> int:
        return self.faults.total()

    def count(self, kind: str) -> int:
        return sum(line.split(":")[0] == kind for line in self.found)

    def lines(self) -> Iterator[str]:
        """The result, as it is printed."""
        yield f"seed {self.seed}: {self.steps} steps in {self.lives} homes over {self.simulated_days} simulated days,"
        yield f"  {self.seconds:.0f} s; commands: " + ", ".join(
            f"{n} {name}" for name, n in self.commands.most_common()
        )
        yield f"kills {self.kills} ({self.killed_at_work} before the command had ended), faults {self.injected} of"
        yield f"  {len(self.faults)} kinds, {self.failures_told} failures told in one line"
        tried = self.clean_runs + self.count("stuck")
        yield f"healed by one clean run {self.clean_runs} times of {tried}; rebuilt from raw/ {self.rebuilds} times"
        yield "killed under `flyby up`, in the middle of a run: " + (
            ", ".join(f"{n} {name}" for name, n in self.of_up.most_common()) or "nothing"
        )
        for kind in KINDS:
            yield f"  {kind:<8} {self.count(kind)}"
        yield from (f"reader: {line}" for line in self.reader)
        yield from (f"FOUND {line}" for line in self.found)


@dataclass(slots=True)
class _Injured:
    child: Child
    place: int
    call: int
    kill_at: float | None
    killed: bool = False


class Campaign:
    """One seeded campaign in a temporary folder."""

    def __init__(
        self,
        seed: int,
        *,
        kills: int = 0,
        faults: int = 0,
        seconds: float = float("inf"),
        say: Callable[[str], None] = print,
        cold_share: float = 0.03,
    ) -> None:
        self.tally = Tally(seed)
        self._chance = random.Random(seed)
        self._goal = kills, faults
        self._until = time.monotonic() + seconds
        self._say = say
        self._cold_share = cold_share
        self._took: defaultdict[str, float] = defaultdict(lambda: 1.0)
        self._keys = 0

    def run(self) -> Tally:
        """Go on until so many kills and faults are reached, or the time is up; at least one checkpoint is made."""
        began = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="flyby-torture-", ignore_cleanup_errors=True) as folder:
            while not self._done():
                self.tally.lives += 1
                home = Path(folder) / f"life-{self.tally.lives}"
                home.mkdir()
                self._live(home)
                shutil.rmtree(home, ignore_errors=True)
        self.tally.seconds = time.monotonic() - began
        return self.tally

    def _done(self) -> bool:
        kills, faults = self._goal
        reached = self.tally.kills >= kills and self.tally.injected >= faults
        return time.monotonic() > self._until or (reached and self.tally.clean_runs > 0 and bool(kills or faults))

    def _live(self, folder: Path) -> None:
        chance = self._chance
        start = datetime(chance.choice((2019, 2024, 2026)), chance.randrange(1, 13), 1, 6, tzinfo=UTC)
        settings = Settings.load({"FLYBY_HOME": str(folder / "home")})
        with Source(seed=chance.randrange(10**6), now=start) as source, self._readers(settings.home):
            # Everything that this source sees counts in the one tally.
            source.faults = self.tally.faults
            truth = Truth(settings, source)
            for step in range(1, STEPS_A_LIFE + 1):
                source.now += chance.choice(
                    (timedelta(hours=1), 6 * timedelta(hours=1), DAY, DAY, DAY, 3 * DAY, 9 * DAY)
                )
                self._step(folder, source, truth)
                if step % STEPS_A_CHECKPOINT == 0 or self._done_but_for_a_checkpoint():
                    self._checkpoint(folder, source, truth)
                    if self._done():
                        break
            self.tally.simulated_days += (source.now - start).days
        if not self._done():
            self._under_up(folder)

    def _under_up(self, folder: Path) -> None:
        """In a home of its own, as its schedule goes by the real clock: `flyby up`, killed in parts and as a whole."""
        with Source(seed=self._chance.randrange(10**6), now=datetime.now(UTC), share=0) as source:
            home = folder / "under up"
            environ = environment(
                {
                    "FLYBY_HOME": str(home),
                    "FLYBY_NEOWS_URL": source.url,
                    "FLYBY_CAD_URL": "http://127.0.0.1:9/cad.api",
                    "FLYBY_CRON": "* * * * *",
                    "FLYBY_PATIENCE": "0",
                    "NASA_API_KEY": f"{KEY_PREFIX}{self.tally.seed:x}xUnderUp",
                }
            )
            truth = Truth(Settings.load(environ), source)
            with create_server(("127.0.0.1", 0)) as free:
                port = free.getsockname()[1]
            up = Up(truth.settings, environ, port, self._chance)
            self._note(up.rounds(self._chance.sample(list(VICTIMS), UPS_A_LIFE)))
            self.tally.kills += len(up.killed)
            self.tally.of_up.update(up.killed)
            self._note(truth.after_step())
            self._say(f"… under `flyby up`: killed {', '.join(up.killed)}; {len(self.tally.found)} found")

    def _done_but_for_a_checkpoint(self) -> bool:
        kills, faults = self._goal
        reached = bool(kills or faults) and self.tally.kills >= kills and self.tally.injected >= faults
        return reached or time.monotonic() > self._until

    def _step(self, folder: Path, source: Source, truth: Truth) -> None:
        """Several commands at once, most of them killed, and what was killed called again at once."""
        self.tally.steps += 1
        source.share = self._chance.choice((0, 30, 60, 90, 100))
        places = self._chance.choice((1, 1, 1, 2, 3))
        waiting = [self._start(folder, source, truth, place, 0) for place in range(places)]
        until = time.monotonic() + STUCK_S
        while waiting:
            for injured in list(waiting):
                now = time.monotonic()
                if (status := injured.child.wait(0)) is not None:
                    waiting.remove(injured)
                    killed = self._ended(injured, status, now, truth)
                    if killed and injured.call < CALLS_A_STEP and now < until:
                        waiting.append(self._start(folder, source, truth, injured.place, injured.call + 1))
                elif injured.kill_at is not None and now >= injured.kill_at and not injured.killed:
                    injured.child.kill()
                    injured.killed = True
                    self.tally.kills += 1
                elif now > until:
                    self._note([f"stuck: `{' '.join(injured.child.command.words)}` did not end in {STUCK_S:.0f} s"])
                    injured.child.kill()
                    injured.killed = True
            kills = [i.kill_at for i in waiting if i.kill_at is not None and not i.killed]
            soonest = min([*kills, time.monotonic() + 1.0])
            wait([i.child.sentinel for i in waiting], max(soonest - time.monotonic(), 0.0))
        self._note(truth.after_step())

    def _start(self, folder: Path, source: Source, truth: Truth, place: int, call: int) -> _Injured:
        command = self._command(truth.settings.home, source, place + 3 * call)
        name = self._name(command)
        self.tally.commands[name] += 1
        doomed = self._chance.random() < 0.75
        after_s = self._chance.uniform(0, 1.1) * self._took[name]
        child = Child(command, folder / f"child-{place}-{call}")
        return _Injured(child, place, call, time.monotonic() + after_s if doomed else None)

    def _ended(self, injured: _Injured, status: int, now: float, truth: Truth) -> bool:
        """Note what became of a command; whether it was killed before it had ended by itself."""
        killed = injured.killed and status == -9
        self.tally.killed_at_work += killed
        self.tally.failures_told += status == 1
        if not injured.killed:
            name = self._name(injured.child.command)
            self._took[name] = 0.7 * self._took[name] + 0.3 * (now - injured.child.began)
        self._note(truth.of_child(injured.child, status, killed=killed))
        injured.child.close()
        return killed

    def _checkpoint(self, folder: Path, source: Source, truth: Truth) -> None:
        """A clean run heals everything; now and then the record is made again from raw/ alone, and is the same."""
        source.share = 0
        source.now += timedelta(minutes=10)
        truth.age()
        # A run through Dagster ends those that Dagster believes to go on.
        again = [word for word in ("rebuild", "run") if self._chance.random() < 0.34]
        for word in (LEAN, *again):
            command = self._command(truth.settings.home, source, 0, word)
            child = Child(command, folder / "clean")
            status = child.wait(STUCK_S)
            self._note(truth.of_child(child, status, killed=False))
            if status != 0:
                child.kill()
                self._note([f"stuck: a clean `{word}` ended with status {status}: {child.said()[1][-300:]!r}"])
                return
            self.tally.clean_runs += word == LEAN
            self.tally.rebuilds += word == "rebuild"
            self._note(truth.after_step())
            self._note(truth.after_clean_run())
            if word == "run":
                self._note(f"dead: after a clean run {run}" for run in dead_runs(truth.settings))
        self._say(
            f"… step {self.tally.steps}: {self.tally.kills} kills, {self.tally.injected} faults, "
            f"{len(self.tally.found)} found"
        )

    def _command(self, home: Path, source: Source, n: int, word: str | None = None) -> Command:
        chance = self._chance
        clean = word is not None
        word = word or chance.choices((LEAN, "run", "backfill", "rebuild", "status"), (70, 6, 14, 5, 5))[0]
        now = source.now + n * timedelta(microseconds=1 + n)
        day = (now - DAY).date()
        words: tuple[str, ...] = (word,)
        if word == "run":
            words = ("run", str(day))
        elif word == "backfill":
            first = day - chance.randrange(40, 400) * DAY
            words = ("backfill", str(first), str(first + chance.randrange(8, 60) * DAY))
        if not clean and chance.random() < 0.03:  # this computer's clock, not the source's
            now += chance.choice((-1, 1)) * chance.choice((timedelta(hours=1), 3653 * DAY))
        url = source.url
        if not clean and chance.random() < 0.04:
            fault = chance.choice(UNREACHABLE)
            self.tally.faults[fault] += 1
            url = {
                "connection refused": "http://127.0.0.1:9/neo/rest/v1",
                "no such host": "http://nowhere.invalid/neo/rest/v1",
                "no TLS": url.replace("http:", "https:"),
            }[fault]
        self._keys += 1
        environ = {
            "FLYBY_HOME": str(home),
            "FLYBY_NEOWS_URL": url,
            "FLYBY_CAD_URL": "http://127.0.0.1:9/cad.api",
            "FLYBY_NOW": now.isoformat(),
            "FLYBY_PATIENCE": "0",  # time goes on by itself here
            "NASA_API_KEY": f"{KEY_PREFIX}{self.tally.seed:x}x{self._keys:025}",
        }
        cold = not clean and word in ("run", "status") and chance.random() < self._cold_share * 4
        return Command(words, environ, cold)

    def _name(self, command: Command) -> str:
        return command.words[0] + (" (cold)" if command.cold else "")

    def _note(self, lines: Iterator[str] | list[str]) -> None:
        for line in lines:
            where = f"{line} [seed {self.tally.seed}, life {self.tally.lives}, step {self.tally.steps}]"
            self.tally.found.append(where)
            self._say(f"FOUND {where}")

    @contextmanager
    def _readers(self, home: Path) -> Iterator[None]:
        running = [
            subprocess.Popen(
                [sys.executable, "-m", "torture.reader", mode, str(home)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
            for mode in ("read", "write")
        ]
        try:
            yield
        finally:
            for mode, process in zip(("read", "write"), running, strict=True):
                said, _ = process.communicate("over\n", timeout=60)
                *failures, last = said.splitlines() or ["said nothing"]
                self.tally.reader.append(f"{mode}: {last}")
                if failures or process.returncode or "asked" not in last:
                    self._note([f"reader: {line}" for line in [*failures, last]])
