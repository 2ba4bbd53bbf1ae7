"""What deploy/compose.yaml starts in containers, as processes of this machine: the same commands, the same files."""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import dagster as dg
import yaml
from dagster._core.storage.tags import PARENT_RUN_ID_TAG
from dagster_graphql import DagsterGraphQLClient, DagsterGraphQLClientError

from conftest import environment
from scale.servers import PATIENCE_S, Postgres, Redis, free_port, wait_until

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
ENDED = (dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED)


def compose() -> dict[str, Any]:
    """compose.yaml as Compose reads it: `$$` is a dollar, and no variable of `.env` is set."""

    def filled(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: filled(inner) for name, inner in value.items()}
        if isinstance(value, list):
            return [filled(inner) for inner in value]
        if isinstance(value, str):
            return re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", value).replace("$$", "$")
        return value

    read: dict[str, Any] = filled(yaml.safe_load((DEPLOY / "compose.yaml").read_text()))
    return read


class Machines:
    """A code server, a webserver, a daemon and workers, on one PostgreSQL and one Redis."""

    def __init__(self, folder: Path, postgres: Postgres, database: str, redis: Redis, *, workers: int) -> None:
        self.folder = folder
        self._services = compose()["services"]
        self._ports = {"4000": str(free_port()), "3000": str(free_port())}
        self.postgres = postgres.environment(database)
        self._as_configured = {
            **environment(),
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            **self.postgres,
            "SECRETS": str(folder / "secrets"),
            "DAGSTER_HOME": str(folder / "dagster"),
            "DAGSTER_LOGS": str(folder / "logs"),
            "REDIS": redis.address,
            "WORKERS": str(workers),
            "FLYBY_TIMEZONE": _quiet_timezone(),
        }
        del self._as_configured["PGPASSWORD"]
        (folder / "secrets").mkdir()
        (folder / "secrets" / "postgres_password").write_text(postgres.password)
        (folder / "secrets" / "redis_password").write_text(redis.password)
        (folder / "dagster").mkdir()
        shutil.copy(DEPLOY / "dagster.yaml", folder / "dagster")
        workspace = (DEPLOY / "workspace.yaml").read_text()
        workspace = workspace.replace("host: code", "host: 127.0.0.1").replace("4000", self._ports["4000"])
        (folder / "dagster" / "workspace.yaml").write_text(workspace)

    @contextmanager
    def up(self) -> Iterator["Machines"]:
        """All but the workers, each when what it needs is healthy."""
        with ExitStack() as stack:
            for name in ("code", "webserver", "daemon"):
                process = stack.enter_context(self.service(name, FLYBY_HOME=str(self.folder / "nobodys")))
                wait_until(lambda name=name, process=process: self.healthy(name, process), what=name)  # type: ignore[misc]
            yield self

    @contextmanager
    def service(self, name: str, *more: str, **settings: str) -> Iterator["subprocess.Popen[bytes]"]:
        """The command of a service, with more words and settings; ended, if it has not, when the context is."""
        with self.started(name, [*self._services[name]["command"], *more], **settings) as process:
            yield process

    @contextmanager
    def started(self, name: str, command: list[str], **settings: str) -> Iterator["subprocess.Popen[bytes]"]:
        """A command in the environment of the services."""
        command = self.words(command)
        with (self.folder / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                command,
                cwd=self.folder,
                env={**self._as_configured, **settings},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        try:
            yield process
        finally:
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(PATIENCE_S / 2)
            kill(process)

    def healthy(self, name: str, process: "subprocess.Popen[bytes] | None" = None) -> bool:
        """What the health check of the service says."""
        assert process is None or process.poll() is None, (self.folder / f"{name}.log").read_text()
        if name == "webserver":
            # As its check, but for starting a Python every time.
            with suppress(URLError, OSError):
                urlopen(f"http://{self.web}/server_info", timeout=10).close()
                return True
            return False
        return self.check(name) == 0

    def check(self, name: str, places: Mapping[str, str] | None = None) -> int:
        """The exit status of a service's health check."""
        kind, *test = self._services[name]["healthcheck"]["test"]
        test = ["sh", "-c", *test] if kind == "CMD-SHELL" else test
        return subprocess.run(
            self.words(test, places),
            cwd=self.folder,
            env=self._as_configured,
            check=False,
            capture_output=True,
            timeout=120,
        ).returncode

    def words(self, command: list[str], places: Mapping[str, str] | None = None) -> list[str]:
        """A command of compose.yaml with this machine's places for those of the containers."""
        here = {
            "0.0.0.0": "127.0.0.1",
            "/srv/dagster/": f"{self.folder}/dagster/",
            "with-secrets": f"sh {DEPLOY}/with-secrets.sh",
            **self._ports,
            **(places or {}),
        }
        pattern = re.compile("|".join(map(re.escape, here)))
        replaced = [pattern.sub(lambda found: here[found[0]], word) for word in command]
        if replaced[0] == here["with-secrets"]:
            return [*replaced[0].split(), *replaced[1:]]
        return ["sh", str(DEPLOY / "with-secrets.sh"), *replaced]

    @property
    def client(self) -> DagsterGraphQLClient:
        """The page's own way to Dagster."""
        return DagsterGraphQLClient(self.web)

    @property
    def web(self) -> str:
        """Where the webserver listens."""
        return f"127.0.0.1:{self._ports['3000']}"

    @contextmanager
    def instance(self) -> Iterator[dg.DagsterInstance]:
        """Dagster's instance, for looking at it."""
        seen = {**self._as_configured, "PGPASSWORD": (self.folder / "secrets" / "postgres_password").read_text()}
        seen |= dict.fromkeys(("CELERY_BROKER_URL", "CELERY_RESULT_BACKEND"), "redis://127.0.0.1")
        with _environment(seen), dg.DagsterInstance.from_config(str(self.folder / "dagster")) as instance:
            yield instance

    def launch(self, job: str, config: Mapping[str, Any] | None = None, tags: Mapping[str, str] | None = None) -> str:
        """As the button in the web page does; the id of the run. Once more where the page says that it failed."""
        submitted: list[str] = []

        def submits() -> bool:
            with suppress(DagsterGraphQLClientError):
                submitted.append(
                    self.client.submit_job_execution(
                        job, repository_location_name="flyby", run_config=dict(config or {}), tags=dict(tags or {})
                    )
                )
            return bool(submitted)

        wait_until(submits, what=f"the launch of {job}")
        return submitted[0]

    def launch_years(self, first: int, last: int) -> str:
        tags = {"dagster/asset_partition_range_start": str(first), "dagster/asset_partition_range_end": str(last)}
        return self.launch("history_job", tags=tags)

    def ended(self, dagster: dg.DagsterInstance, run_id: str, *, within_s: float = 120) -> dg.DagsterRun:
        """The run, once it has."""

        def has() -> bool:
            return _run(dagster, run_id).status in ENDED

        wait_until(has, within_s=within_s, what=f"the end of run {run_id}")
        return _run(dagster, run_id)

    def rerun_of(self, dagster: dg.DagsterInstance, run_id: str) -> str:
        """The run that Dagster starts by itself for one whose worker died."""

        def again() -> list[dg.DagsterRun]:
            return list(dagster.get_runs(dg.RunsFilter(tags={PARENT_RUN_ID_TAG: run_id})))

        wait_until(lambda: bool(again()), within_s=120, what=f"a second run for {run_id}")
        [run] = again()
        return run.run_id


def kill(process: "subprocess.Popen[bytes]") -> None:
    """A machine that is gone: the process and all that it started, at once."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(PATIENCE_S)


def children(pid: int) -> list[int]:
    """Of a process, by the kernel's list."""
    return [
        int(child) for task in Path(f"/proc/{pid}/task").iterdir() for child in (task / "children").read_text().split()
    ]


def _run(dagster: dg.DagsterInstance, run_id: str) -> dg.DagsterRun:
    run = dagster.get_run_by_id(run_id)
    assert run is not None
    return run


def _quiet_timezone() -> str:
    """One in which it is evening, so that no schedule fires while tests run."""
    behind = (datetime.now(UTC).hour - 20) % 24
    return f"Etc/GMT{behind if behind <= 12 else behind - 24:+d}"


@contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.update(values)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
