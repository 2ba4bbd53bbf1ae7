"""Two sources, one record: the real sky of 2020 beside JPL's own list of that year, an outage, and a JPL that fails."""

import json
import os
import re
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from threading import Event
from typing import Any

import dagster as dg
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from pytest_httpserver import HTTPServer

from approaches import serving
from faults import HEROKU_PAGE, Act, FaultServer, Request, answer
from flyby.days import DAY, Window
from flyby.definitions import defs
from flyby.errors import SourceError
from flyby.jobs import compare as second_opinion
from flyby.jobs.backfill import backfill
from flyby.query import views
from flyby.query.checks import findings
from flyby.query.database import ask
from flyby.record.load import take_in
from flyby.sandbox import Sandbox
from flyby.settings import Settings
from flyby.sources import jpl
from flyby.sources.cad.feed import decode
from flyby.sources.dataset import Feed
from forks import called

#: JPL's recorded answer is of 27 September 2020, NeoWs' of December.
NOW = datetime(2020, 12, 20, 6, tzinfo=UTC)
YEAR = Window(date(2020, 1, 1), date(2020, 12, 31))
OUTAGE = Window(date(2020, 7, 1), date(2020, 8, 31))
AFTER_OUTAGE = datetime(2020, 9, 1, 6, tzinfo=UTC)


