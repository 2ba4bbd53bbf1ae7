"""The command line: exit statuses, one clear line for every failure, and tables that fit."""

import json
import os
import pty
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from pathlib import Path
from shutil import copytree
from socket import socket
from typing import Any

import duckdb
import pytest

from answers import Home, body, moment, row, window
from commands import KEY, assert_one_line, call, environment, hearing_ctrl_c, window_feed, windows_asked
from faults import HEROKU_PAGE, OVER_RATE_LIMIT, Act, FaultServer, Request, answer, echo_key, reset, stall
from feeds import make_approach, make_feed, make_object
from flyby import __version__
from flyby.cli import flyby, main
from flyby.errors import FlybyError, is_interrupt
from flyby.jobs import backfill as history
from flyby.query.database import ask
from flyby.record.load import publish_record
from flyby.sandbox import Sandbox
from flyby.settings import Settings
from forks import called

NOW = datetime(2024, 11, 23, 6, 30, tzinfo=UTC)
COMMANDS = sorted(flyby.commands)
VIEWS = ("status", "upcoming", "changes", "latency")


def inside(*arguments: str) -> int:
    """`flyby …` in this process; its exit status."""
    status: object = 0
    try:
        main(arguments)
    except SystemExit as end:
        status = end.code
    assert isinstance(status, int)
    return status


def assert_key_free(folder: Path) -> None:
    for file in folder.rglob("*"):
        assert not file.is_file() or KEY.encode() not in file.read_bytes(), file


