"""What deploy/ promises of a cluster, on real servers and real processes: one machine's record, whatever is lost."""

import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import dagster as dg
import pytest

from conftest import environment
from scale.conftest import Place
from scale.gate import Gate
from scale.machines import DEPLOY, Machines, children, kill
from scale.servers import Postgres, Redis, wait_until

SUCCESS, FAILURE = dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE
#: Where it is nothing to the record what happens.
in_the_lake_alone = pytest.mark.parametrize("place", ["lake"], indirect=True)
MORNING = {"ops": {"asteroids": {"config": {"date": "2026-11-23"}}}}
Workers = list["subprocess.Popen[bytes]"]
Alone = Callable[..., Place]


def years(first: int, last: int) -> tuple[str, dict[str, object], dict[str, str]]:
    tags = {"dagster/asset_partition_range_start": str(first), "dagster/asset_partition_range_end": str(last)}
    return "history_job", {}, tags


def test_a_morning_launched_on_the_web_page_runs_on_a_worker(
    machines: Machines, dagster: dg.DagsterInstance, workers: Workers, place: Place, alone: Alone
) -> None:
    run = machines.ended(dagster, machines.launch("asteroid_job", MORNING))
    assert run.status == SUCCESS
    assert place.record() == alone(("asteroid_job", MORNING, {})).record()
    assert len(list(dagster.all_logs(run.run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION))) == 5


def test_two_workers_read_two_years_at_once_and_a_morning_goes_on_after_them(
    machines: Machines, dagster: dg.DagsterInstance, workers: Workers, place: Place, gate: Gate, alone: Alone
) -> None:
    gate.shut()
    runs = [machines.launch_years(1999, 1999), machines.launch_years(2000, 2000)]
    gate.wait_for("start_date=1999", "start_date=2000")
    runs.append(machines.launch("asteroid_job", MORNING))
    gate.open()
    assert {machines.ended(dagster, run).status for run in runs} == {SUCCESS}
    assert place.record() == alone(years(1999, 1999), years(2000, 2000), ("asteroid_job", MORNING, {})).record()


def test_a_run_whose_process_is_killed_fails_and_is_run_again(
    machines: Machines, dagster: dg.DagsterInstance, workers: Workers, place: Place, gate: Gate, alone: Alone
) -> None:
    gate.shut()
    run = machines.launch_years(1999, 1999)
    gate.wait_for("start_date=1999")
    os.kill(at_work(dagster, run), signal.SIGKILL)
    assert machines.ended(dagster, run, within_s=60).status == FAILURE
    gate.open()
    assert machines.ended(dagster, machines.rerun_of(dagster, run)).status == SUCCESS
    assert place.record() == alone(years(1999, 1999)).record()


@in_the_lake_alone
def test_a_run_whose_machine_is_gone_is_run_again_on_another(
    machines: Machines, dagster: dg.DagsterInstance, workers: Workers, place: Place, gate: Gate, alone: Alone
) -> None:
    gate.shut()
    run = machines.launch_years(1999, 1999)
    gate.wait_for("start_date=1999")
    process = at_work(dagster, run)
    [machine] = [worker for worker in workers if process in descendants(worker.pid)]
    kill(machine)
    assert machines.ended(dagster, run).status == FAILURE
    gate.open()
    assert machines.ended(dagster, machines.rerun_of(dagster, run)).status == SUCCESS
    assert place.record() == alone(years(1999, 1999)).record()


def test_with_redis_lost_no_run_is(
    machines: Machines,
    dagster: dg.DagsterInstance,
    workers: Workers,
    place: Place,
    redis: Redis,
    gate: Gate,
    alone: Alone,
) -> None:
    gate.shut()
    under_way = machines.launch_years(1999, 1999)
    gate.wait_for("start_date=1999")
    redis.stop(signal.SIGKILL)
    redis.forget()
    waiting = [machines.launch_years(year, year) for year in (2000, 2001)]
    wait_until(
        lambda: dagster.get_runs_count(dg.RunsFilter(run_ids=waiting, statuses=[dg.DagsterRunStatus.STARTING])) > 0
    )
    redis.start()
    gate.open()
    assert {machines.ended(dagster, run).status for run in [under_way, *waiting]} == {SUCCESS}
    assert place.record() == alone(*(years(year, year) for year in (1999, 2000, 2001))).record()


