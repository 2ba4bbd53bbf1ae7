"""flyby's own Dagster instance: prepared once, then used for runs in this process, or by the webserver and the daemon.

Dagster is imported by the functions that need it, since that takes most of a second.
"""

import ctypes
import gc
import json
import logging
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager, redirect_stderr
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO, cast
from urllib.error import URLError
from urllib.request import Request, urlopen
from uuid import uuid4

from filelock import FileLock, Timeout

from flyby.address import PREFIX
from flyby.collector import without_gc
from flyby.days import DAY
from flyby.defs import claims
from flyby.errors import BusyError, FlybyError, HomeError, UsageError, unwritable
from flyby.fetch.plan import parse_tick
from flyby.instance.health import health, is_up
from flyby.output.notify.notices import check_addresses
from flyby.output.vega import CACHE, made_meanwhile
from flyby.settings import Settings

__all__ = ["RunResult", "health", "instance", "is_up", "prune", "reap", "run_job", "tell_history", "up"]

if TYPE_CHECKING:
    from dagster import AssetCheckKey, DagsterEvent, DagsterInstance

#: For an instance that is flyby's alone. Someone's own dagster.yaml is left as it is.
DAGSTER_YAML = """\
# Written by flyby once; change it as you like: https://docs.dagster.io/deployment/oss/dagster-yaml
telemetry:
  enabled: false
nux:
  enabled: false
# Errors, warnings and flyby's own words; without this `flyby up` prints thirty lines for every run.
python_logs:
  python_log_level: INFO
# A run that does not start, or takes longer than its tag dagster/max_runtime says (three hours, history sixty days),
# becomes a failed run. That a run's process was killed Dagster does not see: flyby does, see docs/dagster.md.
run_monitoring:
  enabled: true
retention:
  schedule:
    purge_after_days: 365
"""

#: So many runs Dagster remembers; what an older one brought is in the record all the same. About 0.3 MB each.
KEPT_RUNS = 200
#: How often `up` looks whether there are more, and whether a run's process is gone.
PRUNE_EVERY_S = 3600.0
REAP_EVERY_S = 10.0

#: How long the webserver may take to answer, and to end. It starts a second process, which imports everything.
START_S = 120.0
END_S = 20.0
#: How long another process may take to prepare the same home.
PREPARE_S = 60.0


@dataclass(frozen=True, slots=True)
class RunResult:
    """How a run of `asteroid_job` went."""

    run_id: str
    success: bool
    #: What went wrong, in one line; None if nothing did.
    error: str | None
    #: The plain metadata of the materializations together: `new`, `changed`, `rows`, `windows`, `quota_left`, …
    figures: Mapping[str, Any]
    #: What the failed checks say.
    warnings: tuple[str, ...]
    #: Notices that did not arrive, a page that could not be written: no reason for a run to fail.
    undone: tuple[str, ...]


