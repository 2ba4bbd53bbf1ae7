"""How late a source is can be learned from its record: claims about the estimate, whatever the source."""

import json
import random
import re
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from urllib.request import Request, urlopen

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flyby.fetch.lateness import LISTED_BY, RECENT_DAYS, Followed, Lateness, declared, learned
from flyby.jobs.daily import gather
from flyby.query.database import lateness
from flyby.record.load import held, take_in
from flyby.settings import Settings

FIRST = date(2025, 1, 1)


def told(late_days: list[float], days: int, *, rows: int = 100, seed: int = 1, since: int = 0) -> list[Followed]:
    """What a record tells that read every day at D+1, D+2, … 06:00, up to the last of so many days; the chance of a row
    to be `n` mornings late is in proportion to late_days[n]."""
    chance = random.Random(seed)
    found = []
    for n in range(days):
        until = days - n - 1
        for _ in range(rows):
            listed = chance.choices(range(len(late_days)), late_days)[0]
            final = min(listed + chance.choice((0, 0, 0, 1, 2)), len(late_days) + 1)
            if final <= until:
                found.append(Followed(FIRST + timedelta(days=since + n), listed + 0.25, final + 0.25, until + 0.25, 1))
            elif listed <= until:  # as it was at the last reading: its last change has not come yet
                found.append(Followed(FIRST + timedelta(days=since + n), listed + 0.25, listed + 0.25, until + 0.25, 1))
    return found


def learn(rows: list[Followed]) -> Lateness:
    found = learned(rows)
    assert found is not None
    return found


def test_the_share_of_each_morning_is_learned_though_the_latest_days_were_not_followed_for_long() -> None:
    lateness = learn(told([60, 20, 10, 5, 3, 2], 12, rows=500))
    shares = {share.day: share.listed for share in lateness.shares}
    for day, truth in {1: 0.6, 2: 0.8, 3: 0.9, 4: 0.95, 5: 0.98, 6: 1.0}.items():
        assert shares[day] == pytest.approx(truth, abs=0.02)


def test_values_are_final_no_sooner_than_their_rows_are_listed() -> None:
    for share in learn(told([60, 20, 10, 5, 3, 2], 20)).shares:
        assert share.final <= share.listed + 1e-9


def test_the_error_that_is_told_holds_the_truth_in_most_of_many_worlds() -> None:
    inside = 0
    for seed in range(40):
        share = learn(told([60, 20, 10, 5, 5], 14, rows=60, seed=seed)).shares[0]
        inside += abs(share.listed - 0.6) <= 2 * share.listed_error
    assert inside >= 32


@given(
    late=st.lists(st.integers(0, 50), min_size=1, max_size=6).filter(any),
    days=st.integers(1, 20),
    seed=st.integers(0, 99),
)
def test_shares_rise_to_all_that_is_known_and_none_is_beyond(late: list[int], days: int, seed: int) -> None:
    lateness = learned(told([float(n) for n in late], days, rows=40, seed=seed))
    if lateness is None:
        return
    listed = [share.listed for share in lateness.shares]
    assert listed == sorted(listed)
    assert listed[-1] == 1
    assert all(0 <= share <= 1 for share in listed)
    curve = lateness.curve(LISTED_BY)
    by = [curve.by(age) for age in (-30, 0, 0.25, 1, 3, 10, 100, 5000)]
    assert by == sorted(by)
    assert all(0 <= share <= 1 for share in by)


def test_too_little_teaches_nothing() -> None:
    assert learned([]) is None
    assert learned(told([1], 1)) is None
    assert learned(told([1], 3, rows=2)) is None


@pytest.mark.parametrize(("later", "shift"), [([20.0, 80.0], -0.5), ([95.0, 5.0], 0.25), ([70.0, 30.0], None)])
def test_a_source_that_becomes_later_or_earlier_is_noticed_and_one_that_does_not_is_not(
    later: list[float], shift: float | None
) -> None:
    before = [r for r in told([70, 30], 40) if r.day < FIRST + timedelta(days=30)]
    late = [r for r in told(later, RECENT_DAYS + 4, since=30, seed=2) if r.until >= 2]
    found = learn([*before, *late]).shift
    assert found == (None if shift is None else pytest.approx(shift, abs=0.05))


def test_beyond_what_was_followed_the_declared_lateness_goes_on() -> None:
    prior = declared(30)
    lateness = learn(told([60, 40], 8))
    curve = lateness.curve(prior)
    end = lateness.shares[-1].age_days
    assert curve.by(end) == pytest.approx(prior.by(end))
    assert curve.by(30) == prior.by(30) == 1
    assert curve.by(0.25) < prior.by(end)


@pytest.mark.long
def test_thirty_mornings_of_asteroids_tell_within_three_errors_how_late_neows_is(shared: Path, tmp_path: Path) -> None:
    command = [sys.executable, str(shared / "realsky" / "neows_server.py"), "--port", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as server:
        try:
            assert server.stderr
            url = next(m[0] for line in server.stderr if (m := re.search(r"http://127\.0\.0\.1:\d+", line)))
            environ = {"FLYBY_HOME": str(tmp_path), "FLYBY_NEOWS_URL": f"{url}/neo/rest/v1", "NASA_API_KEY": "k" * 40}
            settings = Settings.load(environ)
            first = date(2019, 3, 1)
            for n in range(30):
                tick = first + timedelta(days=n)
                urlopen(f"{url}/-/as-of/{tick}").close()
                settings = replace(settings, rehearsed_now=datetime.combine(tick, time(6), UTC))
                gather(settings, tick)
                take_in(settings)
            with held(settings) as place:
                late = lateness(place, settings.dataset.schema, settings.now())
            assert late
            truth = Truth(url, [first + timedelta(days=n) for n in range(-1, 29)])
            for share in late.shares[:7]:
                error = 3 * max(share.listed_error, 0.01)
                assert share.listed == pytest.approx(truth.share(share.day, late.followed_days), abs=error), share
        finally:
            server.terminate()


class Truth:
    """What NeoWs listed for some days, so many mornings after each."""

    def __init__(self, url: str, days: list[date]) -> None:
        self._url, self._days = url, days

    def share(self, morning: int, last: int) -> float:
        """Of all that is listed on the morning D+`last`, what was on D+`morning`."""
        both, later = 0, 0
        for day in self._days:
            then, now = self._listed(day, morning), self._listed(day, last)
            both, later = both + len(then & now), later + len(now)
        return both / later

    def _listed(self, day: date, morning: int) -> set[str]:
        request = Request(
            f"{self._url}/neo/rest/v1/feed?start_date={day}&end_date={day}&api_key=truth",
            headers={"X-As-Of": str(day + timedelta(days=morning))},
        )
        with urlopen(request) as answer:
            told = json.load(answer)
        return {neo["id"] for neo in told["near_earth_objects"].get(str(day), [])}
