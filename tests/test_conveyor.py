"""A process of its own takes in what was landed while more is read; whatever happens to either, nothing is lost."""

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from answers import Home, as_it_should_be, body, moment, row, window
from commands import assert_one_line, environment, hearing_ctrl_c, window_feed, windows_asked
from faults import OVER_RATE_LIMIT, FaultServer, answer
from flyby.days import windows
from flyby.errors import HomeError
from flyby.jobs.backfill import Interrupted, Progress, backfill
from flyby.jobs.conveyor import Conveyor
from flyby.record import Loaded
from flyby.settings import Settings

WEEK, NEXT_WEEK = window("2019-02-08", "2019-02-15"), window("2019-02-16", "2019-02-23")
AB, CD = row("2019 AB", "3840001", "2019-02-10"), row("2019 CD", "3840002", "2019-02-18")
FIRST, SECOND = moment("2019-02-16"), moment("2019-02-17")
RANGE = list(windows(window("2019-01-01").start, window("2019-04-06").start))


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


@pytest.fixture
def server() -> Iterator[FaultServer]:
    with FaultServer() as server:
        server.play(window_feed)
        yield server


@pytest.fixture
def settings(tmp_path: Path, server: FaultServer) -> Settings:
    return Settings.load(environment(tmp_path / "home", server.url))


@pytest.fixture(autouse=True)
def _small_sittings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flyby.jobs.backfill.BATCH_ANSWERS", 2)


def test_what_lies_in_raw_when_the_order_is_given_is_in_the_record_in_the_end(home: Home) -> None:
    home.land(FIRST, WEEK, body([AB]))
    with Conveyor(home.settings, by="a test") as conveyor:
        conveyor.take_in()
        home.land(SECOND, NEXT_WEEK, body([CD]))
        conveyor.take_in()
        conveyor.take_in()
        loaded = conveyor.finish()
    assert (loaded.answers, loaded.rows, loaded.changes) == (2, 2, {"new": 2})
    assert home.ask("SELECT designation FROM close_approaches ORDER BY ALL") == [("2019 AB",), ("2019 CD",)]
    as_it_should_be(home)


def test_what_it_meets_with_is_told_to_who_gave_the_order_and_it_goes_on(home: Home) -> None:
    home.land(FIRST, WEEK, body([AB]))
    home.settings.staging.write_text("a file where a folder should be")
    with Conveyor(home.settings, by="a test") as conveyor:
        conveyor.take_in()
        with pytest.raises(HomeError, match="cannot write staging/"):
            conveyor.finish()
        home.settings.staging.unlink()
        conveyor.take_in()
        assert conveyor.finish().answers == 1


class Killed(Conveyor):
    """One that is killed when it gets its second order."""

    orders = 0

    def take_in(self) -> Loaded:
        self.orders += 1
        if self.orders == 2:
            self._process.kill()
            self._process.wait()
        return super().take_in()