def run_job(settings: Settings, tick: date) -> RunResult:
    """Run `asteroid_job` for the tick date in this process, on flyby's Dagster instance, where the UI shows it.

    A failed run is a result, not an exception. Raises UsageError for a day that NeoWs does not serve and HomeError when
    DAGSTER_HOME cannot be used.
    """
    parse_tick(tick.isoformat())
    with (
        without_gc(),
        made_meanwhile(settings.home / CACHE),
        instance(settings) as dagster,
        _telling_of_waits(),
        redirect_stderr(_stderr()),
    ):
        from flyby.defs.component import AsteroidsComponent
        from flyby.defs.given import UNDONE
        from flyby.defs.schedules import tick_config
        from flyby.jobs.daily import MORNING_SLACK_DAYS
        from flyby.query.checks import CHECKS

        reap(settings, dagster)
        defs = AsteroidsComponent.of(lambda: settings).build_defs()
        run_id = str(uuid4())
        quietly = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
        with (
            claims.claimed(settings.dagster_home, run_id),
            _kept_open(settings.dagster_home, run_id),
            _heard(UNDONE) as undone,
        ):
            result = defs.resolve_job_def("asteroid_job").execute_in_process(
                # Whoever runs this reads what flyby prints. The event log gets everything.
                run_config={**tick_config("asteroids", tick), **quietly},
                instance=dagster,
                raise_on_error=False,
                run_id=run_id,
            )
        prune(settings, dagster)
        gc.freeze()  # what was imported and made stays: the collector would go through all of it as the process ends
    figures = {
        name: value.value
        for event in result.get_asset_materialization_events()
        for name, value in event.step_materialization_data.materialization.metadata.items()
        if isinstance(value.value, str | int | float)
    }
    # Who runs an old day is not told that nobody asked for yesterday.
    is_morning = abs(settings.now().date() - tick) <= MORNING_SLACK_DAYS * DAY
    muted = set() if is_morning else {check.name for check in CHECKS if check.of_yesterday}
    failed = [check for check in result.get_asset_check_evaluations() if not check.passed]
    return RunResult(
        run_id=result.run_id,
        success=result.success,
        error=None if result.success else _failure(result.all_events),
        figures=figures,
        warnings=tuple(dict.fromkeys(check.description or "" for check in failed if check.check_name not in muted)),
        undone=tuple(dict.fromkeys(undone)),
    )


@contextmanager
def _kept_open(home: Path, run_id: str) -> Iterator[None]:
    """SQLite writes a database's log back into it, and syncs both, whenever the last connection is closed, and Dagster
    opens one for whatever it stores: held open meanwhile, the databases of the run are synced 200 times and not 500."""
    kept = [home / "history" / "runs.db", home / "history" / "runs" / "index.db"]
    with ExitStack() as stack:
        if all(path.exists() for path in kept):  # and not on a server
            for path in (*kept, home / "history" / "runs" / f"{run_id}.db"):
                connection = stack.enter_context(closing(sqlite3.connect(path)))
                # The journal is as Dagster has it; what was never read is not yet open.
                connection.executescript("PRAGMA journal_mode = WAL; SELECT count(*) FROM sqlite_master")
        yield


@contextmanager
def _heard(logger: logging.Logger) -> Iterator[list[str]]:
    """The lines that are said meanwhile."""
    lines: list[str] = []

    class Collecting(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(record.getMessage())

    handler = Collecting()
    logger.addHandler(handler)
    try:
        yield lines
    finally:
        logger.removeHandler(handler)


@contextmanager
def _telling_of_waits() -> Iterator[None]:
    """Who sits at the terminal is told that a source is waited for."""
    from flyby.jobs.daily import WAITS

    if not sys.stderr.isatty():
        yield
        return
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("flyby: %(message)s"))
    WAITS.addHandler(handler)
    try:
        yield
    finally:
        WAITS.removeHandler(handler)


@contextmanager
def instance(settings: Settings) -> Iterator["DagsterInstance"]:
    """The Dagster instance in DAGSTER_HOME, which is made if it is not there.

    Raises HomeError when that cannot be written, BusyError when another process does not finish making it.
    """
    home = settings.dagster_home
    # Two processes that initialise SQLite storage together break it for good.
    lock = FileLock(home / ".lock", timeout=PREPARE_S)
    with _sqlite_plainly(home), ExitStack() as stack:
        try:
            settings.home.mkdir(mode=0o700, parents=True, exist_ok=True)
            home.mkdir(parents=True, exist_ok=True)
            with lock:
                if not (home / "dagster.yaml").exists():
                    half = home / "dagster.yaml.tmp"
                    half.write_text(DAGSTER_YAML, encoding="utf-8")
                    half.replace(home / "dagster.yaml")
                from dagster import DagsterInstance, DagsterInvalidConfigError

                try:
                    dagster = stack.enter_context(DagsterInstance.from_config(str(home)))
                except Exception as error:
                    is_yaml = type(error).__module__.startswith("yaml.")  # Dagster's own dependency
                    if not is_yaml and not isinstance(error, DagsterInvalidConfigError):
                        raise
                    why = " ".join(str(error).split())[:200]
                    raise HomeError(
                        f"{home / 'dagster.yaml'} is not what Dagster reads ({why}): mend it, or move it away"
                    ) from None
        except Timeout:
            raise BusyError(f"another process is preparing {home.name}/ and does not finish: end it") from None
        except OSError as error:
            if is_own(settings):
                raise unwritable(settings.home, error) from None
            raise HomeError(
                f"DAGSTER_HOME {home} cannot be written ({error.strerror}): set it to a folder of yours"
            ) from None
        yield dagster


