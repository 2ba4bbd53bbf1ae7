"""`flyby up`: what it refuses to start with, and that nothing of it stays when it ends."""

import os
import re
import subprocess
import sys
import time
from pathlib import Path
from socket import create_server

import pytest

from commands import assert_one_line, call, environment
from forks import called

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")

#: What all processes of a test have in their environment, and no others.
MARK = "FLYBY_TESTED_UP"


def free_port() -> str:
    with create_server(("127.0.0.1", 0)) as server:
        return str(server.getsockname()[1])


def processes(mark: str) -> list[int]:
    """Those that were started with this mark, less the dead."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if f"{MARK}={mark}".encode() in (folder / "environ").read_bytes().split(b"\0"):
                found.append(int(folder.name))
        except OSError:  # somebody else's, or gone
            continue
    return found


def assert_all_end(mark: str) -> None:
    until = time.monotonic() + 60
    while processes(mark) and time.monotonic() < until:
        time.sleep(0.1)
    assert processes(mark) == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("FLYBY_CRON", "0 6 * * noday"),
        ("FLYBY_TIMEZONE", "Mars/Gale"),
        ("FLYBY_SITE", "asteroids"),
        ("FLYBY_NOTABLE", "near"),
        ("FLYBY_WAREHOUSE", "duckdb"),
        ("NASA_API_KEY", "x"),
        ("FLYBY_NOTIFY", "nobody-knows://this"),
    ],
)
def test_a_setting_that_is_wrong_is_one_line_and_nothing_is_started(tmp_path: Path, name: str, value: str) -> None:
    mark = str(tmp_path)
    done = called(
        "up", "--port", free_port(), env=environment(tmp_path / "home", **{name: value, MARK: mark}), cwd=tmp_path
    )
    assert done.returncode == 2
    assert_one_line(done.stderr, contains=name)
    assert processes(mark) == []


@pytest.mark.parametrize(
    "content",
    [
        pytest.param("storage: [", id="no YAML", marks=pytest.mark.long),
        pytest.param("flyby: 1", id="no setting of Dagster's"),
    ],
)
def test_a_dagster_yaml_that_dagster_cannot_read_is_one_line(tmp_path: Path, content: str) -> None:
    (tmp_path / "home" / "dagster").mkdir(parents=True)
    (tmp_path / "home" / "dagster" / "dagster.yaml").write_text(content)
    done = call("up", "--port", free_port(), env=environment(tmp_path / "home"), cwd=tmp_path)
    assert done.returncode == 1
    assert_one_line(done.stderr, contains="dagster.yaml is not what Dagster reads")


@pytest.mark.whole
def test_where_the_definitions_cannot_be_loaded_up_ends_with_one_line_and_leaves_no_process(tmp_path: Path) -> None:
    mark = str(tmp_path)
    (tmp_path / "sitecustomize.py").write_text("import sys\nsys.modules['flyby.definitions'] = None\n")
    env = environment(tmp_path / "home", PYTHONPATH=str(tmp_path), **{MARK: mark})
    done = call("up", "--port", free_port(), env=env, cwd=tmp_path)
    assert done.returncode == 1
    ours = [line for line in done.stderr.splitlines() if line.startswith("flyby: ")]
    assert len(ours) == 1
    assert "Dagster cannot load flyby's definitions" in ours[0]
    assert "the morning schedule is on" not in done.stdout
    assert_all_end(mark)


@pytest.mark.whole
def test_its_children_end_with_it_even_if_it_is_killed(tmp_path: Path) -> None:
    mark = str(tmp_path)
    env = environment(tmp_path / "home", **{MARK: mark})
    command = [sys.executable, "-m", "flyby", "up", "--port", free_port()]
    with subprocess.Popen(command, env=env, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as up:
        assert up.stdout
        said = b""
        while b"the morning schedule is on" not in said:
            more = os.read(up.stdout.fileno(), 1000)
            assert more, said
            said += more
        assert re.search(rb"http://127.0.0.1:\d+", said)
        assert len(processes(mark)) >= 3
        up.kill()
    assert_all_end(mark)
