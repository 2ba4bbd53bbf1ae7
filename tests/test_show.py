"""One asteroid's story, found by whatever it is called; CSV that no spreadsheet runs; completion."""

import csv
import json
import os
import subprocess
import sys
from datetime import UTC, date, datetime
from decimal import Decimal
from io import StringIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from answers import Home, row, window
from commands import assert_one_line, call, environment
from flyby.cli import main
from flyby.errors import FlybyError
from flyby.output import spreadsheet
from flyby.query.asteroids import asteroid, find
from flyby.record.load import publish_record
from warehouses import warehouse_of

NOW = datetime(2019, 2, 17, 7, tzinfo=UTC)
BEHIND, AHEAD = window("2019-02-07", "2019-02-14"), window("2019-02-15", "2019-02-22")
EROS = row("A898 PA", "2000433", "2019-02-18", 0.2)
MOVES = row("2019 CC", "3840003", "2019-02-17", 0.001, "23:50")
MOVED = row("2019 CC", "3840003", "2019-02-18", 0.0011, "00:10")
MANY = [row(f"2018 B{n}", f"38001{n:02}", "2019-02-16") for n in range(10)]

#: As `known_as.sql` gives them.
KNOWN: list[tuple[str, list[str], list[str | None]]] = [
    ("A898 PA", ["433 Eros (A898 PA)"], ["2000433"]),
    ("2006 FK", ["613398 (2006 FK)", "(2006 FK)"], ["2613398", "3320000"]),
    ("2004 MN4", ["99942 Apophis (2004 MN4)"], ["2099942"]),
    ("2026 VU25", ["(2026 VU25)"], ["54271062"]),
    ("2026 VU8", ["(2026 VU8)"], ["54271063", None]),
]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    made = Home(tmp_path_factory.mktemp("show"))
    made.sitting("2019-02-15", (BEHIND, []), (AHEAD, [*MANY, EROS, MOVES]))
    made.sitting("2019-02-16", (AHEAD, [*MANY, EROS, MOVED]))
    made.release()
    publish_record(made.settings)
    return made


@pytest.fixture
def settled(home: Home, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Home:
    """That home as the settings of this process."""
    own = environment(home.settings.home, FLYBY_NOW=NOW.isoformat(), COLUMNS="120")
    for name, value in (own | warehouse_of(home.settings.home)).items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    return home


def inside(*arguments: str) -> int:
    """`flyby …` in this process; its exit status."""
    try:
        main(arguments)
    except SystemExit as end:
        return int(end.code or 0)
    return 0


@pytest.mark.parametrize(
    ("text", "designation"),
    [
        *(("433", "A898 PA"), ("Eros", "A898 PA"), ("433 eros", "A898 PA"), ("433 Eros (A898 PA)", "A898 PA")),
        *(("a898pa", "A898 PA"), ("2000433", "A898 PA"), ("2006-fk", "2006 FK"), ("(2006 FK)", "2006 FK")),
        *(("613398", "2006 FK"), ("3320000", "2006 FK"), ("APOPHIS", "2004 MN4"), (" 2026  vu25 ", "2026 VU25")),
    ],
)
def test_an_asteroid_is_found_by_whatever_it_is_called(text: str, designation: str) -> None:
    assert find(KNOWN, text) == designation


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("2026 VU2", "did you mean 2026 VU25"),
        ("apofis", "did you mean 2004 MN4?"),
        ("no such thing", "`flyby upcoming` names some"),
        ("()", "name an asteroid"),
        ("'; DROP TABLE revisions; --\n", "no asteroid"),
    ],
)
def test_a_name_that_nobody_has_is_one_line_with_the_nearest(text: str, says: str) -> None:
    with pytest.raises(FlybyError, match=r".+") as raised:
        find(KNOWN, text)
    assert says in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_name_of_two_asks_which() -> None:
    with pytest.raises(FlybyError, match="may be 2001 A or 2001 B"):
        find([("2001 A", ["7 Twin (2001 A)"], []), ("2001 B", ["8 Twin (2001 B)"], [])], "twin")


def test_the_story_has_every_revision_with_what_changed_and_the_answer_behind_it(home: Home) -> None:
    told = asteroid(home.settings.database, "2019cc", NOW)
    assert told.links["jpl"] == "https://ssd.jpl.nasa.gov/tools/sbdb_lookup.html#/?sstr=2019%20CC"
    [flyby] = told.flybys
    assert flyby.flyby_id == "2019 CC@2019-02-17"
    assert not flyby.is_past
    assert flyby.believed is not None
    assert flyby.believed["close_approach_date"] == date(2019, 2, 18)
    assert [(version.revision, version.change) for version in flyby.versions] == [(1, "new"), (2, "changed")]
    assert [move.field for move in flyby.versions[1].moves][:2] == ["close_approach_date", "miss_distance_km"]
    assert flyby.versions[1].verdict == "ok"
    assert (home.settings.home / str(flyby.versions[1].raw_path)).exists()


