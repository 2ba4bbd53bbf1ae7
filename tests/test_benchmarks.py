"""The benchmark's own claims: its peers do what they are said to do, and its verdicts follow from what was measured."""

import os
import re
import subprocess
import sys
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest
from pytest_httpserver import HTTPServer

from benchmarks.lesson.days import run
from benchmarks.measure import CommandFailed, measure
from benchmarks.page import page, target_table
from benchmarks.results import (
    ALL,
    DLT_ARROW,
    EVERYDAY,
    FIVE,
    FLOOR_B,
    FLYBY,
    IMPORT,
    STATUS,
    Results,
    Row,
    Target,
    summed_up,
    targets,
)

DAY = date(2019, 2, 15)


@pytest.fixture
def lesson(tmp_path: Path, httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The lesson's database, for a NeoWs that lists two objects on the data day and one on the tick date."""
    known: dict[str, Any] = {"absolute_magnitude_h": 22.1, "is_potentially_hazardous_asteroid": False, "links": {}}
    neos = {
        "2019-02-15": [{"id": "1", "name": "(2019 AA)", **known}, {"id": "2", "name": "433 Eros, known", **known}],
        "2019-02-16": [{"id": "3", "name": "(2019 BB)", **known}],
    }
    httpserver.expect_request("/feed").respond_with_json({"element_count": 3, "near_earth_objects": neos})
    monkeypatch.setenv("FLYBY_NEOWS_URL", httpserver.url_for("").rstrip("/"))
    monkeypatch.setenv("NASA_API_KEY", "made-up-key")
    monkeypatch.setenv("LESSON_HOME", str(tmp_path))
    return tmp_path / "lesson.duckdb"


def rows_of(database: Path) -> list[tuple[Any, ...]]:
    with duckdb.connect(database, read_only=True) as db:
        return db.execute("FROM raw_asteroid_data ORDER BY ALL").fetchall()


def test_the_lessons_job_asks_for_two_days_and_keeps_four_fields_of_the_first(
    lesson: Path, httpserver: HTTPServer
) -> None:
    assert run(DAY, DAY) == 1
    (request, _) = httpserver.log[0]
    assert (request.args["start_date"], request.args["end_date"]) == ("2019-02-15", "2019-02-16")
    assert rows_of(lesson) == [("1", "(2019 AA)", 22.1, False), ("2", "433 Eros, known", 22.1, False)]


def test_the_lessons_job_run_twice_doubles_its_rows(lesson: Path) -> None:
    run(DAY, DAY)
    once = rows_of(lesson)
    run(DAY, DAY)
    assert rows_of(lesson) == sorted(once * 2)


def measured(contender: str, of: str, *walls_s: float, **fields: Any) -> Row:
    row = Row(contender, of, days=9862, walls_s=list(walls_s), cpu_s=1, peak_mb=300, requests=1233, rows=88_974)
    return replace(row, **fields)


def results(*rows: Row) -> Results:
    return Results("2026-12-20", "a machine", "versions", built_in_sky=True, quick=False, rows=list(rows))


def target(of: Results, promise: str) -> Target:
    return next(each for each in targets(of) if promise in each.promise)


def test_a_target_is_met_at_its_limit_and_not_beyond() -> None:
    assert Target("", 2, 2.0, "×").met is True
    assert Target("", 2, 2.001, "×").met is False
    assert Target("", 10, 10.0, "×", at_least=True).met is True
    assert Target("", 10, 9.99, "×", at_least=True).met is False


def test_what_was_not_measured_is_neither_met_nor_missed() -> None:
    judged = targets(results())
    assert {each.met for each in judged} == {None}
    assert "met |" not in target_table(judged)
    assert target_table(judged).count("not measured") == len(judged)


def test_ratios_are_of_median_walls() -> None:
    found = results(measured(FLYBY, ALL, 4.0, 5.0, 90.0), measured(FLOOR_B, ALL, 2.5, 2.0, 3.0))
    assert target(found, "against floor B").measured == 2.0


def test_start_up_is_judged_by_the_best_of_several() -> None:
    found = results(measured(STATUS, EVERYDAY, 0.9, 0.3, 0.8), measured(IMPORT, EVERYDAY, 0.1, 0.2))
    assert target(found, "flyby status").measured == pytest.approx(3.0)


def test_being_faster_than_dlt_counts_the_other_way_round() -> None:
    found = results(measured(FLYBY, ALL, 5.0), measured(DLT_ARROW, ALL, 20.0))
    assert (target(found, "fed Arrow").measured, target(found, "fed Arrow").met) == (4.0, True)


@pytest.mark.parametrize(("requests", "met"), [(1233, True), (1234, False)])
def test_one_request_too_many_misses_the_target(requests: int, met: bool) -> None:
    assert target(results(measured(FLYBY, ALL, 5.0, requests=requests)), "beyond ceil").met is met


def test_one_request_too_few_misses_the_target_too() -> None:
    assert target(results(measured(FLYBY, ALL, 5.0, requests=1232)), "beyond ceil").met is False


def test_growth_compares_the_wall_per_row() -> None:
    found = results(measured(FLYBY, FIVE, 1.0, rows=1000), measured(FLYBY, ALL, 5.0, rows=4000))
    assert target(found, "growth").measured == pytest.approx(1.25)


def test_several_runs_of_one_thing_become_one_row_with_the_largest_peak() -> None:
    runs = [measured(FLYBY, ALL, 5.0, peak_mb=310), measured(FLOOR_B, ALL, 2.0), measured(FLYBY, ALL, 4.0, peak_mb=290)]
    (flyby, floor) = summed_up(runs)
    assert (flyby.walls_s, flyby.wall_s, flyby.peak_mb) == ([5.0, 4.0], 4.5, 310)
    assert floor.walls_s == [2.0]


def test_the_page_says_what_was_missed_and_what_failed() -> None:
    found = results(measured(FLYBY, ALL, 5.0, peak_mb=400))
    found.failures.append("dlt: exit status 1: no space left\nTraceback …")
    text = page(found)
    assert "| the same: peak memory | ≤ 280 MB | 400 MB | **not met** |" in text
    assert "- dlt: exit status 1: no space left\n" in text
    assert "Traceback" not in text


@pytest.mark.skipif(sys.platform != "linux", reason="other systems tell the memory of the largest process only")
def test_peak_memory_and_cpu_are_those_of_all_processes_together(tmp_path: Path) -> None:
    hold = "import time; held = b'x' * 60_000_000; time.sleep(0.5)"
    both = f"import subprocess, sys; child = subprocess.Popen([sys.executable, '-c', {hold!r}]); {hold}; child.wait()"
    # In a small process: Linux counts what the measuring one holds at the fork, and the tests' own is large.
    asked = (
        f"import os, pathlib; from benchmarks.measure import measure; print(measure({[sys.executable, '-c', both]}, "
    )
    asked += "cwd=pathlib.Path(), env=os.environ))"
    ran = subprocess.run(
        [sys.executable, "-c", asked], cwd=Path(__file__).parents[1], capture_output=True, text=True, check=True
    ).stdout
    figures = {name: float(value) for name, value in re.findall(r"(peak_mb|cpu_s)=([0-9.]+)", ran)}
    assert 120 < figures["peak_mb"] < 200
    assert figures["cpu_s"] > 0


def test_a_command_that_fails_says_which_and_why(tmp_path: Path) -> None:
    with pytest.raises(CommandFailed, match=r"^python\S* -c .*: exit status 3: no sky today\n"):
        measure(
            [sys.executable, "-c", "import sys; print('no sky today', file=sys.stderr); sys.exit(3)"],
            cwd=tmp_path,
            env=os.environ,
        )
