"""The benchmark of scale: its surveyed sky is today's and more, and its page says what was measured."""

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import duckdb
import pytest

from answers import Home, row, window
from benchmarks import decade
from benchmarks.scale_model import breaks_at, costs
from benchmarks.scale_page import MARKED, PARTS, filled
from benchmarks.scale_results import Figures, Results, Size, Turns
from benchmarks.survey import SEED, SURVEY_BEGAN, Survey
from flyby.record.load import publish_record
from flyby.sandbox.population import Population

PAGE = (Path(__file__).parents[1] / "docs" / "scale.md").read_text()


def test_a_survey_lists_what_todays_sky_does_and_more_under_names_of_its_own() -> None:
    edition, days = date(2030, 6, 1), [date(2030, 5, 1) + timedelta(days=n) for n in range(20)]
    survey, today = Survey(times=10), Population(SEED)
    found = {(row.designation, row.day) for day in days for row in survey.listed_in(day, edition)}
    known = {(row.designation, row.day) for day in days for row in today.listed_in(day, edition)}
    assert known < found
    assert len(found) > 5 * len(known)
    rows = [row for day in days for row in survey.listed_in(day, edition)]
    assert len({(row.neo_id, row.day) for row in rows}) == len(rows)


def test_before_it_began_a_survey_has_found_nothing() -> None:
    day = SURVEY_BEGAN - timedelta(days=40)
    edition = SURVEY_BEGAN - timedelta(days=1)
    assert Survey(times=10).listed_in(day, edition) == Population(SEED).listed_in(day, edition)


SMALL = Size(
    where="file",
    times=1,
    years=2,
    padded=False,
    flybys=1000,
    revisions=1000,
    answers=100,
    rows=10_000,
    json_mb=10,
    raw_mb=1,
    record_mb=1,
    files=1,
    morning_s=9,
    morning_cpu_s=4,
    morning_peak_mb=300,
    morning_requests=24,
    morning_rows=1000,
    rebuild_s=1,
    publish_s=1,
    name_s=1e-5,
)


def results() -> Results:
    found = Results("2026-12-20", "a machine", "versions", quick=False, times=10, mornings=60)
    few = replace(SMALL, revisions=1000, morning_rows=1000, morning_cpu_s=4)
    many = replace(few, times=10, revisions=11_000, morning_rows=2000, morning_cpu_s=5.01, rows=100_000, rebuild_s=10)
    padded = replace(many, padded=True, revisions=1_011_000, morning_cpu_s=6.01)
    found.sizes = [few, many, padded]
    said: Figures = dict.fromkeys(
        [
            "neows_bytes",
            "cad_bytes",
            "neows_raw_bytes",
            "cad_raw_bytes",
            "neows_answers",
            "cad_answers",
            "flybys",
            "neows_revisions",
            "cad_revisions",
        ],
        100,
    ) | {"neows_rows": 10, "cad_rows": 10, "rebuild_ms": 2}
    found.really, found.on_paper = said, said
    found.decade = [
        {
            **said,
            "year": year,
            "times": times,
            "neows_longest": 10 * times,
            "cad_longest": 20 * times,
            "neows_rows": year * times * 400_000,
            "cad_rows": 0,
        }
        for year in range(1, 11)
        for times in (1, 10)
    ]
    return found


def test_what_a_row_and_a_revision_cost_is_told_apart() -> None:
    of = costs(results())
    assert of is not None
    assert round(of.morning_row_s, 9) == 0.001
    assert round(of.morning_revision_s, 12) == 1e-6
    assert round(of.morning_cpu_s, 6) == 4 - 1 - 0.001


def test_an_answer_is_too_long_with_so_many_times_the_discoveries() -> None:
    found = results()
    assert breaks_at(found, "neows_longest", 1000) == 100


def test_the_page_has_every_figure_and_keeps_its_words() -> None:
    found = results()
    found.turns = [Turns("lake", 4, False, 400, 40.0, 0, 20_000, 0, 0)]
    page = filled(PAGE, found)
    assert {part[2] for part in MARKED.finditer(PAGE)} == set(PARTS)
    assert "| lake | 4 | 400 | 40.0 s | 10.0 | 0 | 0 | 0 |" in page
    assert MARKED.sub("", page) == MARKED.sub("", PAGE)
    assert filled(page, found) == page


def test_a_record_is_padded_with_a_past_that_changes_nothing_of_what_is_believed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = Home(tmp_path)
    ten = [row(f"2018 B{n}", f"{n}", "2019-02-12") for n in range(10)]
    home.sitting("2019-02-16", (window("2019-02-08", "2019-02-15"), ten))
    home.release()
    publish_record(home.settings)
    monkeypatch.setenv("FLYBY_HOME", str(tmp_path))
    counts = "SELECT (SELECT count(*) FROM revisions), (SELECT count(*) FROM requests)"
    chains = "SELECT flyby_id, sources, revision, count(*) FROM revisions GROUP BY ALL HAVING count(*) > 1"
    # What was believed at the moment is worked out from the revisions.
    then = "SELECT * FROM close_approaches_as_of('2019-02-17') ORDER BY ALL"
    with duckdb.connect(home.settings.published, read_only=True) as before:
        was = before.execute(then).fetchall()
    decade.pad(40, 3)
    with duckdb.connect(home.settings.published, read_only=True) as padded:
        assert padded.execute(counts).fetchall() == [(40, 3)]
        assert padded.execute(then).fetchall() == was != []
        assert padded.execute(chains).fetchall() == []
        [(ages,)] = padded.execute("SELECT count(DISTINCT seen_from) FROM revisions").fetchall()
        assert ages == 4, "each past of a flyby is of its own time"
    assert min(decade.costs().values()) > 0
