"""Every way of launching the morning job against a server on loopback, on real Dagster instances."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import dagster as dg
import duckdb
import pytest
from pytest_httpserver import HTTPServer

from answers import Home
from flyby.definitions import defs
from flyby.errors import HomeError, UsageError
from flyby.instance.instance import instance, run_job
from flyby.sandbox import Sandbox
from flyby.settings import Settings
from flyby.sources.neows import client

KEY = "a-key-of-ones-own-that-no-file-may-hold"
NOW = datetime(2026, 11, 23, 6, tzinfo=UTC)
TICK = date(2026, 11, 23)
CONFIG = {"ops": {"asteroids": {"config": {"date": "2026-11-23"}}}}
ROOT = Path(__file__).parents[1]
MORNING = [defs.get_assets_def(name) for name in ("asteroids", "asteroids_file", "duckdb_table")]


@pytest.fixture(scope="module")
def sky() -> Iterator[Sandbox]:
    with Sandbox(now=NOW, hourly_limit=1_000_000) as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def dagster_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A DAGSTER_HOME as flyby prepares it, to be copied: preparing takes seconds."""
    settings = Settings.load({"FLYBY_HOME": str(tmp_path_factory.mktemp("prepared")), "NASA_API_KEY": KEY})
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("DAGSTER_HOME", raising=False)
        with instance(settings):
            return settings.dagster_home