def test_a_backfill_whose_conveyor_is_killed_takes_in_by_itself_what_is_left(
    home: Home, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flyby.jobs.backfill.Conveyor", Killed)
    told: list[Progress] = []
    done = backfill(settings, RANGE[0].start, RANGE[-1].end, on_progress=told.append)
    assert (done.windows, done.of_windows) == (len(RANGE), len(RANGE))
    assert home.ask("SELECT count(*), sum(rows) FROM requests") == [(len(RANGE), len(RANGE))]
    as_it_should_be(home)


def test_a_backfill_whose_conveyor_does_not_start_takes_in_everything_by_itself(
    home: Home, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.executable", "/bin/false")
    done = backfill(settings, RANGE[0].start, RANGE[-1].end, on_progress=lambda _: None)
    assert done.loaded.answers == done.windows == len(RANGE)
    as_it_should_be(home)


def test_a_backfill_of_many_sittings_takes_in_each_window_once_and_says_how_many_rows(
    home: Home, settings: Settings, server: FaultServer
) -> None:
    told: list[Progress] = []
    done = backfill(settings, RANGE[0].start, RANGE[-1].end, on_progress=told.append)
    assert sorted(windows_asked(server)) == [str(each.start) for each in RANGE]
    assert done.loaded.answers == done.loaded.rows == done.windows == len(RANGE)
    assert [progress.windows for progress in told] == [*range(len(RANGE) + 1), len(RANGE)]
    assert home.ask("SELECT count(DISTINCT requested_at), count(*) FROM requests") == [(len(RANGE) / 2, len(RANGE))]
    as_it_should_be(home)


def test_a_disk_error_in_the_conveyor_ends_the_backfill_and_the_same_again_goes_on(
    home: Home, settings: Settings
) -> None:
    def blocked(progress: Progress) -> None:
        if progress.windows == 1:
            home.settings.staging.write_text("a file where a folder should be")

    with pytest.raises(HomeError, match="cannot write staging/"):
        backfill(settings, RANGE[0].start, RANGE[-1].end, on_progress=blocked)
    home.settings.staging.unlink()
    backfill(settings, RANGE[0].start, RANGE[-1].end, on_progress=lambda _: None)
    assert home.ask("SELECT count(*) FROM requests") == [(len(RANGE),)]
    as_it_should_be(home)


def test_a_ctrl_c_for_the_whole_group_of_processes_loses_no_window_that_was_answered(
    home: Home, settings: Settings, tmp_path: Path, server: FaultServer
) -> None:
    code = (
        "import flyby.jobs.backfill, sys; flyby.jobs.backfill.BATCH_ANSWERS = 2; "
        "from flyby.cli import main; main(sys.argv[1:])"
    )
    words = ("backfill", str(RANGE[0].start), str(RANGE[-1].end))
    with subprocess.Popen(
        [sys.executable, "-c", code, *words],
        env=environment(home.settings.home, server.url),
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=hearing_ctrl_c,
        process_group=0,
    ) as process:

        def interrupt(*arguments: object) -> bool:
            os.killpg(process.pid, signal.SIGINT)
            return window_feed(*arguments)  # type: ignore[arg-type]

        server.play(*[window_feed] * 6, interrupt, window_feed)
        _, said = process.communicate(timeout=60)
    assert_one_line(said, contains="interrupted")
    assert process.returncode == 1
    answered = len(windows_asked(server))
    assert home.ask("SELECT count(*) FROM requests") == [(answered,)]
    server.play(window_feed)
    done = backfill(settings, RANGE[0].start, RANGE[-1].end, on_progress=lambda _: None)
    assert done.windows == len(RANGE) - answered
    as_it_should_be(home)


def test_it_ends_by_itself_when_the_process_that_reads_is_killed(home: Home) -> None:
    spawn = multiprocessing.get_context("spawn")
    here, there = spawn.Pipe()
    reader = spawn.Process(target=told_its_number, args=(home.settings, there))
    reader.start()
    number = here.recv()
    reader.kill()
    reader.join()
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            os.kill(number, 0)
            if Path(f"/proc/{number}/stat").read_text().split()[2] == "Z":
                return  # only nobody has asked yet how it ended
        except OSError:
            return
        time.sleep(0.02)
    pytest.fail("it is still there")


def told_its_number(settings: Settings, line: Connection) -> None:
    with Conveyor(settings, by="a test") as conveyor:
        line.send(conveyor._process.pid)
        time.sleep(60)


def test_a_quota_that_is_used_up_in_a_later_sitting_loses_nothing(
    home: Home, settings: Settings, server: FaultServer
) -> None:
    server.play(*[window_feed] * 5, answer(OVER_RATE_LIMIT, 429, Retry_After=2870))
    with pytest.raises(Interrupted, match=f"5 of {len(RANGE)} windows are held"):
        backfill(settings, RANGE[0].start, RANGE[-1].end, on_progress=lambda _: None)
    assert home.ask("SELECT count(*) FROM requests WHERE verdict = 'ok'") == [(5,)]
    as_it_should_be(home)
