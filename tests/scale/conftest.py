import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from conftest import environment
from flyby.definitions import defs
from flyby.sandbox import Sandbox
from scale.gate import Gate
from scale.machines import Machines
from scale.servers import Postgres, Redis

NOW = datetime(2026, 11, 23, 6, tzinfo=UTC)
WORKERS = 2

#: Everything that the record says, but for what names the answer that said it.
TABLES = {
    "close_approaches": "*",
    "revisions": "* EXCLUDE (request_id)",
    "days": "*",
    "requests": "source, window_start, window_end, requested_at, http_status, rows, verdict, note, suspect_days",
}


@dataclass(frozen=True)
class Place:
    """A FLYBY_HOME and its warehouse, and the settings by which a worker finds them."""

    home: Path
    settings: Mapping[str, str]

    def ask(self, query: str) -> list[dict[str, Any]]:
        told: list[dict[str, Any]] = json.loads(self.flyby("sql", "--json", query))
        return told

    def flyby(self, *words: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "flyby", *words],
            env={**environment(), **self.settings},
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def record(self) -> dict[str, list[dict[str, Any]]]:
        """All of it, to be compared with another."""
        return {table: self.ask(f"SELECT {columns} FROM {table} ORDER BY ALL") for table, columns in TABLES.items()}


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    with Postgres() as server:
        yield server


@pytest.fixture(scope="session")
def redis() -> Iterator[Redis]:
    with Redis() as server:
        yield server


@pytest.fixture(scope="session")
def machines(postgres: Postgres, redis: Redis, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machines]:
    """All of deploy/compose.yaml but the workers, which are each test's own."""
    folder = tmp_path_factory.mktemp("machines")
    with postgres.database("dagster") as name, Machines(folder, postgres, name, redis, workers=WORKERS).up() as up:
        yield up


@pytest.fixture
def dagster(machines: Machines) -> Iterator[dg.DagsterInstance]:
    """The instance, on which no run outlives the test."""
    with machines.instance() as instance:
        yield instance
        for run in instance.get_runs():
            if not run.is_finished:
                instance.report_run_canceled(run)


@pytest.fixture
def gate() -> Iterator[Gate]:
    """The sky that the workers ask; open."""
    with Sandbox(now=NOW, hourly_limit=1_000_000) as sky, Gate(sky) as gate:
        try:
            yield gate
        finally:
            gate.open()


def asking(gate: Gate) -> dict[str, str]:
    """Where and when, for all who are to hear the same."""
    return {"FLYBY_NEOWS_URL": gate.url, "FLYBY_NOW": NOW.isoformat(), "NASA_API_KEY": "a-key-of-the-tests"}


@pytest.fixture(params=["file", "lake"])
def place(request: pytest.FixtureRequest, postgres: Postgres, gate: Gate, tmp_path: Path) -> Iterator[Place]:
    """Where the workers keep the record: in a file of the FLYBY_HOME that they share, or in a lake."""
    settings = {**asking(gate), "FLYBY_HOME": str(tmp_path / "home")}
    # As deploy/postgres-init.sql makes it, whether there is a lake in it or not.
    with postgres.database("flyby") as name:
        if request.param == "lake":
            settings |= {**postgres.environment(name), "FLYBY_WAREHOUSE": f"ducklake:postgres:dbname={name}"}
        yield Place(tmp_path / "home", settings)


@pytest.fixture
def workers(machines: Machines, place: Place, gate: Gate) -> Iterator[list["subprocess.Popen[bytes]"]]:
    """As many as deploy/compose.yaml has, with the settings of the place."""
    with ExitStack() as stack:
        own = {name: value for name, value in place.settings.items() if not name.startswith("PG")}
        yield [
            stack.enter_context(machines.service("worker", "--hostname", f"{number}@%h", **own))
            for number in range(WORKERS)
        ]
        gate.open()  # they end when their runs have


@pytest.fixture
def alone(gate: Gate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Place]:
    """One machine that hears the same answers: jobs, one after the other, in this process and in a file."""
    home = tmp_path / "alone"

    def run(*jobs: tuple[str, Mapping[str, Any], Mapping[str, str]]) -> Place:
        settings = {**asking(gate), "FLYBY_HOME": str(home)}
        for name, value in settings.items():
            monkeypatch.setenv(name, value)
        monkeypatch.delenv("FLYBY_WAREHOUSE", raising=False)
        with dg.DagsterInstance.ephemeral() as ephemeral:
            for job, config, tags in jobs:
                done = defs.resolve_job_def(job).execute_in_process(run_config=config, tags=tags, instance=ephemeral)
                assert done.success
        return Place(home, settings)

    return run
