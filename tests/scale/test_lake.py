"""A lake of several machines: at once, killed, without Postgres in mid-work, and never a row lost or doubled."""

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, suppress
from dataclasses import replace
from datetime import timedelta
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any
from unittest import mock

import dagster as dg
import duckdb
import psycopg
import pytest
from pytest_httpserver import HTTPServer

from answers import Home, Row, body, moment, row, window
from catalogue import DECLARED, Catalogue
from catalogue import row as sighting
from conftest import environment
from flyby.address import Lake
from flyby.days import DAY, Window
from flyby.errors import BusyError, FlybyError, HomeError, QuotaError, SettingsError, UsageError
from flyby.fetch.fetch import asking, read
from flyby.fetch.raw import landed
from flyby.jobs import migrate as migration
from flyby.jobs.daily import gather
from flyby.query.database import ask, opened
from flyby.record import Record
from flyby.record.load import keep_up, rebuild, stage_landed, take_in
from flyby.record.staging import opened as staged
from flyby.record.staging import typed
from flyby.sandbox import Sandbox
from flyby.settings import Settings
from flyby.sources.answer import Answer, Quota
from flyby.store import lake as lakes
from flyby.store.allowance import SharedAllowance
from scale.servers import Postgres, wait_until

ROOT = Path(__file__).parents[2]
SPAWN = multiprocessing.get_context("spawn")
WEEK, NEXT_WEEK = window("2019-02-08", "2019-02-15"), window("2019-02-16", "2019-02-23")
FIRST, SECOND, THIRD = moment("2019-02-16"), moment("2019-02-17"), moment("2019-02-18")
AB, CD, EF = (row(f"2019 {name}", f"384000{n}", f"2019-02-1{n}") for n, name in enumerate(("AB", "CD", "EF")))


class LakeHome(Home):
    """A FLYBY_HOME whose record is in a lake."""

    def __init__(self, folder: Path, warehouse: str) -> None:
        super().__init__(folder)
        self.settings = Settings.load({"FLYBY_HOME": str(folder), "FLYBY_WAREHOUSE": warehouse})

    @property
    def lake(self) -> Lake:
        assert self.settings.lake is not None
        return self.settings.lake


def address(postgres: Postgres, database: str) -> str:
    return psycopg.conninfo.make_conninfo(
        host="127.0.0.1", port=postgres.port, user=postgres.user, password=postgres.password, dbname=database
    )


@pytest.fixture
def home(postgres: Postgres, tmp_path: Path) -> Iterator[LakeHome]:
    with postgres.database("lake") as name:
        yield LakeHome(tmp_path / "home", f"ducklake:postgres:{address(postgres, name)}")


@pytest.fixture
def file(home: LakeHome) -> Home:
    """The file of the same FLYBY_HOME: what one machine makes of the same answers."""
    return Home(home.settings.home)


def start(work: Callable[..., None], *arguments: Any) -> BaseProcess:
    process = SPAWN.Process(target=work, args=arguments)
    process.start()
    return process


# The tests of the record


def test_every_test_of_the_record_holds_in_lakes_too(postgres: Postgres) -> None:
    files = ["test_record.py", "test_record_properties.py", "test_two_sources.py", "test_intake.py", "test_late.py"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *(f"tests/{file}" for file in files)],
        env={**environment(), "FLYBY_TEST_LAKE": address(postgres, "postgres")},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=1500,
    )
    assert done.returncode == 0, done.stdout[-5000:]


# Several records


def test_a_lake_holds_the_records_of_other_apis_beside_the_asteroids(home: LakeHome, httpserver: HTTPServer) -> None:
    home.sitting("2019-02-16", (WEEK, [AB, CD]))
    asteroids = home.everything()
    catalogue = Catalogue(httpserver, [sighting(f"us{n}", f"2025-05-05T{n:02}:00:00Z") for n in range(3)])

    def morning(at: str, **more: Any) -> list[Any]:
        place = {"warehouse": f"ducklake:postgres:{home.lake.catalog}", "warehouse_data": home.lake.data}
        settings = catalogue.component(home.settings.home / "sightings", at, **place, **more).settings()
        gather(settings, settings.now().date())
        take_in(settings)
        return ask(home.lake, "SELECT count(*), count(DISTINCT thing_id) FROM sightings_revisions")[1]

    assert morning("2025-05-06T06:00Z") == [(3, 3)]
    catalogue.rows[0]["size"] = 9
    assert morning("2025-05-07T06:00Z") == [(4, 3)]
    columns = DECLARED["columns"] | {"second": {"path": "where.1"}}
    assert morning("2025-05-08T06:00Z", columns=columns) == [(4, 3)]
    assert ask(home.lake, "SELECT DISTINCT second FROM sightings")[1] == [("there",)]
    then = "sightings_as_of(TIMESTAMPTZ '2025-05-06 07:00:00+00')"
    assert ask(home.lake, f"SELECT size_m FROM {then} WHERE id = 'us0'")[1] == [(1.5,)]
    assert home.everything() == asteroids