def test_after_postgres_broke_down_under_a_run_the_next_succeeds(
    machines: Machines,
    dagster: dg.DagsterInstance,
    workers: Workers,
    place: Place,
    postgres: Postgres,
    gate: Gate,
    alone: Alone,
) -> None:
    gate.shut()
    under_way = machines.launch_years(1999, 1999)
    gate.wait_for("start_date=1999")
    postgres.stop(signal.SIGQUIT)
    postgres.start()
    gate.open()
    after = machines.launch_years(2000, 2000)
    assert machines.ended(dagster, after).status == SUCCESS
    if machines.ended(dagster, under_way).status == FAILURE:
        assert machines.ended(dagster, machines.launch_years(1999, 1999)).status == SUCCESS
    assert place.record() == alone(years(1999, 1999), years(2000, 2000)).record()


@in_the_lake_alone
def test_a_run_that_is_cancelled_on_the_web_page_ends_and_its_worker_takes_the_next(
    machines: Machines, dagster: dg.DagsterInstance, workers: Workers, place: Place, gate: Gate
) -> None:
    gate.shut()
    run = machines.launch_years(1960, 1999)
    gate.wait_for("start_date=1960")
    machines.client.terminate_run(run)
    gate.open()  # what was asked is waited for
    assert machines.ended(dagster, run).status == dg.DagsterRunStatus.CANCELED
    assert not any("longer than" in str(event) for event in dagster.all_logs(run))  # it ended by itself
    runs = [machines.launch_years(year, year) for year in (1999, 2000)]
    assert {machines.ended(dagster, run).status for run in runs} == {SUCCESS}


def test_a_backup_that_was_made_while_a_run_went_on_becomes_the_same_record(
    machines: Machines, dagster: dg.DagsterInstance, workers: Workers, place: Place, gate: Gate, tmp_path: Path
) -> None:
    ended = machines.ended(dagster, machines.launch("asteroid_job", MORNING))
    assert ended.status == SUCCESS
    before = place.record()
    gate.shut()
    machines.launch_years(1999, 1999)
    gate.wait_for("start_date=1999")
    backup = script("backup.sh", str(tmp_path / "backups"), **{**place.settings, **machines.postgres}).strip()
    gate.open()
    for worker in workers:
        kill(worker)
    place.home.rename(tmp_path / "lost")
    place.home.mkdir()
    with Postgres() as another, another.database("dagster") as name, another.connect() as connection:
        connection.execute((DEPLOY / "postgres-init.sql").read_bytes())
        found = Place(place.home, {**place.settings, **another.environment(name)})
        script("restore.sh", backup, **found.settings)
        if "FLYBY_WAREHOUSE" not in found.settings:
            found.flyby("rebuild")
        assert found.record() == before
        with another.connect(name) as dagsters:
            told = dagsters.execute("SELECT status FROM runs WHERE run_id = %s", [ended.run_id])
            assert told.fetchall() == [("SUCCESS",)]
        with pytest.raises(AssertionError, match="restore into an empty one"):
            script("restore.sh", backup, **found.settings)


@in_the_lake_alone
def test_every_health_check_tells_life_from_death(
    machines: Machines, workers: Workers, place: Place, redis: Redis
) -> None:
    of_one = {"celery@$": "0@$"}
    wait_until(lambda: machines.check("worker", of_one) == 0, what="a worker's health")
    assert [machines.check(name) for name in ("code", "webserver", "daemon", "postgres")] == [0, 0, 0, 0]
    redis_here = {"redis-cli": f"redis-cli -p {redis.port}", "/run/secrets": str(machines.folder / "secrets")}
    assert machines.check("redis", redis_here) == 0
    kill(workers[0])
    assert machines.check("worker", of_one) != 0
    assert machines.check("redis", {**redis_here, "redis-cli": "redis-cli -p 1"}) != 0
    nobody_there = {"3000": "1", "4000": "1"}
    assert machines.check("code", nobody_there) != 0
    assert machines.check("webserver", nobody_there) != 0


def test_dagster_finds_the_definitions_where_the_workspace_says(machines: Machines) -> None:
    command = ["dagster", "definitions", "validate", "--workspace", "/srv/dagster/workspace.yaml"]
    with machines.started("validate", command) as validated:
        assert validated.wait(120) == 0


def script(name: str, *words: str, **settings: str) -> str:
    done = subprocess.run(
        ["sh", str(DEPLOY / name), *words],
        env={**environment(), **settings},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def at_work(dagster: dg.DagsterInstance, run_id: str) -> int:
    """The process of a run."""
    [pid] = {
        int(str(event.dagster_event.engine_event_data.metadata["pid"].value))
        for event in dagster.all_logs(run_id, of_type=dg.DagsterEventType.ENGINE_EVENT)
        if event.dagster_event and "pid" in event.dagster_event.engine_event_data.metadata
    }
    return pid


def descendants(pid: int) -> set[int]:
    return {pid}.union(*(descendants(child) for child in children(pid)))
