"""Killed at any instant, on a full or read-only disk, after a power cut, with a clock that lies: the next run heals."""

import inspect
import os
import re
import resource
import shutil
import signal
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any
from unittest import mock

import duckdb
import pytest

from answers import Everything, Home, as_it_should_be, body, moment, row, window
from faults import FaultServer, answer
from feeds import make_feed, make_object
from flyby.cli import main
from flyby.days import DAY
from flyby.errors import FlybyError, HomeError, SourceError
from flyby.instance.instance import instance, prune, up
from flyby.jobs import backfill as history
from flyby.jobs.daily import gather
from flyby.query.database import ask, ledger
from flyby.record import record as record_room
from flyby.record.load import held, load_staged, publish_record, rebuild, stage_landed, take_in
from flyby.record.staging import opened
from flyby.settings import Settings
from forks import in_a_child

WEEK, NEXT_WEEK = window("2019-02-08", "2019-02-15"), window("2019-02-16", "2019-02-23")
AB, CD, EF = (row(f"2019 {name}", f"384000{n}", f"2019-02-1{n}") for n, name in enumerate(("AB", "CD", "EF")))
FIRST, SECOND, THIRD = moment("2019-02-16"), moment("2019-02-17"), moment("2019-02-18")
#: What Python tells of before it does it: everything that changes a file system, and more.
DEEDS = {"open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.symlink", "os.utime", "os.truncate", "os.link"}

IS_LONG = os.environ.get("HYPOTHESIS_PROFILE") == "long"
#: At one in so many of them there is a kill.
EVERY = 1 if IS_LONG else 19


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


#: Makes a home that has taken in one morning, and landed the next.
TwoMornings = Callable[[Path], Home]


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = Home(tmp_path_factory.mktemp("prepared") / "home")
    home.land(FIRST, WEEK, body([AB, CD]))
    take_in(home.settings)
    home.land(SECOND, WEEK, body([AB, EF]))
    home.land(SECOND, NEXT_WEEK, body([]))
    return home.settings.home


@pytest.fixture
def two_mornings(prepared: Path) -> TwoMornings:
    def copied(folder: Path) -> Home:
        shutil.copytree(prepared, folder, symlinks=True, dirs_exist_ok=True)
        return Home(folder)

    return copied