@pytest.fixture(scope="module")
def week(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A published home with a week behind, a week ahead and some changes."""
    behind, ahead = window("2024-11-15", "2024-11-22"), window("2024-11-23", "2024-11-30")
    passed = [row(f"2024 V{n}", f"54000{n:03}", "2024-11-20") for n in range(12)]
    coming = [
        row("2024 WA", "54000100", "2024-11-24", 0.02, "10:00"),
        row("2006 FK", "2613398", "2024-11-25", 0.3, None, number=613398),
        row("2024 WB", "54000101", "2024-11-26", 0.1, h=None),
    ]
    made = Home(tmp_path_factory.mktemp("week"))
    made.sitting("2024-11-22", (behind, passed))
    moved = [row("2024 V0", "54000000", "2024-11-20", 0.2), *passed[1:11], row("2024 WX", "54000102", "2024-11-21")]
    made.sitting("2024-11-23", (behind, moved), (ahead, coming))
    made.release()
    publish_record(made.settings)
    return made


@pytest.fixture
def home(week: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """That home as the settings of this process; only to be read."""
    for name, value in environment(week.settings.home, FLYBY_NOW=NOW.isoformat()).items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("COLUMNS", raising=False)
    monkeypatch.chdir(tmp_path)
    return week


# What goes wrong with a source, each with what the line must say. Run all at once, since most of the time is waiting
# between attempts.
FAULTS: dict[str, tuple[Act | str, str]] = {
    "no such host": ("http://nowhere.invalid/neo/rest/v1", "nowhere.invalid is not found: is there a network?"),
    "nobody listens": ("http://127.0.0.1:1/neo/rest/v1", "127.0.0.1 refuses connections"),
    "wrong path": (answer(b"<html>no</html>", 404), "check FLYBY_NEOWS_URL"),
    "unknown key": (
        answer(b'{"error": {"code": "API_KEY_INVALID", "message": "An invalid api_key was supplied."}}', 403),
        "set NASA_API_KEY to a valid one",
    ),
    "page with status 200": (answer(HEROKU_PAGE), "not a feed"),
    "page with status 503": (answer(HEROKU_PAGE, 503), "out of order"),
    "empty body": (answer(b""), "empty"),
    "truncated JSON": (answer(make_feed()[:-40]), "feed"),
    "required field missing": (
        echo_key(make_feed(make_object(close_approach_data=[make_approach(miss_distance=...)], nasa_jpl_url="KEY"))),
        "2019 AB",
    ),
    "quota of 0": (answer(OVER_RATE_LIMIT, 429, Retry_After=2870), "try again in 48 minutes"),
}


@pytest.fixture(scope="module")
def failures(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, subprocess.CompletedProcess[str]]]:
    """`flyby backfill` of one window under each of FAULTS: its home, and how it ended."""

    def fail(fault: Act | str, folder: Path) -> tuple[Path, subprocess.CompletedProcess[str]]:
        with FaultServer() as server:
            if not isinstance(fault, str):
                server.play(fault)
            url = fault if isinstance(fault, str) else server.url
            env = environment(folder / "home", url)
            return folder / "home", called("backfill", "2019-02-08", "2019-02-15", env=env, cwd=folder)

    folders = [tmp_path_factory.mktemp("fault") for _ in FAULTS]  # which threads cannot make
    with ThreadPoolExecutor(4) as pool:
        return dict(zip(FAULTS, pool.map(fail, (fault for fault, _ in FAULTS.values()), folders), strict=True))


@pytest.mark.parametrize("fault", FAULTS)
def test_a_source_that_fails_is_one_line_and_status_1_and_nothing_is_half_loaded(
    failures: dict[str, tuple[Path, subprocess.CompletedProcess[str]]], fault: str
) -> None:
    folder, process = failures[fault]
    assert_one_line(process.stderr, contains=FAULTS[fault][1])
    assert "0 of 1 window is held: " in process.stderr
    # Of what cannot be read no repetition makes a feed.
    cannot_be_read = any(word in process.stderr for word in ("not a feed", "cannot be read", "can be read"))
    assert ("the same command goes on from there" in process.stderr) != cannot_be_read
    assert process.returncode == 1
    assert process.stdout == ""
    assert_key_free(folder)
    assert ask(Settings.load(environment(folder)).published, "FROM revisions")[1] == []


def test_a_missing_field_is_named_with_its_object(
    failures: dict[str, tuple[Path, subprocess.CompletedProcess[str]]],
) -> None:
    _, process = failures["required field missing"]
    assert "miss_distance" in process.stderr


def test_a_run_that_fails_in_dagster_is_one_line_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    with Sandbox(now=NOW) as sky:
        settings = {"FLYBY_NOW": NOW.isoformat(), "NASA_API_KEY": "UNKNOWN_KEY"}
        for name, value in environment(tmp_path / "home", sky.url, **settings).items():
            monkeypatch.setenv(name, value)
        monkeypatch.delenv("DAGSTER_HOME", raising=False)
        assert inside("run") == 1
    assert_one_line(capfd.readouterr().err, contains="set NASA_API_KEY to a valid one")


def test_a_run_shows_its_day_and_says_what_it_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    with Sandbox(now=NOW) as sky:
        for name, value in environment(tmp_path / "home", sky.url, FLYBY_NOW=NOW.isoformat()).items():
            monkeypatch.setenv(name, value)
        monkeypatch.delenv("DAGSTER_HOME", raising=False)
        assert inside("run") == 0
    out, said = capfd.readouterr()
    assert said == ""
    assert "simulated" in out.splitlines()[0]
    assert re.search(r"2024-11-22: \d+ flybys", out)
    assert_key_free(tmp_path)


def test_a_field_that_nobody_knows_is_no_failure(tmp_path: Path) -> None:
    with FaultServer() as server:
        server.play(answer(make_feed(make_object(mood="fine"), weather="clear")))
        process = called("backfill", "2019-02-08", "2019-02-15", env=environment(tmp_path, server.url), cwd=tmp_path)
    assert (process.returncode, process.stderr) == (0, "")
    assert "1 window, 1 row, 1 revision in" in process.stdout


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        pytest.param(["run", "2025/04/01"], "DAY '2025/04/01' is not a day: write it as YYYY-MM-DD", id="slashes"),
        pytest.param(["run", "2025-13-01"], "DAY '2025-13-01' is not a day", id="month 13"),
        pytest.param(["run", "1899-12-31"], "1900-01-01 to 2200-12-31", id="before 1900"),
        pytest.param(["backfill", "2019-01-02", "2019-01-01"], "the earlier day comes first", id="FROM after TO"),
        pytest.param(["backfill", "1899-12-31", "1900-01-01"], "FROM 1899-12-31 is beyond", id="FROM before 1900"),
        pytest.param(["backfill", "2019-01-01", "2201-01-01"], "TO 2201-01-01 is beyond", id="TO after 2200"),
        pytest.param(["backfill", "2019-01-01"], "Missing argument 'TO'", id="TO missing"),
        pytest.param(["changes", "--since", "lately"], "--since 'lately' is no moment", id="since"),
        pytest.param(["upcoming", "--days", "0"], "--days '0' is no whole number from 1 to 3,660", id="no days"),
        pytest.param(["upcoming", "--days", "abc"], "--days 'abc' is no whole number from 1 to 3,660", id="words"),
        pytest.param(["up", "--port", "65536"], "--port '65536' is no whole number from 1 to 65,535", id="port"),
        pytest.param(["sandbox", "--hourly-limit", "-1"], "-1' is no whole number from 0 up", id="limit"),
        pytest.param(["statsu"], "No such command 'statsu'. Did you mean 'status'? See `flyby --help`", id="command"),
        pytest.param(["status", "--yaml"], "No such option", id="option"),
    ],
)
def test_wrong_usage_is_one_line_and_status_2(
    home: Home, capsys: pytest.CaptureFixture[str], arguments: list[str], says: str
) -> None:
    assert inside(*arguments) == 2
    assert_one_line(capsys.readouterr().err, contains=says)


@pytest.mark.parametrize(
    ("name", "value"),
    [("FLYBY_NEOWS_URL", "nasa"), ("NASA_API_KEY", "short"), ("FLYBY_TIMEZONE", "Mars/Gale"), ("FLYBY_NOW", "soon")],
)
def test_a_wrong_setting_is_named(
    home: Home, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    assert inside("status") == 2
    assert_one_line(capsys.readouterr().err, contains=name)


@pytest.mark.parametrize("command", [("run",), ("backfill", "2019-01-01", "2019-01-08"), ("rebuild",), ("demo",)])
@pytest.mark.parametrize(
    ("place", "why"),
    [
        ("home", "a file is in the way"),
        pytest.param(
            "/proc/x",
            "nothing can be made there",
            marks=pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux'"),
        ),
    ],
)
def test_a_home_that_cannot_be_written_is_one_line_in_plain_words(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    command: tuple[str, ...],
    place: str,
    why: str,
) -> None:
    (tmp_path / "home").write_text("a file where the folder should be")
    for name, value in environment(tmp_path / place).items():
        monkeypatch.setenv(name, value)
    assert inside(*command) == 1
    said = capsys.readouterr().err
    assert_one_line(said, contains=f"FLYBY_HOME {tmp_path / place}")
    assert f"cannot be written ({why}): set it to a folder of yours" in said


def test_a_run_says_which_notices_and_pages_came_to_nothing_and_has_worked_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    nobody = "json://127.0.0.1:1/a-token"
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "report").write_text("a file where the page's folder should be")
    with Sandbox(now=NOW) as sky:
        settings = {"FLYBY_NOW": NOW.isoformat(), "FLYBY_NOTIFY": nobody, "FLYBY_DIGEST": "1"}
        for name, value in environment(tmp_path / "home", sky.url, **settings).items():
            monkeypatch.setenv(name, value)
        monkeypatch.delenv("DAGSTER_HOME", raising=False)
        assert inside("run") == 0
    notices, page = sorted(capsys.readouterr().err.splitlines())
    assert notices.startswith("flyby: address 1 of FLYBY_NOTIFY (json://) was not told everything: ")
    assert page.startswith("flyby: the page is the old one: ")
    assert "a-token" not in notices + page


def test_sql_that_is_wrong_is_one_line(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    assert inside("sql", "SELECT nothing\nFROM nowhere") == 1
    assert_one_line(capsys.readouterr().err, contains="nowhere")


def test_sql_cannot_write(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    for query in ("DELETE FROM close_approaches", "UPDATE revisions SET listed = false", "DROP TABLE close_approaches"):
        assert inside("sql", query) == 1
        assert_one_line(capsys.readouterr().err, contains="read-only")


def test_debug_adds_the_traceback(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (["--debug", "sql", "FROM nowhere"], ["sql", "--debug", "FROM nowhere"]):
        assert inside(*arguments) == 1
        said = capsys.readouterr().err
        assert "Traceback" in said
        assert said.splitlines()[-1].startswith("flyby: ")


def test_what_nobody_foresaw_is_one_line_too(
    home: Home, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Settings, "load", lambda: 1 / 0)
    assert inside("status") == 1
    assert_one_line(capsys.readouterr().err, contains="ZeroDivisionError")


RANGE = ("backfill", "2019-01-01", "2019-08-28")  # 30 windows


def test_a_server_that_dies_on_the_way_costs_only_the_windows_it_did_not_serve(tmp_path: Path) -> None:
    env = environment(tmp_path / "home")
    with FaultServer() as server:
        server.play(*[window_feed] * 12, reset())
        process = called(*RANGE, env=env | {"FLYBY_NEOWS_URL": server.url}, cwd=tmp_path)
    assert_one_line(process.stderr, contains="12 of 30 windows are held: the same command goes on from there")
    assert process.returncode == 1
    with FaultServer() as server:
        server.play(window_feed)
        process = called(*RANGE, env=env | {"FLYBY_NEOWS_URL": server.url}, cwd=tmp_path)
        assert len(windows_asked(server)) == len(set(windows_asked(server))) == 18
    assert process.returncode == 0, process.stderr
    assert "18 windows, 18 rows" in process.stdout
    process = called("sql", "--json", "SELECT count(*) AS n FROM close_approaches", env=env, cwd=tmp_path)
    assert json.loads(process.stdout) == [{"n": 30}]


def test_a_backfill_never_asks_for_more_than_the_key_has_left(tmp_path: Path) -> None:
    with FaultServer() as server:
        server.play(answer(make_feed(), X_RateLimit_Remaining=0))
        process = called("backfill", "2019-02-08", "2019-02-23", env=environment(tmp_path, server.url), cwd=tmp_path)
        assert len(server.requests) == 1
    assert process.returncode == 1
    assert_one_line(process.stderr, contains="wait an hour")
    assert "1 of 2 windows are held: the same command goes on from there, with --wait by itself" in process.stderr


def test_with_wait_a_backfill_goes_on_when_the_allowance_is_back(tmp_path: Path) -> None:
    waits: list[float] = []
    with FaultServer() as server:

        def sleep(seconds: float) -> None:
            waits.append(seconds)
            if len(waits) == 2:
                server.play(window_feed)

        server.play(answer(OVER_RATE_LIMIT, 429, Retry_After=2870))
        settings = Settings.load(environment(tmp_path, server.url))
        told: list[str] = []
        done = history.backfill_patiently(
            settings,
            date(2019, 1, 1),
            date(2019, 1, 16),
            on_progress=lambda _: None,
            on_wait=lambda _, why: told.append(why),
            sleep=sleep,
        )
    assert waits == [2870.0, 2870.0]
    assert all("allowance" in why for why in told)
    assert (done.windows, done.of_windows, done.loaded.rows) == (2, 2, 2)


def test_ctrl_c_is_one_line_and_the_same_command_goes_on(tmp_path: Path) -> None:
    with FaultServer() as server:
        env = environment(tmp_path / "home", server.url)
        command = [sys.executable, "-m", "flyby", *RANGE]
        with subprocess.Popen(
            command, env=env, cwd=tmp_path, stderr=subprocess.PIPE, text=True, preexec_fn=hearing_ctrl_c
        ) as process:

            def interrupt(connection: socket, request: Request) -> bool:
                process.send_signal(signal.SIGINT)
                return window_feed(connection, request)

            server.play(*[window_feed] * 9, interrupt, window_feed)
            _, said = process.communicate(timeout=60)
        assert_one_line(said, contains="interrupted")
        assert process.returncode == 1
        [held] = re.findall(r"(\d+) of 30 windows are held", said)
        asked = windows_asked(server)
        assert len(asked) == len(set(asked)) == int(held)
        assert called(*RANGE, env=env, cwd=tmp_path).returncode == 0
        assert len(windows_asked(server)) == len(set(windows_asked(server))) == 30


def test_whatever_becomes_of_a_ctrl_c_it_is_an_interrupt(tmp_path: Path) -> None:
    program = """
import os, signal
from flyby import cli
from flyby.settings import Settings

def load():
    try:
        os.kill(os.getpid(), signal.SIGINT)
    except KeyboardInterrupt:
        raise ImportError("initialization failed") from None

Settings.load = load
cli.main(["status"])
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=environment(tmp_path),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        preexec_fn=hearing_ctrl_c,
    )
    assert done.returncode == 1
    assert_one_line(done.stderr, contains="interrupted: nothing that came is lost")