@contextmanager
def _sqlite_plainly(home: Path) -> Iterator[None]:
    """What SQLite says of a full or read-only disk, which SQLAlchemy wraps, in one line."""
    try:
        yield
    except Exception as error:
        cause = getattr(error, "orig", error)
        if not isinstance(cause, sqlite3.Error):
            raise
        raise HomeError(
            f"DAGSTER_HOME {home.name}/ cannot be used ({cause}): make room, or check that you may write there"
        ) from None


class _Stderr:
    """stderr less what Dagster writes there of its own accord when an event cannot be stored: flyby's line follows."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        return len(text) if text.startswith("Exception while writing logger call") else self._stream.write(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def _stderr() -> TextIO:
    return cast(TextIO, _Stderr(sys.stderr))


def prune(settings: Settings, dagster: "DagsterInstance") -> int:
    """Have Dagster forget all but the newest KEPT_RUNS runs, with their logs; how many it forgot.

    A run is kept longer while it is the last to have made an asset, a partition of one, or to have checked one: Dagster
    forgets with a run what it brought. Only on the instance that is flyby's alone: someone's own is theirs to tidy.
    """
    if not is_own(settings):
        return 0
    home = settings.dagster_home
    outlived = dagster.get_run_ids()[KEPT_RUNS:]
    if outlived:
        lasting = _runs_that_last(dagster)
        outlived = [run_id for run_id in outlived if run_id not in lasting]
    for run_id in outlived:
        dagster.delete_run(run_id)
        shutil.rmtree(home / "storage" / run_id, ignore_errors=True)
        for log in (home / "history" / "runs").glob(f"{run_id}.db*"):
            log.unlink(missing_ok=True)
    return len(outlived)


def _runs_that_last(dagster: "DagsterInstance") -> set[str]:
    """The runs that hold the last materialization of an asset or of a partition, or the last evaluation of a check."""
    lasting = set()
    for asset in dagster.get_asset_keys():
        seen = set()
        cursor, has_more = None, True
        while has_more:
            page = dagster.fetch_materializations(asset, limit=1000, cursor=cursor)
            cursor, has_more = page.cursor, page.has_more
            for record in page.records:
                if record.partition_key not in seen:
                    seen.add(record.partition_key)
                    lasting.add(record.run_id)
    checks = dagster.event_log_storage.get_latest_asset_check_execution_by_key(_checks())
    return lasting | {record.run_id for record in checks.values()}


def _checks() -> "list[AssetCheckKey]":
    from dagster import AssetCheckKey, AssetKey

    from flyby.query.checks import CHECKS, SECOND_OPINION_CHECK

    return [
        *(AssetCheckKey(AssetKey("duckdb_table"), check.name) for check in CHECKS),
        AssetCheckKey(AssetKey("second_opinion"), SECOND_OPINION_CHECK.name),
    ]


def is_own(settings: Settings) -> bool:
    """Whether the Dagster instance is flyby's alone."""
    return settings.dagster_home == settings.home / "dagster"


