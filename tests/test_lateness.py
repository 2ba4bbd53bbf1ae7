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

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flyby.fetch.lateness import RECENT_DAYS, Followed, Lateness, learned
from flyby.jobs.daily import gather
from flyby.query.database import lateness
from flyby.record.load import held, take_in
from flyby.settings import Settings
from flyby.sources.neows.policy import LISTED_BY
from flyby.sources.policy import Curve

FIRST = date(2025, 1, 1)
GUESS = Curve.final_after(30)
#: What was measured once of a source with 60 % on the first morning, 80 % on the second and 90 % on the third.
MEASURED = Curve(((0.25, 0.6), (1.25, 0.8), (2.25, 0.9), (3.25, 1)), rows=100)


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


def learn(rows: list[Followed], before: Curve = GUESS) -> Lateness:
    found = learned(rows, before)
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


def test_what_was_measured_before_steadies_the_first_weeks() -> None:
    def error(before: Curve) -> float:
        worlds = [learn(told([60, 20, 10, 10], 10, rows=15, seed=seed), before).shares[0].listed for seed in range(40)]
        return sum((share - 0.6) ** 2 for share in worlds)

    assert error(MEASURED) < error(GUESS) / 2


def test_what_was_measured_before_fades_where_the_source_is_other_by_now() -> None:
    shares = [learn(told([90, 4, 3, 3], days, rows=20), MEASURED).shares[0] for days in (8, 30, 200)]
    off = [0.9 - share.listed for share in shares]
    assert off[0] > 0.1 > off[1] > 0.02 > off[2]
    assert all(difference < 2 * share.listed_error for difference, share in zip(off, shares, strict=True))


def test_a_guess_is_forgotten_as_far_as_a_curve_is_learned() -> None:
    rows = told([60, 20, 10, 10], 8)
    assert learned(rows, Curve.final_after(3)) == learned(rows, Curve.final_after(300))


def test_what_was_measured_of_rows_says_nothing_of_their_values() -> None:
    rows = told([60, 20, 10, 10], 20)
    assert [share.final for share in learn(rows, MEASURED).shares] == [share.final for share in learn(rows).shares]


@given(
    late=st.lists(st.integers(0, 50), min_size=1, max_size=6).filter(any),
    days=st.integers(1, 20),
    seed=st.integers(0, 99),
)
def test_shares_rise_to_all_that_is_known_and_none_is_beyond(late: list[int], days: int, seed: int) -> None:
    lateness = learned(told([float(n) for n in late], days, rows=40, seed=seed), LISTED_BY)
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
    assert learned([], MEASURED) is None
    assert learned(told([1], 1), MEASURED) is None
    assert learned(told([1], 3, rows=2), MEASURED) is None


@pytest.mark.parametrize(("later", "shift"), [([20.0, 80.0], -0.5), ([95.0, 5.0], 0.25), ([70.0, 30.0], None)])
def test_a_source_that_becomes_later_or_earlier_is_noticed_and_one_that_does_not_is_not(
    later: list[float], shift: float | None
) -> None:
    before = [r for r in told([70, 30], 40) if r.day < FIRST + timedelta(days=30)]
    late = [r for r in told(later, RECENT_DAYS + 4, since=30, seed=2) if r.until >= 2]
    found = learn([*before, *late]).shift
    assert found == (None if shift is None else pytest.approx(shift, abs=0.05))


def test_beyond_what_was_followed_the_declared_lateness_goes_on() -> None:
    prior = Curve.final_after(30)
    lateness = learn(told([60, 40], 8))
    curve = lateness.curve(prior)
    end = lateness.shares[-1].age_days
    assert curve.by(end) == pytest.approx(prior.by(end))
    assert curve.by(30) == prior.by(30) == 1
    assert curve.by(0.25) < prior.by(end)


@pytest.fixture(scope="module")
def sky(shared: Path) -> dict[date, list[int]]:
    """When the flybys of each day were discovered, in days after it."""
    found: dict[date, list[int]] = {}
    for flyby in pq.read_table(shared / "realsky" / "sky.parquet", columns=["day", "discovered"]).to_pylist():
        discovered = flyby["discovered"] or flyby["day"]
        found.setdefault(flyby["day"], []).append((discovered - flyby["day"]).days)
    return found