def test_show_tells_the_story_in_a_terminal(settled: Home, capsys: pytest.CaptureFixture[str]) -> None:
    assert inside("show", "2019", "CC") == 0
    told = capsys.readouterr().out
    assert "2019-02-18 00:10 UTC: passes at 0.428 lunar distances (165,000 km)" in told
    assert "150,000 → 165,000 km (+15,000 km)" in told
    assert "https://cneos.jpl.nasa.gov/ca/?des=2019%20CC" in told


def test_show_speaks_json_and_csv(settled: Home, capsys: pytest.CaptureFixture[str]) -> None:
    assert inside("show", "--json", "2019 CC") == 0
    told = json.loads(capsys.readouterr().out)
    assert [version["told"]["miss_distance_km"] for version in told["flybys"][0]["versions"]] == [150_000.0, 165_000.0]
    assert inside("show", "--csv", "2019 CC") == 0
    rows = list(csv.DictReader(StringIO(capsys.readouterr().out)))
    assert [(row["source"], row["revision"], row["miss_distance_km"]) for row in rows] == [
        ("neows", "1", "150000.0"),
        ("neows", "2", "165000.0"),
    ]


def test_show_of_nothing_is_one_line(settled: Home, capsys: pytest.CaptureFixture[str]) -> None:
    assert inside("show", "2019 CD") == 1
    assert_one_line(capsys.readouterr().err, contains="did you mean 2019 CC")
    assert inside("show") == 2
    assert_one_line(capsys.readouterr().err)


@pytest.mark.parametrize(
    "command", [("upcoming",), ("changes", "--since", "2019-02-15T12:00:00Z"), ("sql", "FROM close_approaches")]
)
def test_rows_come_as_csv_too(settled: Home, capsys: pytest.CaptureFixture[str], command: tuple[str, ...]) -> None:
    assert inside(*command, "--csv") == 0
    rows = list(csv.DictReader(StringIO(capsys.readouterr().out)))
    assert "2019 CC" in {row["designation"] for row in rows}
    assert inside(*command, "--csv", "--json") == 2
    assert_one_line(capsys.readouterr().err, contains="choose one")


def test_every_value_that_changed_is_a_row(settled: Home, capsys: pytest.CaptureFixture[str]) -> None:
    assert inside("changes", "--csv", "--since", "2019-02-15T12:00:00Z") == 0
    rows = {row["field"]: row for row in csv.DictReader(StringIO(capsys.readouterr().out))}
    assert (rows["miss_distance_km"]["before"], rows["miss_distance_km"]["after"]) == ("150000.0", "165000.0")
    assert rows["close_approach_date"]["after"] == "2019-02-18"


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", " =1", "＝1", "－1", "＠a"])
def test_a_cell_that_a_spreadsheet_would_run_is_text(text: str) -> None:
    assert spreadsheet.cell(text) == f"'{text}"


def test_numbers_stay_numbers() -> None:
    values = [-1, -1.5, Decimal("-2.50"), True, None, float("nan"), date(2019, 2, 7), ["a", "b"]]
    assert list(map(spreadsheet.cell, values)) == ["-1", "-1.5", "-2.50", "true", "", "", "2019-02-07", "a; b"]


@given(
    st.lists(
        st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\r")), min_size=2, max_size=2), max_size=5
    )
)
def test_any_text_comes_back_from_csv_and_none_is_a_formula(rows: list[list[str]]) -> None:
    written = spreadsheet.table(["a", "=b"], rows)
    read = list(csv.reader(StringIO(written, newline="")))
    assert read[0] == ["a", "'=b"]
    assert [
        [cell.removeprefix("'") if cell != text else cell for cell, text in zip(*pair, strict=True)]
        for pair in zip(read[1:], rows, strict=True)
    ] == rows
    assert not [cell for line in read for cell in line if cell.lstrip().startswith(("=", "+", "-", "@"))]


def completed(words: str, at: int, folder: Path) -> list[str]:
    """What bash offers for the words, as README says to set it up."""
    flyby = folder / "flyby"
    flyby.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m flyby "$@"\n')
    flyby.chmod(0o755)
    script = (
        'eval "$(_FLYBY_COMPLETE=bash_source flyby)"; complete -p flyby >/dev/null || exit 1; '
        f'COMP_WORDS=({words}); COMP_CWORD={at}; _flyby_completion flyby; printf "%s\\n" "${{COMPREPLY[@]}}"'
    )
    path = f"{folder}{os.pathsep}{os.environ['PATH']}"
    command = ["bash", "--norc", "-c", script]
    done = subprocess.run(command, env=os.environ | {"PATH": path}, capture_output=True, text=True, check=True)
    return done.stdout.split()


def test_bash_completes_commands_and_options(tmp_path: Path) -> None:
    assert completed("flyby sh", 1, tmp_path) == ["show"]
    assert {"--json", "--csv", "--closest"} <= set(completed("flyby upcoming --", 2, tmp_path))


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_are_told_how(tmp_path: Path, shell: str) -> None:
    done = call(env=environment(tmp_path, _FLYBY_COMPLETE=f"{shell}_source"), cwd=tmp_path)
    assert done.returncode == 0
    assert "_flyby_completion" in done.stdout