def test_ctrl_c_during_a_run_is_one_line(tmp_path: Path) -> None:
    with FaultServer() as server:
        server.play(stall())
        command = [sys.executable, "-m", "flyby", "run"]
        env = environment(tmp_path, server.url)
        with subprocess.Popen(
            command, env=env, cwd=tmp_path, stderr=subprocess.PIPE, text=True, preexec_fn=hearing_ctrl_c
        ) as process:
            while not server.requests:
                assert process.poll() is None
                time.sleep(0.02)
            process.send_signal(signal.SIGINT)
            _, said = process.communicate(timeout=60)
    assert_one_line(said, contains="interrupted")
    assert process.returncode == 1


@pytest.mark.parametrize("command", VIEWS)
def test_json_parses(home: Home, capsys: pytest.CaptureFixture[str], command: str) -> None:
    assert inside(command, "--json") == 0
    assert isinstance(json.loads(capsys.readouterr().out), dict)


def test_json_has_every_value_with_its_type(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    query = (
        "SELECT 1 AS one, 2.5::DOUBLE AS half, NULL AS none, DATE '2024-11-23' AS day, [true] AS list, 'nan'::DOUBLE n"
    )
    assert inside("sql", "--json", query) == 0
    [told] = json.loads(capsys.readouterr().out)
    assert told == {"one": 1, "half": 2.5, "none": None, "day": "2024-11-23", "list": [True], "n": None}


def test_changes_since_a_day_or_a_moment(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    kinds: dict[str, list[str]] = {}
    for since in ("2024-11-23", "2024-11-23T06:00:00Z", "2024-11-01"):
        assert inside("changes", "--json", "--since", since) == 0
        kinds[since] = [change["kind"] for change in json.loads(capsys.readouterr().out)["changes"]]
    assert kinds["2024-11-23"] == ["new", "revised", "unlisted"]
    assert kinds["2024-11-23T06:00:00Z"] == kinds["2024-11-01"] == []  # of the last, every day was a first look


def test_changes_are_told_with_before_and_after(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    assert inside("changes") == 0
    said = capsys.readouterr().out
    assert "1 new, 1 revised, 1 unlisted" in said
    assert "15,000,000 → 30,000,000 km (+15,000,000 km)" in said


def test_upcoming_says_which_is_the_closest(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    assert inside("upcoming") == 0
    assert "Closest: (2024 WA), 7.8 lunar distances, Sun 24 Nov 10:00 UTC" in capsys.readouterr().out


def test_null_is_shown(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    assert inside("sql", "SELECT NULL AS nothing, '' AS empty") == 0
    assert "NULL" in capsys.readouterr().out


@pytest.mark.parametrize("columns", [48, 80, 132])
@pytest.mark.parametrize("command", [*VIEWS, "sql"])
def test_tables_fit_the_width(
    home: Home, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: str, columns: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    query = ["SELECT designation, name, seen_from, request_id FROM revisions"] if command == "sql" else []
    assert inside(command, *query) == 0
    assert max(map(len, capsys.readouterr().out.splitlines())) <= columns


def test_nothing_in_a_name_steers_the_terminal(tmp_path: Path) -> None:
    name = "[red](2019 \x1b[31mAB)[/red]"
    with FaultServer() as server:
        server.play(answer(make_feed(make_object(name))))
        env = environment(tmp_path, server.url)
        assert called("backfill", "2019-02-08", "2019-02-15", env=env, cwd=tmp_path).returncode == 0
    said = called("upcoming", env=env | {"FLYBY_NOW": "2019-02-08T00:00:00Z"}, cwd=tmp_path).stdout
    assert "\x1b" not in said
    assert "[red](2019 \N{REPLACEMENT CHARACTER}[31mAB)[/red]" in said


def on_a_terminal(*arguments: str, env: dict[str, str], cwd: Path) -> str:
    """What `flyby …` writes to a terminal."""
    mine, its = pty.openpty()
    with subprocess.Popen([sys.executable, "-m", "flyby", *arguments], env=env, cwd=cwd, stdout=its, stderr=its):
        os.close(its)
        said = b""
        try:
            while more := os.read(mine, 65536):
                said += more
        except OSError:  # how Linux says that the other end is closed
            pass
    os.close(mine)
    return said.decode()


def test_colour_is_for_terminals_that_want_it(home: Home, tmp_path: Path) -> None:
    env = {**os.environ, "TERM": "xterm-256color"}
    env.pop("NO_COLOR", None)
    assert "\x1b[" not in call("status", env=env, cwd=tmp_path).stdout
    assert "\x1b[32m" in on_a_terminal("status", env=env, cwd=tmp_path)
    assert "\x1b[32m" not in on_a_terminal("status", env=env | {"NO_COLOR": "1"}, cwd=tmp_path)


def test_a_backfill_shows_its_progress_on_a_terminal(tmp_path: Path) -> None:
    with FaultServer() as server:
        server.play(window_feed)
        said = on_a_terminal(
            *RANGE, env=environment(tmp_path, server.url, TERM="xterm-256color", COLUMNS="120"), cwd=tmp_path
        )
    assert "30/30 windows" in said
    assert "rows" in said


@pytest.mark.parametrize("command", ["status", "upcoming", "changes"])
def test_reading_commands_import_only_what_they_need(home: Home, tmp_path: Path, command: str) -> None:
    heavy = {"dagster", "httpcore2", "pyarrow", "pandas", "numpy", "stamina", "msgspec", "flyby.jobs.backfill"}
    code = f"import sys; from flyby.cli import main; main(['{command}']); print(sorted({heavy!r} & set(sys.modules)))"
    process = subprocess.run(
        [sys.executable, "-c", code], env=os.environ, cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert process.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize("command", COMMANDS)
def test_every_help_shows_an_example_of_its_command(
    home: Home, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    assert inside(command, "--help") == 0
    assert f"Example: flyby {command}" in capsys.readouterr().out
    assert inside("--help") == 0
    assert f"  {command} " in capsys.readouterr().out


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert inside("--version") == 0
    assert __version__ in capsys.readouterr().out


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_the_shell_can_complete_commands(tmp_path: Path, shell: str) -> None:
    process = call(env=environment(tmp_path, _FLYBY_COMPLETE=f"{shell}_source"), cwd=tmp_path)
    assert process.returncode == 0
    assert "_FLYBY_COMPLETE" in process.stdout


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    command = [sys.executable, "-u", "-m", "flyby", "sandbox", "--port", "0", "--now", "2024-11-23T06:30:00Z"]
    with subprocess.Popen(
        command,
        env=environment(tmp_path),
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=hearing_ctrl_c,
    ) as process:
        assert process.stdout
        said = process.stdout.readline()
        yield process, re.findall(r"http://\S+v1", said)[0]
        process.kill()


def test_the_sandbox_serves_until_ctrl_c(sandbox: tuple[subprocess.Popen[str], str], tmp_path: Path) -> None:
    process, url = sandbox
    done = called("backfill", "2024-11-08", "2024-11-15", env=environment(tmp_path / "home", url), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=30) == 0


def test_rebuild_makes_the_same_database_from_raw_alone(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    copytree(home.settings.raw, tmp_path / "again" / "raw")
    monkeypatch.setenv("FLYBY_HOME", str(tmp_path / "again"))
    assert inside("rebuild") == 0
    assert "from 3 answers" in capsys.readouterr().out
    assert Home(tmp_path / "again").everything() == home.everything()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("NASA_API_KEY=größer-als-sechs".encode("latin-1"), "UTF-8"),
        ("FLYBY_HOME=data".encode("utf-16"), "UTF-8"),
        ("FLYBY_HOME=data".encode("utf-16-le"), "UTF-8"),
    ],
)
def test_a_dotenv_that_is_no_utf8_is_one_line(tmp_path: Path, content: bytes, says: str) -> None:
    (tmp_path / ".env").write_bytes(content)
    done = called("status", env=environment(tmp_path / "home"), cwd=tmp_path)
    assert done.returncode == 2
    assert_one_line(done.stderr, contains=".env")
    assert says in done.stderr


def test_a_line_of_a_dotenv_that_sets_nothing_is_named_and_nothing_is_written_elsewhere(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("FLYBY_CRON=0 6 * * *\nFLYBY_HOME='elsewhere\n")
    env = {name: value for name, value in environment(tmp_path).items() if name != "FLYBY_HOME"}
    done = called("run", env=env, cwd=tmp_path)
    assert done.returncode == 2
    assert_one_line(done.stderr, contains=".env: line 2")
    assert [path.name for path in tmp_path.iterdir()] == [".env"]


def test_a_dotenv_with_a_byte_order_mark_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("FLYBY_CRON", raising=False)
    (tmp_path / ".env").write_bytes("\ufeffFLYBY_CRON=15 7 * * *".encode())
    assert Settings.load().cron == "15 7 * * *"


@pytest.mark.parametrize("name", ["really?", "100%41", "c#", "x[1]", "a*", "two\nlines"])
def test_a_home_whose_name_means_something_below_is_refused_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    for variable, value in environment(tmp_path / name).items():
        monkeypatch.setenv(variable, value)
    assert inside("run") == 2
    assert_one_line(capsys.readouterr().err, contains="FLYBY_HOME")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("setting", ["FLYBY_HOME", "DAGSTER_HOME"])
def test_a_link_that_leads_to_such_a_name_is_refused_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], setting: str
) -> None:
    (tmp_path / "odd?").mkdir()
    (tmp_path / "link").symlink_to("odd?")
    for variable, value in environment(tmp_path / "home", **{setting: str(tmp_path / "link")}).items():
        monkeypatch.setenv(variable, value)
    assert inside("run") == 2
    assert_one_line(capsys.readouterr().err, contains=f"{setting} '{tmp_path}/odd?' has '?' in it")
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["link", "odd?"]


def test_a_name_that_no_disk_has_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for variable, value in environment(tmp_path / ("n" * 256)).items():
        monkeypatch.setenv(variable, value)
    assert inside("status") == 2
    assert_one_line(capsys.readouterr().err, contains="FLYBY_HOME has a name in it that is too long")


def test_in_a_folder_that_is_gone_a_home_beside_it_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "gone").mkdir()
    program = "import os; os.rmdir(os.getcwd()); from flyby.cli import main; main(['run'])"
    env = {name: value for name, value in environment(tmp_path).items() if name != "FLYBY_HOME"}
    done = subprocess.run(
        [sys.executable, "-c", program], env=env, cwd=tmp_path / "gone", capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 2
    assert_one_line(done.stderr, contains="the current folder, which is gone")


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1/größe", "http://a..b/", "http://127.0.0.1/a b", "http://127.0.0.1/#part"]
)
def test_an_address_that_cannot_be_asked_is_refused_with_its_setting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], url: str
) -> None:
    for variable, value in environment(tmp_path / "home", url).items():
        monkeypatch.setenv(variable, value)
    assert inside("up") == 2
    assert_one_line(capsys.readouterr().err, contains="FLYBY_NEOWS_URL")


@pytest.mark.parametrize("closed", [">&-", ">&- 2>&- <&-"])
def test_where_output_is_closed_what_came_is_taken_in_all_the_same(tmp_path: Path, closed: str) -> None:
    home = Home(tmp_path)
    home.land(moment("2019-02-16"), window("2019-02-08", "2019-02-15"), body([row("2019 AB", "3840001", "2019-02-10")]))
    command = f"'{sys.executable}' -m flyby rebuild {closed}"
    assert subprocess.run(["sh", "-c", command], env=environment(tmp_path), cwd=tmp_path, timeout=60).returncode == 0
    assert ask(home.settings.published, "SELECT designation FROM close_approaches")[1] == [("2019 AB",)]


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_where_nothing_can_be_said_as_the_disk_is_full_one_line_says_so(
    home: Home, tmp_path: Path, unbuffered: str
) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "flyby", "status"],
            env=environment(home.settings.home, PYTHONUNBUFFERED=unbuffered),
            cwd=tmp_path,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
        )
    assert done.returncode == 1
    assert_one_line(done.stderr, contains="the disk is full")


@pytest.mark.parametrize("query", ["", ";", " -- nothing"])
def test_no_question_is_one_line(home: Home, capsys: pytest.CaptureFixture[str], query: str) -> None:
    assert inside("sql", "--", query) == 1
    assert_one_line(capsys.readouterr().err, contains="there is no question in it")


@pytest.mark.parametrize("since", ["0001-01-01T00:00+14:00", "9999-12-31T23:59-12:00"])
def test_a_moment_beyond_all_times_is_none(home: Home, capsys: pytest.CaptureFixture[str], since: str) -> None:
    assert inside("changes", "--since", since) == 2
    assert_one_line(capsys.readouterr().err, contains="--since")


@pytest.mark.whole
def test_the_page_is_made_of_the_record_and_leaves_the_published_file_to_people(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish_record(home.settings)
    opened: list[Path] = []
    connect = duckdb.connect

    def noted(place: str | Path, **more: Any) -> duckdb.DuckDBPyConnection:
        opened.append(Path(place))
        return connect(place, **more)

    monkeypatch.setattr(duckdb, "connect", noted)
    assert inside("report") == 0
    assert inside("report", "--to", str(tmp_path / "site")) == 0
    assert opened
    assert home.settings.published not in opened


@pytest.mark.parametrize(
    "name", ["region=eu", *(pytest.param(name, marks=pytest.mark.long) for name in ("größer als", "it's"))]
)
def test_a_home_with_an_odd_name_is_a_home(tmp_path: Path, name: str) -> None:
    env = environment(tmp_path / name, FLYBY_NOW="2019-02-16T06:00Z")
    home = Home(tmp_path / name)
    home.land(moment("2019-02-16"), window("2019-02-08", "2019-02-15"), body([row("2019 AB", "3840001", "2019-02-10")]))
    assert called("rebuild", env=env, cwd=tmp_path).returncode == 0
    assert (
        called("sql", "SELECT count(*) FROM close_approaches", "--json", env=env, cwd=tmp_path).stdout.split()[-3]
        == "1"
    )


@pytest.mark.parametrize("cron", ["x", "61 6 * * *", "0 25 * * *", "0 6 * *", "0 6 * * * * *"])
def test_a_cron_that_is_none_is_one_line_and_up_does_not_stay_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], cron: str
) -> None:
    for name, value in environment(tmp_path, FLYBY_CRON=cron).items():
        monkeypatch.setenv(name, value)
    assert inside("up") == 2
    assert_one_line(capsys.readouterr().err, contains="FLYBY_CRON")