def test_what_was_measured_of_neows_is_worth_as_many_rows_as_months_differ(sky: dict[date, list[int]]) -> None:
    months = [
        [age for n in range(30) for age in sky[date(2015, 1, 1) + timedelta(days=30 * month + n)] if age <= 21]
        for month in range(48)
    ]
    later = [len(ages) for ages in months]
    there = [sum(age <= 1 for age in ages) for ages in months]
    share, rows = sum(there) / sum(later), sum(later)
    within = sum(a * (1 - a / b) for a, b in zip(there, later, strict=True)) / (rows - 48)
    between = sum(b * (a / b - share) ** 2 for a, b in zip(there, later, strict=True)) / 47
    a_month = (rows - sum(b * b for b in later) / rows) / 47
    correlation = (between - within) / (between + (a_month - 1) * within)
    assert 1 / correlation - 1 == pytest.approx(LISTED_BY.rows, rel=0.1)


@pytest.mark.parametrize(("before", "months"), [(LISTED_BY, 12), (GUESS, 7)])
def test_thirty_mornings_tell_to_two_points_in_as_many_of_seventeen_months_as_is_said(
    sky: dict[date, list[int]], before: Curve, months: int
) -> None:
    right = 0
    for first in [*(date(2019, n, 1) for n in range(1, 13)), *(date(2020, n, 1) for n in range(1, 6))]:
        days = [first + timedelta(days=n) for n in range(-1, 29)]
        # What was discovered by midnight is listed at six; what was before D+1 counts from there.
        late = {day: [max(age + 1, 1) for age in sky[day]] for day in days}
        last = {day: 29 - n for n, day in enumerate(days, -1)}
        followed = [
            Followed(day, n - 0.75, n - 0.75, last[day] - 0.75, 1) for day in days for n in late[day] if n <= last[day]
        ]
        shares = learn(followed, before).shares
        listed = {n: sum(age <= n for ages in late.values() for age in ages) for n in range(1, 31)}
        right += all(abs(share.listed - listed[share.day] / listed[shares[-1].day]) <= 0.02 for share in shares[:7])
    assert right == months


@pytest.mark.long
@pytest.mark.parametrize("first", [date(2019, 3, 1), date(2020, 3, 1)])
def test_thirty_mornings_of_asteroids_tell_to_two_points_how_late_neows_is(
    shared: Path, tmp_path: Path, first: date
) -> None:
    command = [sys.executable, str(shared / "realsky" / "neows_server.py"), "--port", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as server:
        try:
            assert server.stderr
            url = next(m[0] for line in server.stderr if (m := re.search(r"http://127\.0\.0\.1:\d+", line)))
            environ = {"FLYBY_HOME": str(tmp_path), "FLYBY_NEOWS_URL": f"{url}/neo/rest/v1", "NASA_API_KEY": "k" * 40}
            settings = Settings.load(environ)
            for n in range(30):
                tick = first + timedelta(days=n)
                # At six in the morning there is what was discovered by midnight.
                urlopen(f"{url}/-/as-of/{tick - timedelta(days=1)}").close()
                settings = replace(settings, rehearsed_now=datetime.combine(tick, time(6), UTC))
                gather(settings, tick)
                take_in(settings)
            with held(settings) as place:
                late = lateness(place, settings.dataset.schema, settings.now(), LISTED_BY)
            assert late
            truth = Truth(url, [first + timedelta(days=n) for n in range(-1, 29)])
            for share in late.shares[:7]:
                assert share.listed == pytest.approx(truth.share(share.day, late.followed_days), abs=0.02), share
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
            headers={"X-As-Of": str(day + timedelta(days=morning - 1))},
        )
        with urlopen(request) as answer:
            told = json.load(answer)
        return {neo["id"] for neo in told["near_earth_objects"].get(str(day), [])}
