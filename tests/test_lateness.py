"""How late a source is can be learned from its record: claims about the estimate, whatever the source."""

import random
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flyby.fetch.lateness import LISTED_BY, RECENT_DAYS, Followed, Lateness, declared, learned

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
    lateness = learned(rows)
    assert lateness is not None
    return lateness


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