def test_status_check_is_for_monitoring(tmp_path: Path) -> None:
    home = Home(tmp_path)
    week = window("2019-02-08", "2019-02-15")
    home.land(moment("2019-02-16"), week, body([row("2019 AB", "3840001", "2019-02-10")]))
    assert called("rebuild", env=environment(tmp_path), cwd=tmp_path).returncode == 0
    well = called("status", "--check", env=environment(tmp_path, FLYBY_NOW="2019-02-16T20:00Z"), cwd=tmp_path)
    assert (well.returncode, well.stdout) == (0, "all is well: the last morning was 2019-02-16 06:00 UTC\n")
    late = called("status", "--check", env=environment(tmp_path, FLYBY_NOW="2019-02-24T06:00Z"), cwd=tmp_path)
    assert late.returncode == 1
    assert_one_line(late.stderr, contains="the last morning was 2019-02-16 06:00 UTC")
    early = called("status", "--check", env=environment(tmp_path, FLYBY_NOW="2019-02-01T06:00Z"), cwd=tmp_path)
    assert early.returncode == 1
    assert_one_line(early.stderr, contains="2019-02-16 06:00 UTC, which is still to come: set this computer's clock")


@pytest.mark.parametrize(
    "error", [RuntimeError("Query interrupted"), duckdb.InterruptException("INTERRUPT Error: Interrupted!")]
)
def test_an_interrupt_is_known_as_one_whoever_says_it(error: Exception) -> None:
    wrapped = FlybyError("the record could not be written")
    wrapped.__context__ = error
    assert is_interrupt(error)
    assert is_interrupt(wrapped)
    assert not is_interrupt(FlybyError("the disk is full"))