# Several at once


def test_of_400_transactions_of_four_processes_none_is_lost_and_none_is_there_twice(home: LakeHome, file: Home) -> None:
    processes = [start(load_days, home.settings.home, home.settings.lake, n, 100) for n in range(4)]
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * 4
    told = home.everything()
    assert len(told["requests"]) == len(told["revisions"]) == 400
    file.rebuild()
    assert told == file.everything()
    assert home.ask("SELECT count(*) FROM flyby.snapshots() WHERE author = 'flyby'") == [(400,)]


def load_days(folder: Path, lake: Lake, n: int, count: int) -> None:
    """One transaction after another, each with an answer for days that nobody else has; now and then an upkeep."""
    home = Home(folder)
    with lakes.turn(lake, patience_s=300):
        record = Record(lake)
    with record:
        for k in range(n * count, (n + 1) * count):
            start = moment("2000-01-01") + k * 20 * DAY
            days = Window(start.date(), start.date())
            answer = home.land(FIRST + timedelta(seconds=k), days, body([a_row(days, k)]))
            with lakes.turn(lake, patience_s=300):
                record.load(typed([answer]), by=f"process {n}")
                if k % 20 == 0:  # also between the others' transactions
                    lakes.upkeep(lake)


def a_row(days: Window, n: int) -> Row:
    return row(f"2019 A{n}", str(3_000_000 + n), str(days.start))


def test_of_two_who_write_at_once_without_a_turn_one_is_told_so_and_nothing_is_there_twice(home: LakeHome) -> None:
    home.land(FIRST, WEEK, body([AB]))
    batches = stage_landed(home.settings)
    with (
        Record(home.lake) as one,
        Record(home.lake) as other,
        mock.patch.object(lakes, "sign", writing_meanwhile(one, batches)),
        pytest.raises(BusyError, match="run the same again"),
    ):
        other.load(map(staged, batches))
    assert home.ask("SELECT count(*), count(DISTINCT flyby_id) FROM revisions") == [(1, 1)]
    assert take_in(home.settings).answers == 0


def writing_meanwhile(record: Record, batches: list[Path]) -> Callable[..., None]:
    """What is called before a commit: first lets another commit."""
    sign = lakes.sign

    def meanwhile(connection: duckdb.DuckDBPyConnection, table: str, by: str) -> None:
        with mock.patch.object(lakes, "sign", sign):
            record.load(map(staged, batches))
        sign(connection, table, by)

    return meanwhile


def test_a_turn_is_waited_for_and_who_waits_too_long_is_told_so(home: LakeHome) -> None:
    with (
        lakes.turn(home.lake, patience_s=1),
        pytest.raises(BusyError, match=r"another flyby is at work in the lake lake at 127\.0\.0\.1: wait"),
        lakes.turn(home.lake, patience_s=0.2),
    ):
        raise AssertionError("it was not free")


def test_the_turn_of_a_killed_process_is_free_at_once(home: LakeHome) -> None:
    there, here = SPAWN.Pipe()
    process = start(hold_the_turn, home.lake, there)
    assert here.poll(60)
    process.kill()
    process.join()
    with lakes.turn(home.lake, patience_s=10):
        pass


def hold_the_turn(lake: Lake, pipe: Any) -> None:
    with lakes.turn(lake, patience_s=10):
        pipe.send("mine")
        time.sleep(600)