def reap(settings: Settings, dagster: "DagsterInstance") -> list[str]:
    """End the runs whose process is gone, or hangs; their ids."""
    from flyby.defs.reaper import end_dead_runs

    # Where runs are kept on a server, one without a claim here may have it on another machine.
    is_here_alone = is_own(settings) and (settings.dagster_home / "history" / "runs.db").exists()
    return end_dead_runs(dagster, settings.dagster_home, is_flybys_own=is_here_alone)


def tell_history(settings: Settings) -> list[str]:
    """Have Dagster show every year that is held as held, whoever asked for it (`flyby backfill`); the news of it."""
    from dagster import AssetKey

    from flyby.defs.told import ALL_YEARS, tell_years

    if not settings.record.exists() and not settings.lake:
        return []
    with instance(settings) as dagster:
        return tell_years(dagster, AssetKey("history"), ALL_YEARS, settings)


def up(
    settings: Settings, *, host: str = "127.0.0.1", port: int = 3000, on_ready: Callable[[str], None] | None = None
) -> None:
    """Run Dagster's webserver and daemon, with the schedule on, until Ctrl-C or SIGTERM; both have ended on return.

    `on_ready` is called with the UI's address once it answers. Meanwhile ends the runs whose process is gone. Raises
    UsageError when the port is taken or a setting is wrong, an address for notices among them, and FlybyError when one
    of the two ends by itself or the code location cannot be loaded.
    """
    _free(host, port)
    check_addresses(settings)
    with instance(settings) as dagster:
        from flyby.defs.component import AsteroidsComponent

        AsteroidsComponent.of(lambda: settings).build_defs()  # what is wrong is said before anything starts
        reap(settings, dagster)
    tell_history(settings)
    # Every minute the daemon starts its code server anew, and the old one would warn that it is leaving.
    quietly = ["--log-level", "warning", "--code-server-log-level", "error"]
    target = ["-m", "flyby.definitions"]
    commands = {
        "webserver": ["dagster_webserver", "--host", host, "--port", str(port), "--dagster-log-level", "warning"],
        "daemon": ["dagster._daemon", "run"],
    }
    environment = {**os.environ, **_environment(settings), "DAGSTER_HOME": str(settings.dagster_home)}
    with _stopped_by_sigterm(), ExitStack() as stack:
        try:
            running = {
                name: stack.enter_context(_child([sys.executable, "-m", *command, *quietly, *target], environment))
                for name, command in commands.items()
            }
            url = f"http://{host}:{port}"
            _wait_for(url, running)
            _is_loaded(url)
            if on_ready:
                on_ready(url)
            pruned_at = reaped_at = -PRUNE_EVERY_S
            while True:
                _check(running)
                if time.monotonic() - reaped_at >= REAP_EVERY_S:
                    reaped_at = time.monotonic()
                    with instance(settings) as dagster:
                        reap(settings, dagster)
                if time.monotonic() - pruned_at >= PRUNE_EVERY_S:
                    pruned_at = time.monotonic()
                    with instance(settings) as dagster:
                        prune(settings, dagster)
                    tell_history(settings)
                time.sleep(0.5)
        except KeyboardInterrupt:
            pass


def _failure(events: "Sequence[DagsterEvent]") -> str:
    """The line that a failed step gave as its reason."""
    for event in events:
        if event.is_step_failure:
            data = event.step_failure_data
            if data.user_failure_data and data.user_failure_data.description:
                return data.user_failure_data.description
            cause = data.error
            while cause and cause.cause:
                cause = cause.cause
            if cause and cause.cls_name == "DagsterExecutionInterruptedError":
                return "interrupted: nothing that came is lost, the same command goes on"
            if cause:
                return cause.message.strip().splitlines()[0]
    return "the run failed: `flyby up` shows why"