@pytest.fixture
def fresh_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A FLYBY_HOME of its own; whatever a test starts finds it and nothing of the caller's."""
    for name in list(os.environ):
        if name.startswith(("FLYBY_", "DAGSTER_", "NASA_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("FLYBY_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("NASA_API_KEY", KEY)
    monkeypatch.setenv("FLYBY_NOW", NOW.isoformat())
    return tmp_path / "home"


@pytest.fixture
def home(fresh_home: Path, dagster_home: Path) -> Path:
    shutil.copytree(dagster_home, fresh_home / "dagster")
    Home(fresh_home).begun()
    return fresh_home


@pytest.fixture
def under_the_sky(home: Path, sky: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A FLYBY_HOME whose NeoWs is the built-in sky."""
    monkeypatch.setenv("FLYBY_NEOWS_URL", sky.url)
    return home


def in_process(home: Path) -> None:
    with dg.DagsterInstance.ephemeral() as ephemeral:
        defs.resolve_job_def("asteroid_job").execute_in_process(run_config=CONFIG, instance=ephemeral)


def materialize(home: Path) -> None:
    with dg.DagsterInstance.ephemeral() as ephemeral:
        dg.materialize(MORNING, run_config=CONFIG, instance=ephemeral)


def flybys_run(home: Path) -> None:
    assert run_job(Settings.load(), TICK).error is None


def command(*words: str) -> Callable[[Path], None]:
    def run(home: Path) -> None:
        config = home.parent / "run.yaml"
        config.write_text("ops:\n  asteroids:\n    config:\n      date: 2026-11-23\n", encoding="utf-8")
        subprocess.run(
            [sys.executable, "-m", *words, str(config)],
            cwd=ROOT,
            env={**os.environ, "DAGSTER_HOME": str(home / "dagster")},
            check=True,
            capture_output=True,
            timeout=120,
        )

    return run


LAUNCHES = {
    "execute_in_process": in_process,
    "dg.materialize": materialize,
    "flyby run": flybys_run,
    "dagster job execute": command("dagster", "job", "execute", "-m", "flyby.definitions", "-j", "asteroid_job", "-c"),
    "dg launch": command("dagster_dg_cli.cli", "launch", "--job", "asteroid_job", "--config"),
}


#: Those that begin a process of theirs take long.
IN_A_PROCESS = {"dagster job execute", "dg launch"}


@pytest.mark.parametrize(
    "launch",
    [pytest.param(LAUNCHES[n], id=n, marks=[pytest.mark.whole] * (n in IN_A_PROCESS)) for n in LAUNCHES],
)
def test_every_launch_from_config_alone_leaves_the_rows_of_the_server(
    launch: Callable[[Path], None], under_the_sky: Path, sky: Sandbox
) -> None:
    before = sky.requests
    launch(under_the_sky)
    assert sky.requests - before == 2
    rows = stored(under_the_sky, "SELECT designation, close_approach_date FROM close_approaches ORDER BY ALL")
    assert rows == sorted(set(rows))
    assert rows == sorted(listed(sky.url, "2026-11-15", "2026-11-22") | listed(sky.url, "2026-11-23", "2026-11-30"))
    assert_keyless(under_the_sky)


@pytest.mark.long
def test_the_ui_launches_it_too_and_ends_on_sigterm(under_the_sky: Path, sky: Sandbox) -> None:
    with up(under_the_sky) as (url, process):
        client = dagster_graphql_client(url)
        run_id = client.submit_job_execution("asteroid_job", run_config=CONFIG)
        wait_until(lambda: client.get_run_status(run_id) not in (dg.DagsterRunStatus.STARTING, *UNFINISHED))
        assert client.get_run_status(run_id) == dg.DagsterRunStatus.SUCCESS
        assert schedule_statuses(url) == {"date_range_schedule": "RUNNING", "second_opinion_schedule": "RUNNING"}
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    rows = stored(under_the_sky, "SELECT designation, close_approach_date FROM close_approaches ORDER BY ALL")
    assert rows == sorted(listed(sky.url, "2026-11-15", "2026-11-22") | listed(sky.url, "2026-11-23", "2026-11-30"))
    assert_keyless(under_the_sky)


def test_the_same_day_twice_leaves_exactly_the_real_rows_for_four_requests(
    shared: Path, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("FLYBY_NOW")
    with real_sky(shared, tmp_path / "asked") as url:
        monkeypatch.setenv("FLYBY_NEOWS_URL", url)
        first = run_job(Settings.load(), date(2019, 2, 16))
        again = run_job(Settings.load(), date(2019, 2, 16))
        asked = (tmp_path / "asked").read_text(encoding="utf-8").splitlines()
        expected = [
            row
            for start, end in (("2019-02-08", "2019-02-15"), ("2019-02-16", "2019-02-23"))
            for row in map(fields, objects(url, start, end))
        ]
    assert (first.error, again.error) == (None, None)
    assert first.figures["new"] == first.figures["rows"] == len(expected)
    assert [again.figures[kind] for kind in ("new", "changed", "unlisted", "withdrawn")] == [0, 0, 0, 0]
    assert sorted(line.split("\t")[0].partition("?")[2] for line in asked) == [
        *["start_date=2019-02-08&end_date=2019-02-15"] * 2,
        *["start_date=2019-02-16&end_date=2019-02-23"] * 2,
    ]
    rows = stored(
        home,
        """SELECT neo_id, name, strftime(close_approach_date, '%Y-%m-%d'), epoch_ms(close_approach_at), orbiting_body,
            miss_distance_au, miss_distance_ld, miss_distance_km, relative_velocity_km_s, absolute_magnitude_h,
            diameter_min_m, diameter_max_m, is_potentially_hazardous, is_sentry_object
        FROM close_approaches ORDER BY ALL""",
    )
    assert rows == sorted(expected)


@pytest.mark.parametrize(
    "day", ["2025/04/01", "2025-13-01", "20250401", "1899-12-31", "1900-01-02", "2200-12-31", "2201-01-01", ""]
)
def test_a_bad_date_fails_the_run_in_one_plain_line_and_asks_nobody(fresh_home: Path, day: str) -> None:
    job = defs.resolve_job_def("asteroid_job")
    config = {"ops": {"asteroids": {"config": {"date": day}}}}
    with dg.DagsterInstance.ephemeral() as ephemeral:
        result = job.execute_in_process(run_config=config, instance=ephemeral, raise_on_error=False)
    assert not result.success
    [failure] = [event for event in result.all_events if event.is_step_failure]
    user_failure = failure.step_failure_data.user_failure_data
    assert user_failure
    said = user_failure.description or ""
    assert said.startswith("date ")
    assert "YYYY-MM-DD" in said or "can be asked for" in said
    assert "\n" not in said
    assert not (fresh_home / "raw").exists()


def wrong_key(server: HTTPServer) -> None:
    server.expect_request("/feed").respond_with_json(
        {"error": {"code": "API_KEY_INVALID", "message": f"An invalid api_key {KEY} was supplied."}}, status=403
    )


def html(server: HTTPServer) -> None:
    server.expect_request("/feed").respond_with_data(
        f"<html><a href='/?api_key={KEY}'>down</a></html>", content_type="text/html"
    )


def truncated(server: HTTPServer) -> None:
    server.expect_request("/feed").respond_with_data(f'{{"links": {{"self": "/?api_key={KEY}"', status=200)


def dead(server: HTTPServer) -> None:
    server.stop()


@pytest.mark.parametrize(
    ("failure", "says"),
    [
        pytest.param(wrong_key, "set NASA_API_KEY", id="wrong key"),
        pytest.param(html, "not a feed", id="HTML under 200", marks=pytest.mark.long),
        pytest.param(truncated, "not a feed", id="truncated JSON", marks=pytest.mark.long),
        pytest.param(dead, "refuses connections", id="dead server"),
    ],
)
def test_a_failed_run_says_why_in_one_line_and_keeps_the_key_to_itself(
    failure: Callable[[HTTPServer], None], says: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "PATIENCE", replace(client.PATIENCE, first_wait_s=0.01))
    monkeypatch.setenv("FLYBY_PATIENCE", "0")
    with HTTPServer() as server:
        monkeypatch.setenv("FLYBY_NEOWS_URL", server.url_for("").rstrip("/"))
        failure(server)
        result = run_job(Settings.load(), TICK)
    assert not result.success
    assert result.error is not None
    assert says in result.error
    assert "\n" not in result.error
    with instance(Settings.load()) as dagster:
        [run] = dagster.get_runs()
        assert run.status == dg.DagsterRunStatus.FAILURE
        assert any(says in str(record.event_log_entry) for record in dagster.get_records_for_run(run.run_id).records)
    assert not (home / "flyby.duckdb").exists()
    assert_keyless(home)


def test_a_home_that_cannot_be_made_is_said_to_be_so(
    tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("FLYBY_HOME", str(tmp_path / "file" / "home"))
    with pytest.raises(HomeError, match="cannot be written"):
        run_job(Settings.load(), TICK)
    with pytest.raises(UsageError, match="can be asked for"):
        run_job(Settings.load(), date(1900, 1, 1))


@pytest.mark.whole
def test_processes_that_start_at_once_on_a_fresh_home_do_not_break_it(fresh_home: Path) -> None:
    program = (
        "from flyby.instance.instance import instance; from flyby.settings import Settings\n"
        "with instance(Settings.load()) as dagster: dagster.get_runs()"
    )
    both = [subprocess.Popen([sys.executable, "-c", program]) for _ in range(2)]
    assert [process.wait(120) for process in both] == [0, 0]


def test_materializations_and_checks_carry_what_a_person_wants_to_see(under_the_sky: Path) -> None:
    with dg.DagsterInstance.ephemeral() as ephemeral:
        result = defs.resolve_job_def("asteroid_job").execute_in_process(run_config=CONFIG, instance=ephemeral)
    materialized = {
        event.asset_key: event.step_materialization_data.materialization.metadata
        for event in result.get_asset_materialization_events()
    }
    gathered, loaded = (values(materialized[asset.key]) for asset in (MORNING[0], MORNING[2]))
    assert gathered["windows"] == "2026-11-15..2026-11-22, 2026-11-23..2026-11-30"
    assert gathered["quota_left"] > 0
    assert loaded["rows"] >= loaded["new"] > 50
    assert loaded["simulated"] == "these asteroids are simulated: the answers came from the built-in sky"
    miss_distances_km = [record.data["miss_distance_km"] for record in loaded["closest"].records]
    assert miss_distances_km == sorted(miss_distances_km) != []
    checks = {check.check_name: check for check in result.get_asset_check_evaluations()}
    assert {name: check.passed for name, check in checks.items()} == dict.fromkeys(
        ("yesterday_is_present", "freshness", "no_duplicates", "values_in_range", "verdicts"), True
    )
    assert values(checks["freshness"].metadata)["yesterday_age_h"] == 0
    assert values(checks["no_duplicates"].metadata)["flybys"] == loaded["new"]


def test_a_backfill_of_old_days_satisfies_neither_freshness_nor_presence(
    under_the_sky: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with dg.DagsterInstance.ephemeral() as ephemeral:
        run = defs.resolve_job_def("asteroid_job").execute_in_process
        run(run_config=CONFIG, instance=ephemeral)
        for now, says in (
            ("2026-11-25T06:00:00Z", "2026-11-24 was last asked for 48 hours ago (up to 36 hours is fine)"),
            ("2027-01-25T06:00:00Z", "2027-01-24 was never asked for: `flyby run` does"),
        ):
            monkeypatch.setenv("FLYBY_NOW", now)
            old = run(run_config={"ops": {"asteroids": {"config": {"date": "2020-01-01"}}}}, instance=ephemeral)
            assert old.success
            assert says in [check.description for check in old.get_asset_check_evaluations() if not check.passed]


def test_who_runs_an_old_day_is_not_warned_of_yesterday(under_the_sky: Path) -> None:
    assert run_job(Settings.load(), date(2020, 1, 2)).warnings == ()


def test_an_answer_that_lacks_a_group_of_ids_is_a_warning_and_not_a_failure(under_the_sky: Path, sky: Sandbox) -> None:
    try:
        sky.set_fault("groups=54")
        result = run_job(Settings.load(), TICK)
    finally:
        sky.set_fault(None)
    assert result.success
    assert any("the source left something out" in warning for warning in result.warnings)


def test_years_of_history_are_one_run_with_the_fewest_requests(under_the_sky: Path, sky: Sandbox) -> None:
    before = sky.requests
    with dg.DagsterInstance.ephemeral() as ephemeral:
        result = defs.resolve_job_def("history_job").execute_in_process(
            instance=ephemeral,
            tags={"dagster/asset_partition_range_start": "1999", "dagster/asset_partition_range_end": "2000"},
        )
    assert result.success
    assert sky.requests - before == 92  # 731 days
    [(days, first, last)] = stored(
        under_the_sky, "SELECT count(*), min(day), max(day) FROM days WHERE observations > 0"
    )
    assert (days, first, last) == (731, date(1999, 1, 1), date(2000, 12, 31))
    [partitions] = [{event.partition for event in result.get_asset_materialization_events()}]
    assert partitions == {"1999", "2000"}


def test_history_that_breaks_off_says_that_it_goes_on(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with HTTPServer() as server, dg.DagsterInstance.ephemeral() as ephemeral:
        monkeypatch.setenv("FLYBY_NEOWS_URL", server.url_for("").rstrip("/"))
        wrong_key(server)
        result = defs.resolve_job_def("history_job").execute_in_process(
            instance=ephemeral, partition_key="2000", raise_on_error=False
        )
    [failure] = [event for event in result.all_events if event.is_step_failure]
    assert failure.step_failure_data.user_failure_data is not None
    assert "the same command goes on from there" in str(failure.step_failure_data.user_failure_data.description)


UNFINISHED = (dg.DagsterRunStatus.QUEUED, dg.DagsterRunStatus.NOT_STARTED, dg.DagsterRunStatus.STARTED)


def listed(url: str, start: str, end: str) -> set[tuple[str, date]]:
    """Designation and day of all that the server lists."""
    found = objects(url, start, end)
    return {
        (designation(neo["name"]), date.fromisoformat(neo["close_approach_data"][0]["close_approach_date"]))
        for neo in found
    }


def objects(url: str, start: str, end: str) -> list[dict[str, Any]]:
    request = Request(f"{url}/feed?start_date={start}&end_date={end}", headers={"X-Api-Key": "somebody-else"})
    with urlopen(request, timeout=30) as response:
        return [neo for day in json.load(response)["near_earth_objects"].values() for neo in day]


def designation(name: str) -> str:
    return name.rpartition("(")[2].rstrip(")") if name.endswith(")") else name


def fields(neo: dict[str, Any]) -> tuple[Any, ...]:
    """What flyby is to store of one element of an answer of the real sky."""
    [approach] = neo["close_approach_data"]
    miss = approach["miss_distance"]
    size = neo.get("estimated_diameter", {}).get("meters", {})
    return (
        neo["id"],
        neo["name"],
        approach["close_approach_date"],
        approach["epoch_date_close_approach"] if approach["close_approach_date_full"] else None,
        approach["orbiting_body"],
        float(miss["astronomical"]),
        float(miss["lunar"]),
        float(miss["kilometers"]),
        float(approach["relative_velocity"]["kilometers_per_second"]),
        neo.get("absolute_magnitude_h"),
        size.get("estimated_diameter_min"),
        size.get("estimated_diameter_max"),
        neo["is_potentially_hazardous_asteroid"],
        neo["is_sentry_object"],
    )


def values(metadata: Mapping[str, dg.MetadataValue[Any]]) -> dict[str, Any]:
    return {name: value.value for name, value in metadata.items()}


def stored(home: Path, query: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(home / "flyby.duckdb", read_only=True) as connection:
        return connection.execute(query).fetchall()


def assert_keyless(home: Path) -> None:
    files = [path for path in home.rglob("*") if path.is_file()]
    assert files
    assert [path for path in files if KEY.encode() in path.read_bytes()] == []


@contextmanager
def real_sky(shared: Path, asked: Path) -> Iterator[str]:
    """The recorded sky of December 2020 on a free port; `asked` gets a line per request."""
    pytest.importorskip("orjson", reason="the recorded sky is served with orjson")
    port = free_port()
    server = shared / "realsky" / "neows_server.py"
    with subprocess.Popen([sys.executable, str(server), "--port", str(port), "--count-file", str(asked)]) as process:
        try:
            wait_until(lambda: answers(port))
            yield f"http://127.0.0.1:{port}/neo/rest/v1"
        finally:
            process.terminate()


@contextmanager
def up(home: Path) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    port = free_port()
    program = (
        "from flyby.instance.instance import up; from flyby.settings import Settings\n"
        f"up(Settings.load(), port={port}, on_ready=lambda url: print(url, flush=True))"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline().strip() == f"http://127.0.0.1:{port}"
            yield f"http://127.0.0.1:{port}", process
        finally:
            if process.poll() is None:
                process.terminate()


def dagster_graphql_client(url: str) -> Any:
    from dagster_graphql import DagsterGraphQLClient

    return DagsterGraphQLClient(url.removeprefix("http://"))


def schedule_statuses(url: str) -> dict[str, str]:
    query = """{
        schedulesOrError(repositorySelector: {
            repositoryLocationName: "flyby.definitions", repositoryName: "__repository__"
        }) { ... on Schedules { results { name scheduleState { status } } } }
    }"""
    request = Request(f"{url}/graphql", json.dumps({"query": query}).encode(), {"Content-Type": "application/json"})
    with urlopen(request, timeout=30) as response:
        schedules = json.load(response)["data"]["schedulesOrError"]["results"]
    return {schedule["name"]: schedule["scheduleState"]["status"] for schedule in schedules}


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def wait_until(true: Callable[[], bool], within_s: float = 90) -> None:
    until = time.monotonic() + within_s
    while not true():
        assert time.monotonic() < until
        time.sleep(0.1)
