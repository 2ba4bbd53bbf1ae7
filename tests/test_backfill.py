"""History comes reading by reading, each landed and loaded before the next; whatever ends it, nothing is lost."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from answers import Home, as_it_should_be, window
from commands import assert_one_line, environment, hearing_ctrl_c, window_feed, windows_asked
from faults import OVER_RATE_LIMIT, FaultServer, answer
from flyby.days import windows
from flyby.errors import FlybyError
from flyby.jobs.backfill import Interrupted, Progress, backfill
from flyby.record.load import take_in
from flyby.settings import Settings

RANGE = list(windows(window("2019-01-01").start, window("2019-03-05").start))


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home").begun()


@pytest.fixture
def server() -> Iterator[FaultServer]:
    with FaultServer() as server:
        server.play(window_feed)
        yield server


@pytest.fixture
def settings(tmp_path: Path, server: FaultServer) -> Settings:
    return Settings.load(environment(tmp_path / "home", server.url))


@pytest.fixture(autouse=True)
def _small_readings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flyby.jobs.backfill.READING_WINDOWS", 2)


def test_a_backfill_of_many_readings_takes_in_each_window_once_and_says_how_many_rows(
    home: Home, settings: Settings, server: FaultServer
) -> None:
    told: list[Progress] = []
    done = backfill(settings, RANGE[0].start, RANGE[-1].end, on_progress=told.append)
    assert sorted(windows_asked(server)) == [str(each.start) for each in RANGE]
    assert done.loaded.answers == done.loaded.rows == done.windows == len(RANGE)
    assert [progress.windows for progress in told] == [*range(len(RANGE) + 1), len(RANGE)]
    assert home.ask("SELECT count(DISTINCT requested_at), count(*) FROM requests") == [(len(RANGE) / 2, len(RANGE))]
    as_it_should_be(home)


def test_a_disk_error_ends_the_backfill_and_the_same_again_goes_on(home: Home, settings: Settings) -> None:
    def blocked(progress: Progress) -> None:
        if progress.windows == 1:
            shutil.rmtree(home.settings.record.parent)
            home.settings.record.parent.write_text("a file where a folder should be")

    with pytest.raises(FlybyError, match="record"):
        backfill(settings, RANGE[0].start, RANGE[-1].end, on_progress=blocked)
    home.settings.record.parent.unlink()
    backfill(settings, RANGE[0].start, RANGE[-1].end, on_progress=lambda _: None)
    assert home.ask("SELECT count(*) FROM requests") == [(len(RANGE),)]
    as_it_should_be(home)


def test_a_ctrl_c_for_the_whole_group_of_processes_loses_no_window_that_was_answered(
    home: Home, settings: Settings, tmp_path: Path, server: FaultServer
) -> None:
    code = (
        "import flyby.jobs.backfill, sys; flyby.jobs.backfill.READING_WINDOWS = 2; "
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


def test_a_quota_that_is_used_up_in_a_later_reading_loses_nothing(
    home: Home, settings: Settings, server: FaultServer
) -> None:
    server.play(*[window_feed] * 5, answer(OVER_RATE_LIMIT, 429, Retry_After=2870))
    with pytest.raises(Interrupted, match=f"5 of {len(RANGE)} windows are held"):
        backfill(settings, RANGE[0].start, RANGE[-1].end, on_progress=lambda _: None)
    assert home.ask("SELECT count(*) FROM requests WHERE verdict = 'ok'") == [(5,)]
    as_it_should_be(home)


def test_a_run_beside_a_backfill_may_take_in_what_the_backfill_has_just_landed(home: Home, settings: Settings) -> None:
    def meanwhile(progress: Progress) -> None:
        take_in(settings)

    done = backfill(settings, RANGE[0].start, RANGE[-1].end, on_progress=meanwhile)
    assert done.windows == len(RANGE)
    assert home.ask("SELECT count(*), sum(rows) FROM requests") == [(len(RANGE), len(RANGE))]
    as_it_should_be(home)
