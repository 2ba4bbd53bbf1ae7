"""What is landed stays as it came, whole or not at all."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from feeds import WINDOW, make_feed
from flyby.days import Window
from flyby.errors import HomeError
from flyby.fetch import raw as landing
from flyby.sources.answer import Answer, Quota
from flyby.sources.observations import is_simulated

ANSWER = Answer(
    "neows",
    Window(date(2026, 11, 15), date(2026, 11, 22)),
    datetime(2026, 11, 23, 6, tzinfo=UTC),
    1,
    200,
    make_feed(),
    Quota(1000, 999),
)
NAME = "20261123T060000.000000Z_2026-11-15_2026-11-22_1_200"


def files(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir())


def test_all_that_is_known_of_an_answer_is_in_the_name_of_its_file(tmp_path: Path) -> None:
    landed = landing.land(tmp_path / "raw", ANSWER)
    assert files(tmp_path) == [f"raw/neows/2026/11/{NAME}.json.zst"]
    assert landed.request_id == f"neows/{NAME}"
    assert landing.landed(tmp_path / "raw") == [landed]


@pytest.mark.parametrize("body", [b"", b"{}", make_feed(), os.urandom(100_000), b"\0" * 3_000_000])
def test_a_body_is_read_back_as_it_was_landed(tmp_path: Path, body: bytes) -> None:
    assert landing.read(landing.land(tmp_path / "raw", replace(ANSWER, body=body))) == body


def test_landing_the_same_answer_again_changes_nothing(tmp_path: Path) -> None:
    first = landing.land(tmp_path / "raw", ANSWER)
    content = first.path.read_bytes()
    assert landing.land(tmp_path / "raw", ANSWER) == first
    assert files(tmp_path / "raw") == [first.path.relative_to(tmp_path / "raw").as_posix()]
    assert first.path.read_bytes() == content


def test_answers_are_listed_by_the_moment_they_were_asked_for(tmp_path: Path) -> None:
    moments = [ANSWER.requested_at + timedelta(days=days, microseconds=days) for days in (40, 0, -400, 1)]
    for moment in moments:
        for source in ("neows", "cad"):
            landing.land(tmp_path / "raw", replace(ANSWER, requested_at=moment, source=source))
    listed = landing.landed(tmp_path / "raw")
    assert [answer.requested_at for answer in listed] == [moment for moment in sorted(moments) for _ in range(2)]
    assert [answer.source for answer in listed] == ["cad", "neows"] * 4


def test_an_attempt_and_a_status_of_its_own_make_an_answer_of_its_own(tmp_path: Path) -> None:
    for attempt, status in ((1, 503), (2, 503), (3, 200)):
        landing.land(tmp_path / "raw", replace(ANSWER, attempt=attempt, http_status=status))
    assert [(a.attempt, a.http_status) for a in landing.landed(tmp_path / "raw")] == [(1, 503), (2, 503), (3, 200)]


def test_temporary_and_foreign_files_are_not_answers(tmp_path: Path) -> None:
    landed = landing.land(tmp_path / "raw", ANSWER)
    folder = landed.path.parent
    for name in (
        f".{NAME}.json.zst.123.tmp",
        f"{NAME}.json",
        f"{NAME}.json.zst.bak",
        "20261323T060000.000000Z_2026-11-15_2026-11-22_1_200.json.zst",
        "20261123T060000.000000Z_2026-11-22_2026-11-15_1_200.json.zst",
        ".DS_Store",
    ):
        (folder / name).write_bytes(b"x")
    assert landing.landed(tmp_path / "raw") == [landed]


def test_nothing_is_landed_where_nothing_ever_was(tmp_path: Path) -> None:
    assert landing.landed(tmp_path / "raw") == []
    assert landing.sweep(tmp_path / "raw") == 0


def test_many_threads_land_into_new_folders_at_once(tmp_path: Path) -> None:
    answers = [replace(ANSWER, requested_at=ANSWER.requested_at + timedelta(days=9 * n)) for n in range(64)]
    with ThreadPoolExecutor(8) as threads:
        landed = list(threads.map(lambda answer: landing.land(tmp_path / "raw", answer), answers))
    assert landing.landed(tmp_path / "raw") == landed


def test_duckdb_reads_landed_answers_as_they_lie(tmp_path: Path) -> None:
    landing.land(tmp_path / "raw", replace(ANSWER, window=WINDOW))
    pattern = (tmp_path / "raw" / "**" / "*.json.zst").as_posix()
    row = duckdb.execute("SELECT element_count FROM read_json(?, compression = 'zstd')", [pattern]).fetchone()
    assert row == (2,)


def test_the_zstd_command_reads_landed_answers_as_they_lie(tmp_path: Path) -> None:
    zstd = shutil.which("zstd")
    if zstd is None:
        pytest.skip("needs the zstd command")
    path = landing.land(tmp_path / "raw", ANSWER).path
    assert subprocess.run([zstd, "-dc", path], check=True, capture_output=True).stdout == ANSWER.body


@pytest.mark.parametrize("damage", [lambda c: c[:-20], lambda c: b"", lambda c: b"x" * len(c), lambda c: c[:40]])
def test_a_damaged_answer_is_named(tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    landed = landing.land(tmp_path / "raw", ANSWER)
    landed.path.write_bytes(damage(landed.path.read_bytes()))
    with pytest.raises(HomeError, match=rf"^raw/neows/2026/11/{NAME}.json.zst is damaged: "):
        landing.read(landed)


def test_an_answer_that_is_gone_is_named(tmp_path: Path) -> None:
    landed = landing.land(tmp_path / "raw", ANSWER)
    landed.path.unlink()
    with pytest.raises(HomeError, match=rf"^cannot read raw/neows/2026/11/{NAME}.json.zst: "):
        landing.read(landed)


def test_a_file_in_the_way_of_a_folder_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "raw").write_text("mine")
    with pytest.raises(HomeError, match=r"cannot write raw/neows/.*: a file is where a folder should be"):
        landing.land(tmp_path / "raw", ANSWER)


def test_a_folder_that_may_not_be_written_is_said_so_and_nothing_is_left(tmp_path: Path) -> None:
    folder = landing.land(tmp_path / "raw", ANSWER).path.parent
    before = files(tmp_path)
    folder.chmod(0o500)
    try:
        if os.access(folder, os.W_OK):
            pytest.skip("root may write everywhere")
        with pytest.raises(HomeError, match="no permission, or a read-only disk: set FLYBY_HOME"):
            landing.land(tmp_path / "raw", replace(ANSWER, attempt=2))
    finally:
        folder.chmod(0o700)
    assert files(tmp_path) == before


FULL_DISK = """
import resource, signal, sys
from pathlib import Path
from dataclasses import replace
sys.path.insert(0, sys.argv[2])
from test_landing import ANSWER
from flyby.fetch import raw as landing
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    landing.land(Path(sys.argv[1]), replace(ANSWER, body=Path("/dev/urandom").open("rb").read(50_000)))
except landing.HomeError as error:
    print(error)