def test_two_machines_read_overlapping_years_while_a_morning_goes_on_and_one_is_killed(
    home: LakeHome, file: Home
) -> None:
    with Sandbox(now=moment("2019-06-02"), hourly_limit=1_000_000) as sky:
        settings = {
            "FLYBY_HOME": str(home.settings.home),
            "FLYBY_WAREHOUSE": f"ducklake:postgres:{home.lake.catalog}",
            "FLYBY_NEOWS_URL": sky.url,
            "FLYBY_NOW": "2019-06-02T06:00:00Z",
            "NASA_API_KEY": "a-key-of-the-tests",
        }
        one = flyby("backfill", "2015-01-01", "2017-12-31", **settings)
        settings["FLYBY_NOW"] = "2019-06-02T06:00:01Z"
        other = flyby("backfill", "2017-01-01", "2018-06-30", **settings)
        settings["FLYBY_NOW"] = "2019-06-02T06:00:02Z"
        morning = flyby("run", **settings)
        wait_until(lambda: len(landed(home.settings.raw)) > 20, what="the first answers")
        other.kill()
        assert one.wait(300) == 0
        assert morning.wait(300) == 0
        other.wait(60)
        settings["FLYBY_NOW"] = "2019-06-02T06:00:03Z"
        assert flyby("backfill", "2017-01-01", "2018-06-30", **settings).wait(300) == 0
        told = home.everything()
        file.rebuild()
        assert told == file.everything()
        [(days,)] = home.ask("SELECT count(*) FROM days WHERE day BETWEEN '2015-01-01' AND '2018-06-30'")
        assert days == 1277


def test_commits_carry_the_run_of_dagster_that_made_them(home: LakeHome) -> None:
    with Sandbox(now=FIRST) as sky:
        settings = {
            "FLYBY_HOME": str(home.settings.home),
            "FLYBY_WAREHOUSE": f"ducklake:postgres:{home.lake.catalog}",
            "FLYBY_NEOWS_URL": sky.url,
            "FLYBY_NOW": FIRST.isoformat(),
            "NASA_API_KEY": KEY,
        }
        assert flyby("run", **settings).wait(120) == 0
    with dg.DagsterInstance.from_config(str(home.settings.dagster_home)) as dagster:
        [run] = dagster.get_runs()
    assert (f"asteroid_job {run.run_id}",) in home.ask("SELECT commit_message FROM flyby.snapshots()")


def flyby(*words: str, **settings: str) -> "subprocess.Popen[bytes]":
    return subprocess.Popen([sys.executable, "-m", "flyby", *words], env={**environment(), **settings})


# Crashes


def test_postgres_that_breaks_down_under_a_load_costs_nothing_but_the_run(
    home: LakeHome, file: Home, postgres: Postgres
) -> None:
    home.land(FIRST, WEEK, body([AB]))
    take_in(home.settings)
    for n, when in enumerate(("_readings", "_write")):  # before a load has begun, and when all but the commit is done
        home.land(SECOND + n * DAY, WEEK, body([AB, CD, EF][: 2 + n]))
        batches = stage_landed(home.settings)
        with mock.patch.object(Record, when, breaking_down(postgres, getattr(Record, when))):
            error = what_fails(home, batches)
        postgres.start()
        assert "the record could not be written" in error
        assert "another flyby" not in error
        take_in(home.settings)
    file.rebuild()
    assert home.everything() == file.everything()


def breaking_down(postgres: Postgres, work: Callable[..., Any]) -> Callable[..., Any]:
    def broken(*arguments: Any) -> Any:
        postgres.stop(signal.SIGQUIT)
        return work(*arguments)

    return broken


def what_fails(home: LakeHome, batches: list[Path]) -> str:
    with pytest.raises(HomeError) as failed, Record(home.lake) as record:
        record.load(map(staged, batches))
    return str(failed.value)


def test_a_reader_whose_postgres_breaks_down_is_told_so_and_lives(home: LakeHome, postgres: Postgres) -> None:
    take_in(home.settings)

    def ask_twice() -> None:
        with opened(home.lake) as connection:
            connection.execute("FROM days")
            postgres.stop(signal.SIGQUIT)
            connection.execute("FROM revisions")

    try:
        with pytest.raises(HomeError):
            ask_twice()
    finally:
        postgres.start()
    assert home.ask("FROM days") == []


def test_postgres_that_breaks_down_again_and_again_in_mid_commit_loses_and_doubles_nothing(
    home: LakeHome, file: Home, postgres: Postgres
) -> None:
    for n in range(6):
        home.land(FIRST + 2 * n * DAY, WEEK, body([AB, CD, EF][: 1 + n % 3]))
        home.land(FIRST + 2 * n * DAY, NEXT_WEEK, body([]))
        process = start(take_in_each, home.settings)
        time.sleep(0.4 + 0.25 * n)
        postgres.stop(signal.SIGQUIT)
        postgres.start()
        process.join(60)
        assert process.exitcode in (0, 1, -signal.SIGABRT), "DuckLake itself may give up: the same as being killed"
    take_in(home.settings)
    file.rebuild()
    assert home.everything() == file.everything()
    assert len(home.ask("FROM requests")) == 12