@pytest.fixture(scope="session")
def raw_tells(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Everything:
    """What the raw/ of two mornings tells."""
    folder = tmp_path_factory.mktemp("told") / "home"
    shutil.copytree(prepared, folder, symlinks=True)
    return as_it_should_be(Home(folder))


def die_at(deed: int, work: Callable[[Settings], object], home: Path) -> None:
    """Do the work, and be killed just before its `deed`-th deed."""
    left = deed

    def count(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal left
        if event in DEEDS and str(home) in str(arguments[0]):
            left -= 1
            if left < 0:
                os.kill(os.getpid(), signal.SIGKILL)

    settings = Settings.load({"FLYBY_HOME": str(home)})
    sys.addaudithook(count)
    work(settings)


@pytest.mark.parametrize("work", [take_in, rebuild], ids=["take in", "rebuild"])
def test_killed_before_one_deed_or_another_the_next_run_heals(
    work: Callable[[Settings], object], tmp_path: Path, two_mornings: TwoMornings, raw_tells: Everything
) -> None:
    for deed in range(0, 400, EVERY):
        home = two_mornings(tmp_path / f"killed at {deed}")
        status = in_a_child(die_at, deed, work, home.settings.home)
        assert ask(home.settings.published, "SELECT count(*) > 0 FROM close_approaches")[1] == [(True,)]
        as_it_should_be(home, raw_tells)
        shutil.rmtree(home.settings.home)
        if status == 0:
            assert deed > 20
            return
        assert status == -signal.SIGKILL
    pytest.fail("it never came to its end")


@pytest.mark.whole
def test_killed_while_the_first_database_is_made_the_next_run_makes_it(tmp_path: Path) -> None:
    raw_tells = None
    for deed in range(1, 400, EVERY):
        home = Home(tmp_path / f"killed at {deed}")
        home.land(FIRST, WEEK, body([AB]))
        status = in_a_child(die_at, deed, take_in, home.settings.home)
        raw_tells = as_it_should_be(home, raw_tells)
        if status == 0:
            assert deed > 20
            return
    pytest.fail("it never came to its end")


@pytest.mark.parametrize("kept", [0, *(pytest.param(n, marks=pytest.mark.long) for n in (1, 100, 5000)), 13_000])
def test_a_record_that_is_not_whole_is_set_aside_and_made_again(
    tmp_path: Path, two_mornings: TwoMornings, raw_tells: Everything, kept: int
) -> None:
    home = two_mornings(tmp_path)
    with home.settings.record.open("r+b") as file:
        file.truncate(kept)
    assert take_in(home.settings).answers >= 0
    assert len(home.everything()["requests"]) == 3
    assert home.settings.record.with_name("damaged.duckdb").stat().st_size == kept
    as_it_should_be(home, raw_tells)


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("answers.parquet", "empty"),
        ("answers.parquet", "cut"),
        pytest.param("answers.parquet", "zeros", marks=pytest.mark.long),
        pytest.param("observations.parquet", "empty", marks=pytest.mark.long),
        ("observations.parquet", "cut"),
        ("observations.parquet", "zeros"),
    ],
)
def test_a_staged_file_that_a_power_cut_took_is_staged_again(
    tmp_path: Path, two_mornings: TwoMornings, raw_tells: Everything, name: str, damage: str
) -> None:
    home = two_mornings(tmp_path)
    stage_landed(home.settings)
    for staged in home.settings.staging.glob(f"*/{name}"):
        whole = staged.read_bytes()
        staged.write_bytes({"empty": b"", "cut": whole[: len(whole) // 2], "zeros": bytes(len(whole))}[damage])
    load_staged(home.settings)
    as_it_should_be(home, raw_tells)
    assert len(home.everything()["requests"]) == 3


def test_pages_of_a_staged_file_that_a_power_cut_took_are_staged_again(
    tmp_path: Path, two_mornings: TwoMornings
) -> None:
    home = two_mornings(tmp_path)
    stage_landed(home.settings)
    for staged in home.settings.staging.glob("*/observations.parquet"):
        whole = staged.read_bytes()
        staged.write_bytes(whole[:4] + bytes(300) + whole[304:])
    load_staged(home.settings)
    assert len(home.everything()["requests"]) == 3
    assert home.story("2019 EF") == ["new"]


def test_a_log_of_the_record_that_a_power_cut_took_is_taken_in_again(
    tmp_path: Path, two_mornings: TwoMornings, raw_tells: Everything
) -> None:
    for part in (0.0, 0.3, 0.9, 1.0) if IS_LONG else (0.0, 0.9):
        home = two_mornings(tmp_path / str(part))
        [*_, batch] = stage_landed(home.settings)
        assert in_a_child(die_before_the_checkpoint, home.settings.record, batch) == -signal.SIGKILL
        log = home.settings.record.with_name("record.duckdb.wal")
        whole = log.read_bytes()
        assert whole
        log.write_bytes(whole[: int(len(whole) * part)])
        as_it_should_be(home, raw_tells)
        assert len(home.everything()["requests"]) == 3


def die_before_the_checkpoint(record: Path, batch: Path) -> None:
    held = record_room.Record(record)
    held.load([opened(batch)])
    os.kill(os.getpid(), signal.SIGKILL)


def test_an_edition_that_a_power_cut_took_is_published_again(tmp_path: Path, two_mornings: TwoMornings) -> None:
    home = two_mornings(tmp_path)
    home.settings.published.resolve().unlink()
    assert ledger(home.settings.published, home.settings.dataset.schema) == []
    take_in(home.settings)
    assert ask(home.settings.published, "SELECT count(*) FROM requests")[1] == [(3,)]


@contextmanager
def disk(folder: Path, size_kb: int) -> Iterator[Callable[[int], int]]:
    """A disk of its own at `folder`, and what makes it larger."""
    folder.mkdir()
    if (
        os.geteuid()
        or subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size_kb}k", "tmpfs", str(folder)]).returncode
    ):
        pytest.skip("only root can make a disk")
    try:
        yield lambda more_kb: subprocess.check_call(["mount", "-o", f"remount,size={more_kb}k", str(folder)])
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def failure(work: Callable[[Settings], object], settings: Settings) -> FlybyError | None:
    try:
        work(settings)
    except FlybyError as error:
        return error
    return None


@pytest.mark.parametrize("work", [take_in, rebuild], ids=["take in", "rebuild"])
def test_a_full_disk_is_one_line_and_the_next_run_goes_on(
    work: Callable[[Settings], object], tmp_path: Path, two_mornings: TwoMornings, raw_tells: Everything
) -> None:
    before = two_mornings(tmp_path / "before").settings.home
    used_kb = sum(path.lstat().st_size for path in before.rglob("*")) // 1024 + 40
    with disk(tmp_path / "disk", used_kb) as grow:
        home = Home(tmp_path / "disk" / "home")
        shutil.copytree(before, home.settings.home, symlinks=True)
        failed = 0
        for more_kb in range(0, 12_000, 240 if IS_LONG else 600):
            grow(used_kb + more_kb)
            error = failure(work, home.settings)
            if error is None:
                break
            failed += 1
            assert len(str(error).splitlines()) == 1
            assert ask(home.settings.published, "SELECT count(*) >= 1 FROM requests")[1] == [(True,)]
        assert failed >= 2
        grow(200_000)
        as_it_should_be(home, raw_tells)
        assert len(home.everything()["requests"]) == 3


def test_a_disk_that_is_full_while_landing_is_one_line_and_leaves_nothing_half(tmp_path: Path) -> None:
    with disk(tmp_path / "disk", 64) as grow:
        home = Home(tmp_path / "disk" / "home")
        (tmp_path / "disk" / "ballast").write_bytes(bytes(56 * 1024))
        noise = "".join(map(chr, os.urandom(30_000))).encode()
        with pytest.raises(HomeError, match=r"full|space"):
            home.land(FIRST, WEEK, noise)
        assert not [path for path in home.settings.raw.rglob("*") if path.is_file()]
        grow(10_000)
        home.land(FIRST, WEEK, body([AB]))
        as_it_should_be(home)


def test_a_read_only_disk_is_one_line_and_people_can_still_read(tmp_path: Path) -> None:
    with disk(tmp_path / "disk", 50_000):
        home = Home(tmp_path / "disk" / "home")
        home.land(FIRST, WEEK, body([AB]))
        take_in(home.settings)
        home.land(SECOND, WEEK, body([AB, CD]))
        subprocess.run(["mount", "-o", "remount,ro", str(tmp_path / "disk")], check=True)
        for work in (stage_landed, load_staged, publish_record, rebuild, take_in):
            with pytest.raises(HomeError, match=r"(?i)read-only|permission"):
                work(home.settings)
        with pytest.raises(HomeError, match="read-only"):
            home.land(THIRD, WEEK, body([AB]))
        assert ask(home.settings.published, "SELECT count(*) FROM requests")[1] == [(1,)]
        subprocess.run(["mount", "-o", "remount,rw", str(tmp_path / "disk")], check=True)
        as_it_should_be(home)


def run(words: list[str]) -> int:
    """The exit status of a command."""
    try:
        main(words)
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else 1
    return 0


@pytest.mark.whole
@pytest.mark.parametrize("words", [["run", "2019-02-15"], ["backfill", "2019-02-08", "2019-02-23"], ["rebuild"]])
def test_every_command_says_of_a_disk_that_fills_up_what_to_do(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with FaultServer() as server, disk(tmp_path / "disk", 100) as grow:
        server.play(answer(b'{"element_count": 0, "near_earth_objects": {}}'))
        for name, value in {
            "FLYBY_HOME": str(tmp_path / "disk" / "home"),
            "FLYBY_NEOWS_URL": server.url,
            "NASA_API_KEY": "abcdefgh",
            "FLYBY_NOW": "2019-02-16T06:00:00Z",
        }.items():
            monkeypatch.setenv(name, value)
        monkeypatch.delenv("DAGSTER_HOME", raising=False)
        for size_kb in (100, 300, 600, 1000, 1400) if IS_LONG else (100, 600):
            grow(size_kb)
            status = run(words)
            said = capsys.readouterr().err
            if status == 0:
                break
            assert status == 1
            assert said.startswith("flyby: ")
            assert len(said.splitlines()) == 1
            assert "should not happen" not in said
        grow(100_000)
        assert run(words) == 0, capsys.readouterr().err


def test_a_limit_on_the_size_of_files_is_one_line_too(
    tmp_path: Path, two_mornings: TwoMornings, raw_tells: Everything
) -> None:
    home = two_mornings(tmp_path)
    assert in_a_child(take_in_with_small_files, home.settings.home) == 7
    as_it_should_be(home, raw_tells)


def take_in_with_small_files(home: Path) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
    try:
        take_in(Settings.load({"FLYBY_HOME": str(home)}))
    except FlybyError:
        sys.exit(7)


WRITER = """
import duckdb, sys
with duckdb.connect(sys.argv[1]) as connection:
    connection.execute("CREATE TABLE mine (n INTEGER); INSERT INTO mine VALUES (1); " + sys.argv[2])
    connection.execute("BEGIN; INSERT INTO mine VALUES (2)")
    print("ready", flush=True)
    sys.stdin.readline()
    before = connection.execute("SELECT count(*) FROM revisions").fetchall()
    connection.execute("COMMIT; CHECKPOINT; INSERT INTO mine VALUES (3)")
    print(connection.execute("FROM mine").fetchall(), before)
"""


@contextmanager
def writer(published: Path, more: str = "") -> Iterator[Callable[[], str]]:
    """Somebody who has the database open for writing, in a transaction; ends by telling what it sees."""
    command = [sys.executable, "-c", WRITER, str(published), more]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield lambda: process.communicate("\n")[0]


def test_who_has_the_published_database_open_for_writing_stops_no_run_and_loses_nothing(
    tmp_path: Path, two_mornings: TwoMornings
) -> None:
    home = two_mornings(tmp_path)
    with writer(home.settings.published) as end:
        with FaultServer() as server:
            server.play(answer(b'{"element_count": 0, "near_earth_objects": {}}'))
            for morning in (SECOND, THIRD):
                settings = at(home, morning, FLYBY_NEOWS_URL=server.url)
                gather(settings, morning.date())
                take_in(settings)
                history.backfill(settings, WEEK.start - 20 * DAY, WEEK.start, on_progress=lambda progress: None)
        assert end() == "[(1,), (2,), (3,)] [(2,)]\n"
    assert ask(home.settings.published, "SELECT count(*) >= 6 FROM requests")[1] == [(True,)]


def test_the_views_show_the_database_while_somebody_writes_in_it(tmp_path: Path, two_mornings: TwoMornings) -> None:
    home = two_mornings(tmp_path)
    with writer(home.settings.published) as end:
        assert ask(home.settings.published, "SELECT count(*) FROM revisions")[1] == [(2,)]
        end()


@pytest.mark.parametrize(
    "vandalism",
    [
        pytest.param("DROP VIEW days", marks=pytest.mark.long),
        "DELETE FROM asteroids_record.revisions",
        "DROP TABLE close_approaches",
    ],
)
def test_what_people_do_to_the_published_database_is_gone_after_the_next_run(
    tmp_path: Path, two_mornings: TwoMornings, vandalism: str
) -> None:
    home = two_mornings(tmp_path)
    take_in(home.settings)
    whole = home.everything()
    with duckdb.connect(home.settings.published) as connection:
        connection.execute(vandalism)
    with FaultServer() as server:
        server.play(answer(b'{"element_count": 0, "near_earth_objects": {}}'))
        gather(at(home, THIRD, FLYBY_NEOWS_URL=server.url), THIRD.date())
    take_in(home.settings)
    assert len(home.everything()["requests"]) > len(whole["requests"])
    assert ask(home.settings.published, "SELECT count(*) > 0 FROM days, close_approaches")[1] == [(True,)]


def at(home: Home, now: datetime, **environ: str) -> Settings:
    base = {"FLYBY_HOME": str(home.settings.home), "FLYBY_NOW": now.isoformat(), "NASA_API_KEY": "abcdefgh"}
    return Settings.load(base | environ)


@pytest.mark.parametrize(
    "off", [timedelta(hours=-25), pytest.param(-3653 * DAY, marks=pytest.mark.long), 3653 * DAY], ids=str
)
def test_answers_under_a_wrong_clock_neither_corrupt_the_record_nor_stop_the_next_run(
    tmp_path: Path, two_mornings: TwoMornings, off: timedelta
) -> None:
    home = two_mornings(tmp_path)
    take_in(home.settings)
    home.land(THIRD + off, WEEK, body([CD]))
    take_in(home.settings)
    home.land(THIRD + DAY, WEEK, body([AB, CD, EF]))
    take_in(home.settings)
    as_it_should_be(home)
    assert len(home.everything()["requests"]) == 5


@pytest.mark.parametrize("years", [-10, 10])
def test_a_clock_that_the_source_contradicts_is_refused_before_anything_is_filed(tmp_path: Path, years: int) -> None:
    then = format_datetime(datetime.now(UTC) + years * 365 * DAY, usegmt=True)
    home = Home(tmp_path)
    with FaultServer() as server:
        server.play(answer(b'{"element_count": 0, "near_earth_objects": {}}', Date=then))
        with pytest.raises(SourceError, match=r"3,6\d\d days (ahead|behind): set it"):
            gather(at(home, SECOND, FLYBY_NEOWS_URL=server.url), SECOND.date())
    assert not list(home.settings.raw.rglob("*.zst"))


@pytest.mark.parametrize("off", [timedelta(hours=-1), timedelta(hours=1)], ids=str)
def test_a_clock_that_is_an_hour_off_is_taken_as_it_is(tmp_path: Path, off: timedelta) -> None:
    home = Home(tmp_path)
    with FaultServer() as server:
        date = format_datetime(datetime.now(UTC) + off, usegmt=True)
        server.play(answer(b'{"element_count": 0, "near_earth_objects": {}}', Date=date))
        gather(at(home, SECOND, FLYBY_NEOWS_URL=server.url), SECOND.date())
    assert list(home.settings.raw.rglob("*.zst"))


def test_the_files_own_time_decides_nothing_when_publishing(tmp_path: Path, two_mornings: TwoMornings) -> None:
    home = two_mornings(tmp_path)
    year = 365 * 86400
    os.utime(home.settings.published, (FIRST.timestamp() + 99 * year,) * 2)  # published while the clock was ahead
    take_in(home.settings)
    assert ask(home.settings.published, "SELECT count(*) FROM requests")[1] == [(3,)]


def test_a_newer_flyby_upgrades_the_record_after_a_backup(
    tmp_path: Path, two_mornings: TwoMornings, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = two_mornings(tmp_path)
    old = home.everything()["requests"]
    version = record_room.SCHEMA_VERSION
    told = record_room._text
    newer = told("schema") + "\n;CREATE TABLE news (n INTEGER)"
    monkeypatch.setattr(record_room, "SCHEMA_VERSION", version + 1)
    monkeypatch.setattr(record_room, "_text", lambda name: newer if name == "schema" else told(name))
    monkeypatch.setattr("flyby.record.load._ready", {})  # as in the other flyby's own process
    take_in(home.settings)
    assert home.ask("SELECT flyby_schema_version()") == [(version + 1,)]
    assert home.ask("SELECT count(*) FROM news") == [(0,)]
    assert len(home.ask("FROM requests")) == 3
    assert ask(home.settings.published, "SELECT flyby_schema_version()")[1] == [(version + 1,)]
    with duckdb.connect(home.settings.record.with_name(f"schema-{version}.duckdb"), read_only=True) as backup:
        assert len(backup.execute("FROM requests").fetchall()) == len(old)
    monkeypatch.undo()
    monkeypatch.setattr("flyby.record.load._ready", {})
    works: tuple[Callable[[Settings], object], ...] = (stage_landed, load_staged)
    for work in works:
        with pytest.raises(
            HomeError, match=rf"newer flyby \(schema {version + 1}, this one knows {version}\): upgrade flyby"
        ):
            work(home.settings)
    with pytest.raises(HomeError, match="upgrade flyby"), held(home.settings):
        pass
    assert rebuild(home.settings).answers == 3, "the way back"
    assert home.ask("SELECT flyby_schema_version()") == [(version,)]


def test_an_upgrade_that_is_killed_is_done_by_the_next_run(
    tmp_path: Path, two_mornings: TwoMornings, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = two_mornings(tmp_path)
    with duckdb.connect(home.settings.record) as connection:
        connection.execute("CREATE OR REPLACE MACRO flyby_schema_version() AS 1")
    monkeypatch.setattr("flyby.record.load._ready", {})
    with mock.patch("flyby.record.load._rebuild", side_effect=KeyboardInterrupt), suppress(KeyboardInterrupt):
        take_in(home.settings)
    as_it_should_be(home)
    with duckdb.connect(home.settings.record.with_name("schema-1.duckdb"), read_only=True) as backup:
        assert backup.execute("SELECT count(*) FROM requests").fetchall() == [(1,)]


HOSTILE = "\"'); DROP TABLE revisions; --\n<script>alert(1)</script>\u202egnp.exe\0\x1b[31m[red]{{7*7}}$(touch x)`id`"


def test_a_hostile_name_is_text_everywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    home = Home(tmp_path)
    home.land(SECOND, WEEK, make_feed(make_object(f"{HOSTILE} (2019 AB)", "2019-02-15")))
    take_in(home.settings)
    name = f"{HOSTILE} (2019 AB)".replace("\0", "\ufffd")
    assert ask(home.settings.published, "SELECT name, designation FROM close_approaches")[1] == [(name, "2019 AB")]
    for name_, value in {"FLYBY_HOME": str(home.settings.home), "FLYBY_NOW": "2019-02-14T06:00:00Z"}.items():
        monkeypatch.setenv(name_, value)
    for words in (["upcoming"], ["changes", "--since", "2019-01-01"], ["sql", "SELECT name FROM close_approaches"]):
        assert run(words) == 0
        shown = capsys.readouterr().out
        assert not set(shown) & {"\x1b", "\0", "\u202e"}, words


def test_what_flyby_makes_is_its_owners_alone(tmp_path: Path) -> None:
    makes: tuple[Callable[[Settings], object], ...] = (
        take_in,
        lambda settings: Home(settings.home).land(FIRST, WEEK, body([])),
    )
    for n, make in enumerate(makes):
        settings = Settings.load({"FLYBY_HOME": str(tmp_path / str(n) / "home")})
        make(settings)
        assert stat.S_IMODE(settings.home.stat().st_mode) == 0o700
    settings = Settings.load({"FLYBY_HOME": str(tmp_path / "dagster")})
    with instance(settings):
        assert stat.S_IMODE(settings.home.stat().st_mode) == 0o700


def test_a_folder_that_was_there_keeps_its_mode(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    take_in(Settings.load({"FLYBY_HOME": str(tmp_path)}))
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o755


def test_dagster_forgets_old_runs_with_their_logs_and_nothing_else_goes(
    tmp_path: Path, two_mornings: TwoMornings, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dagster import job, op

    @op
    def nothing() -> None: ...

    @job
    def short() -> None:
        nothing()

    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    monkeypatch.setattr("flyby.instance.instance.KEPT_RUNS", 2)
    home = two_mornings(tmp_path)
    raw = sorted(home.settings.raw.rglob("*"))
    with instance(home.settings) as dagster:
        runs = [short.execute_in_process(instance=dagster).run_id for _ in range(4)]
        assert prune(home.settings, dagster) == 2
        assert set(dagster.get_run_ids()) == set(runs[2:])
        assert prune(home.settings, dagster) == 0
    files = {path.name for path in (home.settings.home / "dagster").rglob("*")}
    assert not [name for name in files for run_id in runs[:2] if run_id in name]
    assert sorted(home.settings.raw.rglob("*")) == raw


def test_someones_own_dagster_home_is_not_tidied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "theirs"))
    settings = Settings.load({"FLYBY_HOME": str(tmp_path / "home")})
    with instance(settings) as dagster, mock.patch.object(dagster, "get_run_ids", side_effect=AssertionError):
        assert prune(settings, dagster) == 0


def test_no_module_runs_a_shell_reads_a_pickle_or_builds_sql_from_data() -> None:
    source = Path(__file__).parents[1] / "src"
    code = {path: path.read_text("utf-8") for path in source.rglob("*.py")}
    for path, text in code.items():
        for word in (r"shell=True", r"os\.system", r"pickle", r"(?<![.\w])(eval|exec)\(", r"yaml\.load\("):
            assert not re.search(word, text), f"{path.name}: {word}"


def test_the_webserver_is_on_loopback_unless_somebody_says_otherwise() -> None:
    assert inspect.signature(up).parameters["host"].default == "127.0.0.1"


@pytest.mark.parametrize("page", ["docs/reliability.md", "SECURITY.md"])
def test_every_test_that_a_promise_names_is_there(page: str) -> None:
    root = Path(__file__).parents[1]
    promised = (root / page).read_text("utf-8")
    written = {path.name: path.read_text("utf-8") for path in (root / "tests").rglob("test_*.py")}
    files = set(re.findall(r"\btest_\w+\.py", promised))
    assert files <= set(written)
    for name in re.findall(r"\btest_\w+\b(?!\.py)", promised):
        assert any(f"def {name}(" in text for text in written.values()), name
    for part in re.findall(r"`…(\w+)…?`", promised):
        assert any(re.search(rf"def test_\w*{part}", text) for text in written.values()), part