@contextmanager
def neows(shared: Path, folder: Path, *, without_54: Window | None = None) -> Iterator[str]:
    """The real sky of 2020 on loopback; in the days `without_54` it lists no 54… id."""
    pytest.importorskip("orjson", reason="the recorded sky is served with orjson")
    sky = pq.read_table(shared / "realsky" / "sky.parquet")
    sky = sky.filter(pc.equal(pc.year(sky["day"]), 2020))
    if without_54:
        is_out = pc.and_(
            pc.starts_with(sky["id"], "54"),
            pc.and_(pc.greater_equal(sky["day"], without_54.start), pc.less_equal(sky["day"], without_54.end)),
        )
        sky = sky.filter(pc.invert(is_out))
    pq.write_table(sky, folder / "sky.parquet")
    command = [sys.executable, str(shared / "realsky" / "neows_server.py"), "--port", "0"]
    with subprocess.Popen(
        [*command, "--data", str(folder / "sky.parquet")], stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stderr is not None
            yield process.stderr.readline().split()[1].removesuffix("/feed")
        finally:
            process.terminate()


@pytest.fixture(scope="module")
def recorded(shared: Path) -> bytes:
    return (shared / "recordings" / "cad" / "cad-2020.json").read_bytes()


def settings_of(home: Path, neows_url: str, jpl: FaultServer, now: datetime, **more: str) -> Settings:
    environment = {"FLYBY_NEOWS_URL": neows_url, "FLYBY_CAD_URL": jpl.url, "NASA_API_KEY": "a-made-up-key"}
    return Settings.load({"FLYBY_HOME": str(home), "FLYBY_NOW": now.isoformat(), **environment, **more})


@pytest.fixture(scope="module")
def year(shared: Path, recorded: bytes, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A home with all of 2020, first by NeoWs and then by JPL."""
    folder = tmp_path_factory.mktemp("year")
    with neows(shared, folder) as url, FaultServer() as jpl:
        jpl.play(serving(recorded))
        settings = settings_of(folder / "home", url, jpl, NOW)
        backfill(settings, YEAR.start, YEAR.end, on_progress=lambda progress: None)
        later = replace(settings, rehearsed_now=NOW + timedelta(hours=1.5))
        second_opinion.listen(later, second_opinion.history_windows(YEAR.start, YEAR.end))
        take_in(later)
    return later


def shown(settings: Settings) -> list[dict[str, Any]]:
    columns, rows = ask(settings.published, "FROM close_approaches WHERE listed")
    return [dict(zip(columns, row, strict=True)) for row in rows]


def names(flyby: dict[str, Any]) -> set[str]:
    """What JPL may call it: by its designation or by its number."""
    return {flyby["designation"], flyby["name"].split()[0]}


def found(feed: Feed, flybys: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """For every row of JPL's the flybys that could be it: of that name, on that day or up to two days from it."""
    by_name: dict[str, list[dict[str, Any]]] = {}
    for flyby in flybys:
        for name in names(flyby):
            by_name.setdefault(name, []).append(flyby)
    return [
        [
            flyby
            for flyby in by_name.get(row.entity, [])
            if abs(flyby["close_approach_date"] - row.day) <= 2 * DAY and "cad" in flyby["sources"]
        ]
        for row in feed.rows
        if not row.apart
    ]


def test_of_jpls_year_at_least_994_in_1000_are_in_both_lists_and_every_row_is_one_flyby(
    year: Settings, recorded: bytes
) -> None:
    feed = decode(recorded, YEAR)
    places = found(feed, shown(year))
    assert {len(place) for place in places} == {1}
    matched = sum(place[0]["sources"] == ["cad", "neows"] for place in places)
    opinion = views.second_opinion(year.published, NOW)
    assert opinion.in_both == matched == len(places) - opinion.cad_only
    assert matched >= 0.994 * len(feed.rows)
    assert (opinion.in_both, opinion.neows_only, opinion.cad_only, opinion.comets) == (4693, 719, 4, 3)
    assert sum(month.in_both for month in opinion.months) == opinion.in_both
    assert [month.month.month for month in opinion.months] == list(range(1, 13))


def test_the_distances_of_a_pair_agree_or_are_listed_as_a_disagreement(year: Settings) -> None:
    opinion = views.second_opinion(year.published, NOW)
    _, pairs = ask(
        year.published,
        """SELECT n.designation, n.miss_distance_au, c.miss_distance_min_au, c.miss_distance_max_au
        FROM revisions AS n JOIN revisions AS c USING (flyby_id)
        WHERE n.sources = ['neows'] AND c.sources = ['cad']""",
    )
    apart = Counter(name for name, au, least, most in pairs if not least * (1 - 1e-8) <= au <= most * (1 + 1e-8))
    assert len(pairs) == opinion.in_both
    assert Counter(difference.designation for difference in opinion.disagreements) == apart
    assert apart.total() == 7
    sigmas = [difference.sigmas or 0 for difference in opinion.disagreements]
    assert sigmas == sorted(sigmas, reverse=True)
    assert min(sigmas) > 3


def test_of_what_changed_after_jpl_gave_a_range_more_than_99_in_100_stayed_inside(year: Settings) -> None:
    simulated, rows = views.calibration(year.published)
    assert (simulated, {row.against for row in rows}) == (False, {"other"}), "JPL was heard once"
    assert sum(row.pairs for row in rows) == 4693
    assert (sum(row.distances_changed for row in rows), sum(row.distances_outside for row in rows)) == (915, 7)


def test_a_pair_has_one_name_or_one_number(year: Settings) -> None:
    _, pairs = ask(
        year.published,
        """SELECT n.name, n.designation, c.name, abs(date_diff('day', n.close_approach_date, c.close_approach_date))
        FROM revisions AS n JOIN revisions AS c USING (flyby_id)
        WHERE n.sources = ['neows'] AND c.sources = ['cad']""",
    )
    assert all(said in (designation, name.split()[0]) for name, designation, said, _ in pairs)
    assert max(days for *_, days in pairs) <= 2


def test_whatever_only_jpl_lists_has_a_reason(year: Settings) -> None:
    opinion = views.second_opinion(year.published, NOW)
    assert opinion.cad_only_because == {
        "NeoWs has it on another day": 2,
        "without a magnitude, as comets are": 2,
    }
    assert {flyby.designation: flyby.category for flyby in opinion.cad_only_flybys} == {
        "2001 GP2": "NeoWs has it on another day",
        "2020 SK1": "NeoWs has it on another day",
        "2020 M3": "without a magnitude, as comets are",
        "2013 TL117": "without a magnitude, as comets are",
    }


def test_a_second_source_that_says_the_same_is_no_change_and_no_second_flyby(year: Settings) -> None:
    changes = views.changes(year.published, NOW + timedelta(hours=1))
    assert (changes.changes, changes.first_looks) == ([], 4)
    day = date(2020, 11, 17)
    told = Counter(flyby["name"] for flyby in views.passed(year.published, day))
    assert set(told.values()) == {1}
    assert "(2004 HM)" not in told  # by NeoWs, which is shown, it passed two days before
    assert told.total() == len([flyby for flyby in shown(year) if flyby["close_approach_date"] == day])
    numbers = {finding.name: finding for finding in findings(year)}
    assert numbers["no_duplicates"].numbers == {"flybys": 5416, "duplicates": 0}


def test_status_tells_it_in_words_and_in_json_and_the_page_opens_in_a_browser(year: Settings, tmp_path: Path) -> None:
    shown_at = tmp_path / "shown"
    (browser := tmp_path / "browser").write_text(f'#!/bin/sh\necho "$1" >{shown_at}\n', encoding="utf-8")
    browser.chmod(0o755)

    def flyby(*words: str) -> str:
        settings = {"FLYBY_HOME": str(year.home), "FLYBY_NOW": year.now().isoformat()}
        env = {**os.environ, **settings, "BROWSER": f"{browser} %s", "COLUMNS": "300"}
        done = called(*words, env=env, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        return done.stdout

    said = flyby("status")
    assert "4,693 flybys are in both lists, 719 only in NeoWs', 4 only in JPL's" in said
    assert "only in JPL's, 2: NeoWs has it on another day" in said
    assert "of those in both, NeoWs has 7 outside of the range that JPL gives, the furthest " in said
    told = json.loads(flyby("status", "--json"))["second_opinion"]
    assert (told["in_both"], len(told["disagreements"]), len(told["cad_only_flybys"])) == (4693, 7, 4)
    assert flyby("report", "--open").split() == [str(year.report)]
    assert shown_at.read_text(encoding="utf-8").split() == [year.report.as_uri()]


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """An environment without settings, for jobs that are to find a test's own."""
    for name in [name for name in os.environ if name.startswith(("FLYBY_", "NASA_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setattr(jpl, "PATIENCE", replace(jpl.PATIENCE, first_wait_s=0.01))
    return monkeypatch


def run(job: str, op: str, settings: Settings, environment: pytest.MonkeyPatch) -> dg.ExecuteInProcessResult:
    """A job of the definitions for the day that it is, under these settings."""
    values = {
        "FLYBY_HOME": str(settings.home),
        "FLYBY_NEOWS_URL": settings.neows_url,
        "FLYBY_CAD_URL": settings.cad_url,
        "FLYBY_NOTIFY": " ".join(settings.notify),
        "FLYBY_NOTABLE": "0.01 LD",
        "FLYBY_NOW": settings.now().isoformat(),
        "NASA_API_KEY": settings.api_key,
    }
    for name, value in values.items():
        environment.setenv(name, value)
    config = {"ops": {op: {"config": {"date": settings.now().date().isoformat()}}}}
    with dg.DagsterInstance.ephemeral() as instance:
        return defs.resolve_job_def(job).execute_in_process(run_config=config, instance=instance, raise_on_error=False)


def test_when_neows_leaves_out_a_group_for_two_months_jpls_flybys_are_there_and_one_notice_says_what_is_missing(
    shared: Path, recorded: bytes, tmp_path: Path, httpserver: HTTPServer, environment: pytest.MonkeyPatch
) -> None:
    httpserver.expect_request("/notices").respond_with_data("")
    notify = f"json://127.0.0.1:{httpserver.port}/notices"
    with neows(shared, tmp_path, without_54=OUTAGE) as url, FaultServer() as jpl:
        jpl.play(serving(recorded))
        settings = settings_of(tmp_path / "home", url, jpl, AFTER_OUTAGE, FLYBY_NOTIFY=notify)
        backfill(settings, OUTAGE.start, OUTAGE.end, on_progress=lambda progress: None)
        assert {state for _, state in states(settings)} == {"fresh"}
        later = replace(settings, rehearsed_now=AFTER_OUTAGE + timedelta(hours=1.5))
        done = run("second_opinion_job", "second_opinion", later, environment)
        again = run(
            "second_opinion_job", "second_opinion", replace(later, rehearsed_now=later.now() + DAY), environment
        )
    assert done.success
    assert again.success
    feed = decode(recorded, YEAR)
    places = found(feed, shown(later))
    listed = [
        place
        for place, row in zip(places, [row for row in feed.rows if not row.apart], strict=True)
        if row.day in OUTAGE.days
    ]
    assert {len(place) for place in listed} == {1}
    opinion = views.second_opinion(later.published, later.now())
    assert opinion.cad_only_because == {"NeoWs lists no 54… id for the days around": opinion.cad_only}
    assert opinion.cad_only == sum(place[0]["sources"] == ["cad"] for place in listed) > 400

    # On 6 July JPL lists nothing that NeoWs does not.
    assert [day for day, state in states(later) if state != "suspect"] == [date(2020, 7, 6)]
    [notice] = [request.get_json() for request, _ in httpserver.log]
    assert notice["title"] == "flyby: the source leaves asteroids out"
    spans = views.status(later.published, later.now()).suspect
    assert [(span.first, span.last) for span in spans] == [
        (OUTAGE.start, date(2020, 7, 5)),
        (date(2020, 7, 7), OUTAGE.end),
    ]
    for span in spans:
        assert f"{span}: {span.note}" in notice["message"]
    assert re.fullmatch(r"NeoWs lacks 3\d\d of the 7\d\d flybys that JPL lists", str(spans[-1].note))
    [check] = done.get_asset_check_evaluations()
    assert (check.passed, check.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert "NeoWs lacks" in str(check.description)


@pytest.mark.parametrize(
    "act",
    [
        pytest.param(answer(HEROKU_PAGE, 503), id="down"),
        pytest.param(answer(HEROKU_PAGE), id="a page", marks=pytest.mark.long),
        pytest.param(answer(b'{"signature": {"source": "x"}, "count": 3}'), id="nonsense", marks=pytest.mark.long),
    ],
)
def test_a_jpl_that_fails_is_a_failed_run_of_its_own_and_the_next_morning_is_as_ever(
    act: Act, tmp_path: Path, environment: pytest.MonkeyPatch
) -> None:
    now = datetime(2026, 11, 23, 6, tzinfo=UTC)
    with Sandbox(now=now) as sky, FaultServer() as jpl:
        jpl.play(act)
        settings = settings_of(tmp_path, sky.url, jpl, now)
        heard = run("second_opinion_job", "second_opinion", settings, environment)
        morning = run(
            "asteroid_job", "asteroids", replace(settings, rehearsed_now=now + timedelta(hours=1)), environment
        )
    assert not heard.success
    [failure] = [event for event in heard.all_events if event.is_step_failure]
    said = failure.step_failure_data.user_failure_data
    assert said is not None
    assert "close-approach data" in str(said.description)
    assert morning.success
    assert settings.report.is_file()
    assert all(check.passed for check in morning.get_asset_check_evaluations())
    _, verdicts = ask(settings.published, "SELECT DISTINCT source, verdict FROM requests ORDER BY ALL")
    assert verdicts == [("cad", "rejected"), ("neows", "ok")]
    opinion = views.second_opinion(settings.published, now)
    assert (opinion.heard_at, opinion.failed_at, opinion.days) == (None, now, 0)
    assert opinion.failed_because


def test_a_morning_does_not_wait_for_a_jpl_that_is_silent(tmp_path: Path, environment: pytest.MonkeyPatch) -> None:
    now = datetime(2026, 11, 23, 6, tzinfo=UTC)
    asked, ended = Event(), Event()

    def silent(connection: socket.socket, request: Request) -> None:
        asked.set()
        ended.wait(60)

    with Sandbox(now=now) as sky, FaultServer() as jpl, ThreadPoolExecutor(1) as pool:
        jpl.play(silent)
        settings = settings_of(tmp_path, sky.url, jpl, now)
        listening = pool.submit(second_opinion.second_opinion, settings, now.date())
        assert asked.wait(60)
        morning = run("asteroid_job", "asteroids", settings, environment)
        assert morning.success
        assert not listening.done()
        ended.set()
        with pytest.raises(SourceError):
            listening.result(60)


def states(settings: Settings) -> list[tuple[Any, ...]]:
    return ask(settings.published, "SELECT day, state FROM days WHERE observations > 0 ORDER BY day")[1]