def take_in_each(settings: Settings) -> None:
    try:
        take_in(settings)
    except FlybyError:
        sys.exit(1)


def test_a_process_killed_in_mid_load_leaves_nothing_behind_that_the_next_does_not_heal(
    home: LakeHome, file: Home
) -> None:
    home.land(FIRST, WEEK, body([AB]))
    take_in(home.settings)
    home.land(SECOND, WEEK, body([AB, CD]))
    batches = stage_landed(home.settings)
    process = start(die_before_the_commit, home.lake, batches)
    process.join()
    assert process.exitcode == -9
    assert take_in(home.settings).changes == {"new": 1}
    file.rebuild()
    assert home.everything() == file.everything()


def die_before_the_commit(lake: Lake, batches: list[Path]) -> None:
    with Record(lake) as record, mock.patch.object(lakes, "sign", die):
        record.load(map(staged, batches))


def die(*_: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_rebuild_writes_only_what_differs(home: LakeHome) -> None:
    for at, listed in ((FIRST, [AB]), (SECOND, [AB, CD])):
        home.land(at, WEEK, body(listed))
        take_in(home.settings)
    home.land(THIRD, WEEK, body([AB, CD]))
    before = home.everything()
    rebuild(home.settings)
    [(changes,)] = home.ask("SELECT changes::VARCHAR FROM flyby.snapshots() ORDER BY snapshot_id DESC LIMIT 1")
    revisions = home.ask("SELECT table_id FROM ducklake_table_info('flyby') WHERE table_name = 'revisions'")[0][0]
    assert f"{revisions}" not in changes
    assert home.everything()["revisions"] == before["revisions"]
    assert len(home.ask("FROM requests")) == 3


def test_a_rebuild_heals_what_is_there_twice(home: LakeHome, file: Home) -> None:
    home.land(FIRST, WEEK, body([AB, CD]))
    take_in(home.settings)
    with Record(home.lake) as record:
        record.connection.execute(
            "INSERT INTO asteroids_record.revisions FROM asteroids_record.revisions WHERE entity = '2019 AB'"
        )
        record.connection.execute("DELETE FROM asteroids_record.days WHERE day = '2019-02-10'")
    rebuild(home.settings)
    file.rebuild()
    assert home.everything() == file.everything()


def test_a_rebuild_where_answers_of_the_lake_are_missing_is_refused_unless_it_is_told_to_do_without(
    home: LakeHome, tmp_path: Path
) -> None:
    home.land(FIRST, WEEK, body([AB]))
    take_in(home.settings)
    elsewhere = replace(home.settings, home=tmp_path / "not-shared")
    with pytest.raises(HomeError, match=r"1 answers would be lost .*Is FLYBY_HOME the folder that all machines share"):
        rebuild(elsewhere)
    assert len(home.ask("FROM requests")) == 1
    rebuild(elsewhere, without_lost=True)
    assert home.ask("FROM requests") == []


def test_a_folder_that_holds_something_else_is_no_place_for_a_lake(home: LakeHome) -> None:
    folder = home.settings.home / "lake" / "others"
    folder.mkdir(parents=True)
    (folder / "sales.parquet").write_bytes(b"")
    with pytest.raises(HomeError, match="holds files of something else: give FLYBY_WAREHOUSE_DATA a folder of its own"):
        take_in(home.settings)


# One allowance


def test_machines_that_share_a_key_use_all_of_its_allowance_and_never_more(home: LakeHome) -> None:
    with Sandbox(now=FIRST, hourly_limit=60) as sky:
        settings = replace(home.settings, neows_url=sky.url, api_key="a-key-of-the-tests", rehearsed_now=FIRST)
        processes = [start(ask_until_it_is_used_up, settings, n) for n in range(3)]
        for process in processes:
            process.join()
    assert [process.exitcode for process in processes] == [0] * 3
    told = [answer.http_status for answer in landed(home.settings.raw)]
    assert told == [200] * 60


def ask_until_it_is_used_up(settings: Settings, n: int) -> None:
    start = moment("1990-01-01").date() + n * 800 * DAY
    wanted = [Window(start + 8 * k * DAY, start + (8 * k + 7) * DAY) for k in range(80)]  # more than anybody may ask
    with pytest.raises(QuotaError, match="used up"), asking(settings, purpose="backfill") as client:
        list(read(client, wanted, at=settings.now() + timedelta(seconds=n)))


def test_what_a_killed_machine_had_under_way_comes_back(home: LakeHome) -> None:
    there, here = SPAWN.Pipe()
    process = start(ask_and_hang, home.lake, there)
    assert here.poll(60)
    process.kill()
    waiting = start(ask_once, home.lake)
    waiting.join(2)
    assert waiting.is_alive(), "nobody knows what is left: one at a time"
    with lakes.session(home.lake) as session:
        session.execute("UPDATE flyby.requests_under_way SET sent_at = sent_at - INTERVAL '90 seconds'")
    waiting.join(30)
    assert waiting.exitcode == 0


def test_what_was_sent_and_never_heard_of_again_is_taken_off(home: LakeHome) -> None:
    with closing(SharedAllowance(home.lake, KEY)) as allowance:
        with allowance() as answered:
            answered(an_answer(remaining=10))
        with allowance() as answered:
            with suppress(ConnectionError), allowance():
                raise ConnectionError  # sent, perhaps counted, never answered
            answered(an_answer(remaining=9))
        assert how_many_may_be_sent(allowance) == 8


def test_with_its_session_cut_a_machine_keeps_what_it_has_under_way(home: LakeHome) -> None:
    with closing(SharedAllowance(home.lake, KEY)) as one, closing(SharedAllowance(home.lake, KEY)) as other:
        with one() as answered:
            answered(an_answer(remaining=10))
        with ExitStack() as under_way:
            for _ in range(4):
                under_way.enter_context(one())
            with lakes.session(home.lake) as session:
                session.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
            assert how_many_may_be_sent(other) == 6


def how_many_may_be_sent(allowance: SharedAllowance) -> int:
    """Before an answer says more."""
    for count in range(100):
        [(request, _, _)] = allowance._ask("take", {"key": allowance._key})
        if request is None:
            return count
    raise AssertionError("without end")


def an_answer(remaining: int) -> Answer:
    return Answer("neows", WEEK, FIRST, 1, 200, b"", Quota(100, remaining))


KEY = "a-key-of-the-tests"


def ask_and_hang(lake: Lake, pipe: Any) -> None:
    with SharedAllowance(lake, KEY)():
        pipe.send("under way")
        time.sleep(600)


def ask_once(lake: Lake) -> None:
    with closing(SharedAllowance(lake, KEY)) as allowance, allowance():
        pass


def test_the_key_is_nowhere_in_the_lake(home: LakeHome, postgres: Postgres) -> None:
    ask_once(home.lake)
    with lakes.session(home.lake) as session:
        rows = session.execute("SELECT a::text FROM flyby.allowance AS a").fetchall()
    assert len(rows) == 1
    assert KEY not in str(rows)


# From the file to the lake and back


def test_the_record_goes_to_the_lake_and_back_row_by_row(home: LakeHome, file: Home, tmp_path: Path) -> None:
    for at, listed in ((FIRST, [AB, CD]), (SECOND, [CD]), (THIRD, [AB, EF])):
        file.land(at, WEEK, body(listed))
        take_in(file.settings)
    before = file.everything()
    rows = migration.to_lake(home.settings)
    assert home.everything() == before
    assert rows == {table: len(before[table]) for table in rows}
    assert set(rows) == {"sources", "revisions", "absences", "coverage", "days", "requests"}
    assert not file.settings.published.exists(), "nobody reads what is no longer kept"
    home.land(THIRD + DAY, WEEK, body([AB]))
    take_in(home.settings)
    with pytest.raises(HomeError, match="answers would be lost"):
        migration.to_lake(home.settings)
    migration.to_file(home.settings)
    assert file.everything() == home.everything()
    assert ask(file.settings.published, "SELECT count(*) FROM requests")[1] == [(4,)]


def test_a_migration_that_is_killed_is_done_by_the_same_command_again(home: LakeHome, file: Home) -> None:
    file.land(FIRST, WEEK, body([AB, CD]))
    take_in(file.settings)
    process = start(die_while_migrating, home.settings)
    process.join()
    assert process.exitcode == -9
    migration.to_lake(home.settings)
    assert home.everything() == file.everything()
    assert migration.to_lake(home.settings)["requests"] == 1


def die_while_migrating(settings: Settings) -> None:
    with mock.patch.object(lakes, "sign", die):
        migration.to_lake(settings)


def test_there_is_nothing_to_migrate_without_a_lake_or_without_a_record(home: LakeHome, file: Home) -> None:
    with pytest.raises(UsageError, match="FLYBY_WAREHOUSE names no lake"):
        migration.to_lake(replace(home.settings, lake=None))
    with pytest.raises(HomeError, match="there is no record in home/"):
        migration.to_lake(home.settings)


# Upkeep


def test_upkeep_makes_few_files_of_many_and_keeps_every_snapshot_that_was_promised(home: LakeHome) -> None:
    told: dict[int, set[tuple[Any, ...]]] = {}
    sky = [row(f"2018 J{n}", f"39{n:05}", f"2019-02-{8 + n % 8:02}") for n in range(40)]
    for n in range(6):
        home.land(FIRST + n * DAY, WEEK, body(sky[: 15 + 5 * n]))
        take_in(home.settings)
        [(snapshot,)] = home.ask("SELECT max(snapshot_id) FROM flyby.snapshots()")
        told[snapshot] = set(home.ask("SELECT flyby_id, seen_from FROM revisions"))
    now = home.everything()
    kept = keep_up(home.settings)
    assert kept.files_merged > 0
    assert kept.snapshots_expired == 0
    with lakes.turn(home.lake, patience_s=10):
        lakes.upkeep(home.lake, files_for=timedelta(0))
    for snapshot, rows in told.items():
        assert set(home.ask(f"SELECT flyby_id, seen_from FROM revisions AT (VERSION => {snapshot})")) == rows
    assert home.everything() == now
    with lakes.turn(home.lake, patience_s=10):
        expired = lakes.upkeep(home.lake, snapshots_for=timedelta(0), files_for=timedelta(0))
    assert expired.snapshots_expired > 6
    assert expired.files_removed > 0
    assert home.everything() == now


def test_a_reader_sees_one_state_while_others_write_and_tidy(home: LakeHome) -> None:
    home.land(FIRST, WEEK, body([AB]))
    take_in(home.settings)
    with opened(home.lake) as reader:
        assert reader.execute("SELECT count(*) FROM close_approaches").fetchall() == [(1,)]
        home.land(SECOND, WEEK, body([AB, CD]))
        take_in(home.settings)
        keep_up(home.settings)
        assert reader.execute("SELECT count(*) FROM close_approaches").fetchall() == [(1,)]
    assert home.ask("SELECT count(*) FROM close_approaches") == [(2,)]


# What is said


def test_no_password_is_in_a_message_or_a_table(home: LakeHome, postgres: Postgres) -> None:
    wrong = Lake(home.lake.catalog.replace(postgres.password, "another-secret"), home.lake.data)
    with pytest.raises(HomeError, match="password authentication failed") as failed, opened(wrong):
        pass
    assert "another-secret" not in str(failed.value)
    take_in(home.settings)
    for table in ("duckdb_databases()", "duckdb_secrets()", "duckdb_settings()"):
        assert postgres.password not in str(home.ask(f"FROM {table}"))
    assert postgres.password not in repr(home.settings)


def test_each_thing_that_is_wrong_is_said_in_one_line(home: LakeHome, postgres: Postgres) -> None:
    def said(**words: str) -> str:
        lake = Lake(psycopg.conninfo.make_conninfo(home.lake.catalog, **words), home.lake.data)
        with pytest.raises(FlybyError) as error, opened(lake):
            pass
        return str(error.value)

    assert "nothing is in it yet: `flyby run` makes it" in said()
    assert "cannot be reached: connection failed" in said(port="9")
    assert 'database "elsewhere" does not exist' in said(dbname="elsewhere")
    take_in(home.settings)
    moved = Settings.load(
        {
            "FLYBY_HOME": str(home.settings.home),
            "FLYBY_WAREHOUSE": f"ducklake:postgres:{home.lake.catalog}",
            "FLYBY_WAREHOUSE_DATA": "/elsewhere",
        }
    )
    home.land(FIRST, WEEK, body([AB]))
    with pytest.raises(HomeError, match="do not lie in /elsewhere/: set FLYBY_WAREHOUSE_DATA to where they are"):
        take_in(moved)
    with pytest.raises(SettingsError, match="FLYBY_WAREHOUSE names no lake"):
        Settings.load({"FLYBY_WAREHOUSE": "snowflake:x"})
    with pytest.raises(SettingsError, match="FLYBY_WAREHOUSE is no address of a Postgres"):
        str(Settings.load({"FLYBY_WAREHOUSE": "ducklake:postgres:what is this"}).lake)
    with pytest.raises(UsageError, match="a file tidies itself"):
        keep_up(replace(home.settings, lake=None))