"""


def test_a_write_that_fails_half_way_leaves_no_file_and_one_line(tmp_path: Path) -> None:
    command = [sys.executable, "-c", FULL_DISK, str(tmp_path / "raw"), str(Path(__file__).parent)]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    assert run.stdout.startswith(f"cannot write raw/neows/2026/11/{NAME}.json.zst: ")
    assert run.stdout.count("\n") == 1
    assert files(tmp_path) == []


def test_who_began_in_an_empty_home_looks_who_else_began_before_anything_is_landed(tmp_path: Path) -> None:
    keep = landing.keeper(tmp_path / "raw", purpose="manual", is_simulated=is_simulated)
    landing.land(tmp_path / "raw", ANSWER)
    told = json.loads(ANSWER.body)
    told["links"] = {"simulated": "these asteroids do not exist"}
    with pytest.raises(HomeError, match="FLYBY_HOME holds real answers"):
        keep(replace(ANSWER, body=json.dumps(told).encode(), attempt=2))
    assert len(files(tmp_path)) == 1


def test_where_no_answer_tells_whether_it_is_simulated_landing_many_reads_none_of_them_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads: list[landing.Landed] = []
    monkeypatch.setattr(landing, "read", reads.append)
    keep = landing.keeper(tmp_path / "raw", purpose="backfill", is_simulated=lambda _: None)
    for attempt in range(1, 6):
        keep(replace(ANSWER, attempt=attempt))
    assert reads == []
    assert len(files(tmp_path)) == 5


def test_sweeping_removes_what_a_killed_process_left_an_hour_ago_and_nothing_else(tmp_path: Path) -> None:
    landed = landing.land(tmp_path / "raw", ANSWER)
    old, new = (landed.path.with_name(f".{name}.tmp") for name in ("old", "new"))
    for path in (old, new, landed.path):
        path.touch()
    for path in (old, landed.path):
        os.utime(path, (0, 0))
    assert landing.sweep(tmp_path / "raw") == 1
    assert not old.exists()
    assert new.exists()
    assert landing.landed(tmp_path / "raw") == [landed]


@pytest.mark.parametrize("first_is_simulated", [True, False])
def test_real_and_simulated_answers_are_never_mixed_in_one_home(tmp_path: Path, first_is_simulated: bool) -> None:
    bodies = {False: make_feed(), True: make_feed(links={"simulated": "a sky that is none"})}
    page = replace(ANSWER, body=b"<html>down</html>", attempt=1)
    keep = landing.keeper(tmp_path / "raw", purpose="daily", is_simulated=is_simulated)
    keep(page)  # says nothing either way
    keep(replace(ANSWER, body=bodies[first_is_simulated], attempt=2))
    later = landing.keeper(tmp_path / "raw", purpose="daily", is_simulated=is_simulated)
    for each in (keep, later):
        with pytest.raises(HomeError, match="set FLYBY_HOME to another folder"):
            each(replace(ANSWER, body=bodies[not first_is_simulated], attempt=3))
        each(replace(ANSWER, body=bodies[first_is_simulated], attempt=4))
    assert sorted(answer.attempt for answer in landing.landed(tmp_path / "raw")) == [1, 2, 4]


def test_why_an_answer_was_asked_for_and_when_it_was_taken_in_are_in_names_too(tmp_path: Path) -> None:
    landed = landing.land(tmp_path / "raw", ANSWER, purpose="daily", tick=date(2026, 11, 23))
    assert landing.landed(tmp_path / "raw") == [landed]
    assert (landed.purpose, landed.tick) == ("daily", date(2026, 11, 23))
    reading = ("neows", ANSWER.requested_at)
    assert landing.recorded_moments(tmp_path / "raw") == {}
    for seconds in (7, 9):  # the first word stands
        landing.mark_recorded(tmp_path / "raw", *reading, ANSWER.requested_at + timedelta(seconds=seconds))
    assert landing.recorded_moments(tmp_path / "raw") == {reading: ANSWER.requested_at + timedelta(seconds=7)}
    assert landing.landed(tmp_path / "raw") == [landed], "a mark is no answer"