def _environment(settings: Settings) -> dict[str, str]:
    """The settings as the environment of a process that is to have the same."""
    moment = settings.rehearsed_now
    return {
        "FLYBY_HOME": str(settings.home),
        "NASA_API_KEY": settings.api_key,
        "FLYBY_NEOWS_URL": settings.neows_url,
        "FLYBY_CAD_URL": settings.cad_url,
        "FLYBY_CRON": settings.cron,
        "FLYBY_TIMEZONE": settings.timezone,
        "FLYBY_NOTIFY": " ".join(settings.notify),
        "FLYBY_NOTABLE": "; ".join(map(str, settings.notable)),
        "FLYBY_DIGEST": str(int(settings.digest)),
        "FLYBY_SITE": settings.site or "",
        "FLYBY_PATIENCE": str(settings.patience_min),
        "FLYBY_WAREHOUSE": PREFIX + settings.lake.catalog if settings.lake else "",
        "FLYBY_WAREHOUSE_DATA": settings.lake.data if settings.lake else "",
        "FLYBY_NOW": moment.isoformat() if moment else "",
    }


def _free(host: str, port: int) -> None:
    try:
        with socket.create_server((host, port)):
            pass
    except (OSError, OverflowError):
        raise UsageError(f"port {port} of {host} cannot be used: choose another with --port") from None


@contextmanager
def _child(command: list[str], environment: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """A process that is asked to end when the context does, and made to if it does not."""
    # A group of its own: Ctrl-C in the terminal reaches this process alone, which then ends the children in order.
    with subprocess.Popen(
        command,
        env=environment,
        stdout=sys.stderr,
        start_new_session=True,
        preexec_fn=_ending_with_its_parent(),
    ) as child:
        try:
            yield child
        finally:
            child.send_signal(signal.SIGINT)
            try:
                child.wait(END_S)
            except subprocess.TimeoutExpired:
                os.killpg(child.pid, signal.SIGKILL)


def _ending_with_its_parent() -> Callable[[], None] | None:
    """What a child calls first so that it ends when this process is killed: two daemons are one too many. Linux alone
    knows how."""
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None).prctl
    set_parent_death_signal = 1

    def ask() -> None:
        prctl(set_parent_death_signal, signal.SIGINT)

    return ask


def _wait_for(url: str, running: Mapping[str, subprocess.Popen[bytes]]) -> None:
    until = time.monotonic() + START_S
    while time.monotonic() < until:
        _check(running)
        try:
            with urlopen(f"{url}/server_info", timeout=5):  # noqa: S310  http, to what was just started
                return
        except (URLError, OSError):
            time.sleep(0.2)
    raise FlybyError(f"Dagster's webserver did not answer within {START_S:.0f} s: see what it printed")


def _is_loaded(url: str) -> None:
    """Raise FlybyError when the webserver could not load flyby's definitions: nothing would ever start."""
    query = """{ workspaceOrError { ... on Workspace { locationEntries { locationOrLoadError {
        __typename ... on PythonError { message errorChain { error { message } } } } } } } }"""
    request = Request(  # noqa: S310  http, to what was just started
        f"{url}/graphql", json.dumps({"query": query}).encode(), {"Content-Type": "application/json"}
    )
    with urlopen(request, timeout=START_S) as response:  # noqa: S310
        told = json.load(response)["data"]["workspaceOrError"]
    for entry in told.get("locationEntries", []):
        loaded = entry["locationOrLoadError"]
        if loaded and loaded["__typename"] == "PythonError":
            chain = [*loaded["errorChain"], {"error": loaded}]
            why = chain[0]["error"]["message"].strip().splitlines()[0]
            raise FlybyError(f"Dagster cannot load flyby's definitions ({why}): no morning would come")


def _check(running: Mapping[str, subprocess.Popen[bytes]]) -> None:
    for name, child in running.items():
        if child.poll() is not None:
            raise FlybyError(f"Dagster's {name} ended by itself (exit status {child.returncode}): see what it printed")


@contextmanager
def _stopped_by_sigterm() -> Iterator[None]:
    """SIGTERM as Ctrl-C."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
