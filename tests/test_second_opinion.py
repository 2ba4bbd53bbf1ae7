"""What JPL is asked, how often, and what becomes of its answers; and that none of it is the morning's."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from approaches import make_cad, make_row, serving
from faults import HEROKU_PAGE, Act, FaultServer, answer, stall
from flyby.days import DAY, Window
from flyby.errors import SourceError
from flyby.fetch.raw import landed
from flyby.jobs.compare import (
    COMING_DAYS,
    HISTORY_EVERY,
    MOST_A_DAY,
    TRAILING_DAYS,
    around,
    history_windows,
    listen,
    plan,
)
from flyby.jobs.daily import gather
from flyby.record.load import load_staged, publish_record, stage_landed
from flyby.record.staging import typed
from flyby.sandbox import Sandbox
from flyby.settings import Settings
from flyby.sources.jpl import PATIENCE

NOW = datetime(2026, 11, 23, 7, tzinfo=UTC)
TODAY = NOW.date()
KEY = "a-made-up-key-0123456789"
YEAR = Window(date(2020, 1, 1), date(2020, 12, 31))
NOTHING = make_cad(count=0, fields=..., data=...)


@pytest.fixture(autouse=True)
def _hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flyby.sources.jpl.PATIENCE", replace(PATIENCE, first_wait_s=0.01))


@pytest.fixture
def jpl() -> Iterator[FaultServer]:
    with FaultServer() as server:
        server.play(answer(NOTHING))
        yield server


@pytest.fixture
def settings(tmp_path: Path, jpl: FaultServer) -> Settings:
    return Settings.load(
        {"FLYBY_HOME": str(tmp_path), "NASA_API_KEY": KEY, "FLYBY_CAD_URL": jpl.url, "FLYBY_NOW": NOW.isoformat()}
    )


def under(sky: Sandbox, home: Path) -> Settings:
    """Settings for both sources under the built-in sky."""
    return Settings.load(
        {
            "FLYBY_HOME": str(home),
            "FLYBY_NEOWS_URL": sky.url,
            "FLYBY_CAD_URL": sky.cad_url,
            "NASA_API_KEY": KEY,
            "FLYBY_NOW": NOW.isoformat(),
        }
    )


def staged(settings: Settings) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """What the landed answers of JPL become: answers and rows."""
    batches = list(typed(landed(settings.raw, source="cad")))
    told = [(batch.answers.to_pylist(), batch.rows.to_pylist()) for batch in batches]
    return told[0] if told else ([], [])


def take_in(settings: Settings) -> None:
    stage_landed(settings)
    load_staged(settings)
    publish_record(settings)


def test_the_days_around_are_sixty_behind_and_sixty_ahead_in_one_request() -> None:
    assert around(TODAY) == Window(TODAY - TRAILING_DAYS * DAY, TODAY + COMING_DAYS * DAY)
    assert (TRAILING_DAYS, COMING_DAYS) == (60, 60)
    assert around(date(1900, 1, 9)).start == date(1900, 1, 1)
    assert around(date(2200, 12, 24)).end == date(2200, 12, 31)


def test_history_is_a_request_a_calendar_year() -> None:
    assert history_windows(date(2019, 3, 5), date(2021, 2, 1)) == [
        Window(date(2019, 3, 5), date(2019, 12, 31)),
        YEAR,
        Window(date(2021, 1, 1), date(2021, 2, 1)),
    ]
    assert history_windows(date(2020, 5, 1), date(2020, 5, 1)) == [Window(date(2020, 5, 1), date(2020, 5, 1))]
    assert history_windows(date(2020, 5, 2), date(2020, 5, 1)) == []
    assert history_windows(date(2021, 5, 2), date(2020, 5, 1)) == []


def test_what_is_heard_is_landed_and_staged_as_jpl_s(settings: Settings, jpl: FaultServer) -> None:
    comet = make_row("249P", "2020-Jun-01 00:00", fullname="249P/LINEAR")
    jpl.play(answer(make_cad(make_row(), make_row("433", fullname="433 Eros (A898 PA)"), comet)))
    heard = listen(settings, [YEAR])
    assert (heard.requested_at, heard.windows, heard.put_off, heard.cut_short) == (NOW, (YEAR,), (), None)
    (verdict,), observations = staged(settings)
    request_id = "cad/20261123T070000.000000Z_2020-01-01_2020-12-31_1_200_comparison"
    assert (verdict["source"], verdict["verdict"], verdict["rows"], verdict["set_apart"]) == ("cad", "ok", 2, 1)
    assert (verdict["request_id"], verdict["raw_path"]) == (request_id, f"raw/cad/2026/11/{request_id[4:]}.json.zst")
    rows = [observations[number] for number in verdict["listed"]]
    assert [(row["entity"], row["apart"]) for row in rows] == [("2020 AY1", False), ("A898 PA", False), ("249P", True)]


def test_the_key_is_not_sent_to_jpl(settings: Settings, jpl: FaultServer) -> None:
    listen(settings, [YEAR])
    (request,) = jpl.requests
    assert KEY not in request.target + repr(request.headers)
    assert not {"x-api-key", "authorization", "cookie"} & set(request.headers)


def test_several_windows_are_one_sitting(settings: Settings, jpl: FaultServer) -> None:
    windows = history_windows(date(2018, 1, 1), date(2020, 12, 31))
    assert listen(settings, windows).windows == tuple(windows)
    assert len(jpl.requests) == 3
    assert {answer.requested_at for answer in landed(settings.raw)} == {NOW}


def test_jpl_is_asked_for_few_windows_a_day_and_the_rest_is_put_off(settings: Settings, jpl: FaultServer) -> None:
    windows = history_windows(date(2011, 1, 1), date(2020, 12, 31))
    heard = listen(settings, windows)
    assert (heard.windows, heard.put_off) == (tuple(windows[:MOST_A_DAY]), tuple(windows[MOST_A_DAY:]))
    assert len(jpl.requests) == MOST_A_DAY
    again = listen(replace(settings, rehearsed_now=NOW + timedelta(hours=1)), heard.put_off)
    assert (again.windows, again.put_off) == ((), heard.put_off)
    assert len(jpl.requests) == MOST_A_DAY
    tomorrow = listen(replace(settings, rehearsed_now=NOW + timedelta(hours=23)), heard.put_off)
    assert (tomorrow.windows, tomorrow.put_off) == (heard.put_off, ())


@pytest.mark.parametrize(
    ("act", "words", "answers"),
    [
        (answer(HEROKU_PAGE, 503), "out of order", 3),
        (stall(), "answers too slowly", 0),
        (answer(HEROKU_PAGE), "a page", 3),
        (answer(make_cad(make_row(cd="2019-Jan-01 00:00"))), "is on 2019-01-01", 3),
        (answer(b"", 429), "fewer requests", 1),
    ],
    ids=["down", "slow", "a page", "nonsense", "weary"],
)
def test_a_jpl_that_gives_no_answer_is_one_line_and_what_came_is_landed_and_rejected(
    settings: Settings, jpl: FaultServer, act: Act, words: str, answers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    hurried = replace(PATIENCE, first_wait_s=0.01, read_s=PATIENCE.read_s if answers else 0.3)
    monkeypatch.setattr("flyby.sources.jpl.PATIENCE", hurried)
    jpl.play(act)
    with pytest.raises(SourceError, match=words):
        listen(settings, [YEAR, around(TODAY)])
    verdicts, observations = staged(settings)
    assert [verdict["verdict"] for verdict in verdicts] == ["rejected"] * answers
    assert observations == []


def test_a_failure_after_an_answer_ends_the_listening_and_is_told(settings: Settings, jpl: FaultServer) -> None:
    jpl.play(answer(NOTHING), answer(b'{"message":"no","code":"400"}', 400))
    heard = listen(settings, [around(TODAY), YEAR, replace(YEAR, end=YEAR.start)])
    assert heard.windows == (around(TODAY),)
    assert heard.put_off == ()
    assert "HTTP 400 no" in str(heard.cut_short)
    assert len(jpl.requests) == 2


def test_without_history_the_days_around_are_all_that_is_asked_for(settings: Settings) -> None:
    assert plan(settings, TODAY) == [around(TODAY)]


def test_the_recording_of_2020_is_landed_and_staged(settings: Settings, jpl: FaultServer, shared: Path) -> None:
    jpl.play(serving((shared / "recordings" / "cad" / "cad-2020.json").read_bytes()))
    listen(settings, [*history_windows(YEAR.start, YEAR.end), around(date(2020, 6, 1))])
    verdicts, observations = staged(settings)
    assert [(verdict["verdict"], verdict["note"]) for verdict in verdicts] == [("ok", None)] * 2
    near = around(date(2020, 6, 1))
    of_the_year = [observations[number] for number in verdicts[0]["listed"]]
    assert sum(not row["apart"] for row in of_the_year) == verdicts[0]["rows"] == 4697
    # Each is asked for a day wider than its window.
    among = [row for row in of_the_year if near.start - DAY <= row["day"] <= near.end + DAY and not row["apart"]]
    assert len(among) == verdicts[1]["rows"] > 1000


def test_history_is_what_neows_was_asked_about_each_year_due_again_after_a_month(tmp_path: Path) -> None:
    with Sandbox(now=NOW) as sky:
        settings = under(sky, tmp_path)
        long_ago, recently = date(2025, 11, 1), TODAY
        for tick in (long_ago, recently):
            gather(replace(settings, rehearsed_now=NOW + (tick - TODAY)), tick)
        take_in(settings)
        near = around(TODAY)
        years = [Window(date(2025, 10, 24), date(2025, 11, 8))]
        assert plan(settings, TODAY) == [near, *years]

        heard = listen(settings, plan(settings, TODAY))
        assert heard.windows == (near, *years)
        take_in(settings)
        assert plan(settings, TODAY) == [near]
        later = replace(settings, rehearsed_now=NOW + HISTORY_EVERY)
        assert years[0] in plan(later, later.now().date())


def test_the_longest_unheard_year_is_first_and_of_the_never_heard_the_latest(tmp_path: Path) -> None:
    with Sandbox(now=NOW) as sky:
        settings = under(sky, tmp_path)
        for year in (2021, 2022, 2023):
            gather(settings, date(year, 6, 20))
        take_in(settings)
        near, *years = plan(settings, TODAY)
        assert near == around(TODAY)
        assert [(window.start.year, window.end.year) for window in years] == [(2023, 2023), (2022, 2022), (2021, 2021)]


def test_a_jpl_that_is_down_leaves_the_morning_as_it_is(tmp_path: Path) -> None:
    with Sandbox(now=NOW) as sky:
        sky.set_fault("cad-down")
        settings = under(sky, tmp_path)
        with pytest.raises(SourceError, match="JPL's close-approach data is out of order"):
            listen(settings, [around(TODAY)])
        gathered = gather(settings, TODAY)
        assert len(gathered.windows) == 2
        stage_landed(settings)
        assert load_staged(settings).rows > 0
        publish_record(settings)
        assert settings.published.exists()
