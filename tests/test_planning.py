"""What a morning and a backfill ask for: claims about the pure planner, whatever the ledger."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from functools import partial

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from flyby.days import DAY, FIRST_DAY, LAST_DAY, WINDOW_DAYS, Window
from flyby.fetch import plan
from flyby.fetch.plan import DUE, QUOTA_SHARE, LedgerDay, budget, gap, morning
from flyby.sources.neows.policy import DEMO, DEMO_KEY_DAILY, LISTED_BY, NEOWS
from flyby.sources.policy import MORNING_REQUESTS, Policy

NOW = datetime(2026, 11, 23, 6, tzinfo=UTC)
TODAY = NOW.date()
OWN = morning(TODAY, NEOWS)
#: As NeoWs is asked.
revisits = partial(plan.revisits, policy=NEOWS)
wanted = partial(plan.wanted, policy=NEOWS)
expected_growth = partial(plan.expected_growth, curve=LISTED_BY)

ages_days = st.one_of(st.integers(-10, 60), st.integers(-400, 12_000))
budgets = st.integers(0, 40)


@st.composite
def ledgers(draw: st.DrawFn) -> list[LedgerDay]:
    """A stretch of days or two, each missing or last looked at some hours to months ago."""
    days: dict[date, LedgerDay] = {}
    for _ in range(draw(st.integers(1, 3))):
        start = TODAY - draw(ages_days) * DAY
        for n in range(draw(st.integers(1, 40))):
            hours = draw(st.sampled_from((None, 1, 11, 12, 24, 24, 48, 300, 3000)))
            seen = None if hours is None else NOW - timedelta(hours=hours)
            state = "missing" if seen is None else draw(st.sampled_from(("fresh", "settling", "settled", "suspect")))
            in_vain = draw(st.sampled_from((None, None, None, 1, 11, 12, 24)))
            refused = None if in_vain is None or (hours or 100) <= in_vain else NOW - timedelta(hours=in_vain)
            days[start + n * DAY] = LedgerDay(start + n * DAY, seen, state, refused)
    return list(days.values())


def held(day: date, seen: datetime = NOW - DAY, state: str = "settling") -> LedgerDay:
    return LedgerDay(day, seen, state)


def in_vain(ledger: list[LedgerDay], *, within_h: int = 10_000, beside: tuple[Window, ...] = ()) -> set[date]:
    """The days of windows with a day, none of those in `beside`, that was last asked for in vain."""
    since = NOW - timedelta(hours=within_h)
    refused = {e.day for e in ledger if e.refused_at and e.refused_at > since} - set(asked_days([*beside]))
    return {entry.day for entry in ledger for day in refused if cell(day) == cell(entry.day)}


def cell(day: date) -> int:
    return day.toordinal() // WINDOW_DAYS


def asked_days(chosen: list[Window]) -> list[date]:
    return [day for window in chosen for day in window.days]


@given(tick=st.dates(FIRST_DAY + 10 * DAY, LAST_DAY - 10 * DAY))
def test_a_morning_is_the_eight_days_behind_and_the_eight_ahead(tick: date) -> None:
    behind, ahead = morning(tick, NEOWS)
    assert [*behind.days, *ahead.days] == [tick + n * DAY for n in range(-8, 8)]
    assert tick - DAY in behind.days


@given(ledger=ledgers(), budget=budgets)
def test_revisits_keep_the_budget_and_never_ask_for_a_day_twice(ledger: list[LedgerDay], budget: int) -> None:
    chosen = revisits(ledger, now=NOW, budget=budget, asked=OWN)
    assert len(chosen) <= budget
    days = asked_days([*OWN, *chosen])
    assert len(set(days)) == len(days)


@given(ledger=ledgers(), budget=budgets)
def test_revisits_are_of_days_that_the_ledger_has(ledger: list[LedgerDay], budget: int) -> None:
    known = {entry.day for entry in ledger}
    for window in revisits(ledger, now=NOW, budget=budget):
        assert {window.start, window.end} <= known


@given(ledger=ledgers(), budget=budgets)
def test_no_doubtful_or_overdue_window_is_asked_for_before_every_missing_one(
    ledger: list[LedgerDay], budget: int
) -> None:
    missing = {entry.day for entry in ledger if entry.last_observed_at is None} - set(asked_days([*OWN]))
    missing -= in_vain(ledger, beside=OWN)
    chosen = revisits(ledger, now=NOW, budget=budget, asked=OWN)
    heals = [bool(missing & set(window.days)) for window in chosen]
    assert heals == sorted(heals, reverse=True), "missing days come first"
    if not all(heals) or len(chosen) < budget:
        assert missing <= set(asked_days(chosen))


@given(ledger=ledgers(), budget=budgets)
def test_doubtful_days_and_those_asked_for_in_vain_take_half_the_budget_at_most_while_others_are_due(
    ledger: list[LedgerDay], budget: int
) -> None:
    refused = in_vain(ledger)
    missing = {entry.day for entry in ledger if entry.last_observed_at is None} - refused
    suspect = {entry.day for entry in ledger if entry.state == "suspect"}
    chosen = revisits(ledger, now=NOW, budget=budget)
    heal = [window for window in chosen if missing & set(window.days)]
    doubtful = [
        window
        for window in chosen
        if window not in heal
        and (refused & set(window.days) or sum(expected_growth(e, NOW) for e in ledger if e.day in window.days) < DUE)
    ]
    assert all((suspect | refused) & set(window.days) for window in doubtful), "all others are missing or due"
    half = (budget - len(heal) + 1) // 2
    assert sum(bool(refused & set(window.days)) for window in doubtful) <= half
    if len(doubtful) > half:
        due = {entry.day for entry in ledger if expected_growth(entry, NOW) >= DUE}
        assert due - suspect - refused <= set(asked_days(chosen))


def test_what_others_leave_of_the_budget_goes_to_suspect_days() -> None:
    suspect = [held(TODAY - n * DAY, NOW - DAY, "suspect") for n in range(1000, 1000 + 10 * WINDOW_DAYS)]
    overdue = held(TODAY - 30 * DAY, NOW - 20 * DAY)
    chosen = revisits([*suspect, overdue], now=NOW, budget=8)
    assert len(chosen) == 8
    assert overdue.day in asked_days(chosen)


@given(ledger=ledgers(), budget=budgets)
def test_what_was_asked_for_in_vain_is_asked_for_last_and_after_half_a_day_only(
    ledger: list[LedgerDay], budget: int
) -> None:
    chosen = revisits(ledger, now=NOW, budget=budget)
    again = [bool(in_vain(ledger) & set(window.days)) for window in chosen]
    assert again == sorted(again)
    assert not in_vain(ledger, within_h=12) & set(asked_days(chosen))


@given(poisoned=st.integers(0, 60), budget=budgets)
def test_windows_that_cannot_be_read_leave_half_the_budget_to_the_others(poisoned: int, budget: int) -> None:
    start = TODAY - 2000 * DAY
    start -= start.toordinal() % WINDOW_DAYS * DAY
    never_read = [LedgerDay(start - n * DAY, None, "missing", NOW - DAY) for n in range(1, poisoned * WINDOW_DAYS + 1)]
    due = [held(TODAY - n * DAY, NOW - 90 * DAY) for n in range(8, 8 + 40 * WINDOW_DAYS)]
    chosen = revisits(never_read + due, now=NOW, budget=budget)
    assert len(chosen) == budget
    assert sum(window.end < start for window in chosen) == min(poisoned, (budget + 1) // 2)


@given(hours=st.integers(0, 11), budget=st.integers(1, 5))
def test_a_doubtful_day_is_asked_for_again_after_half_a_day_only(hours: int, budget: int) -> None:
    old = TODAY - 3000 * DAY
    assert revisits([held(old, NOW - timedelta(hours=hours), "suspect")], now=NOW, budget=budget) == []
    assert revisits([held(old, NOW - timedelta(hours=hours + 12), "suspect")], now=NOW, budget=budget) == [
        Window(old, old)
    ]


@given(ledger=ledgers())
def test_with_budget_enough_all_that_is_missing_or_due_is_asked_for(ledger: list[LedgerDay]) -> None:
    chosen = set(asked_days(revisits(ledger, now=NOW, budget=1000)))
    for entry in ledger:
        if entry.last_observed_at is None or expected_growth(entry, NOW) >= DUE:
            assert (entry.day in chosen) != (entry.day in in_vain(ledger, within_h=12))


def test_nothing_is_asked_for_again_at_once() -> None:
    ledger = [held(TODAY - n * DAY, NOW) for n in range(-8, 4000)]
    assert revisits(ledger, now=NOW, budget=100) == []


def test_recent_weeks_are_due_every_morning_and_old_years_seldom() -> None:
    def due(age_days: int, since_days: int) -> bool:
        start = TODAY - age_days * DAY
        start -= start.toordinal() % WINDOW_DAYS * DAY
        week = [held(start + n * DAY, NOW - since_days * DAY) for n in range(WINDOW_DAYS)]
        return bool(revisits(week, now=NOW, budget=1))

    assert all(due(age, 1) for age in range(8, 25))
    assert not any(due(age, 1) for age in range(400, 4000, 100))
    assert all(due(age, 365) for age in range(400, 3600, 100))


@given(ledger=ledgers(), n=st.integers(1, 20))
def test_of_what_is_due_the_most_overdue_comes_first(ledger: list[LedgerDay], n: int) -> None:
    ledger = [e for e in ledger if e.last_observed_at and e.state != "suspect" and not e.refused_at]
    growth = [
        sum(expected_growth(entry, NOW) for entry in ledger if entry.day in window.days)
        for window in revisits(ledger, now=NOW, budget=n)
    ]
    assert growth == sorted(growth, reverse=True)


def test_a_week_that_the_machine_was_off_is_one_or_two_requests() -> None:
    gap = [LedgerDay(TODAY - n * DAY, None, "missing") for n in range(9, 16)]
    assert len(revisits(gap, now=NOW, budget=22, asked=OWN)) <= 2


@given(off=st.integers(1, 40), days=st.integers(1, 8))
def test_the_days_on_which_the_machine_was_off_are_missing_on_the_first_morning_after(off: int, days: int) -> None:
    last = TODAY - off * DAY
    policy = replace(NEOWS, window_days=days, ahead_days=0)
    mornings = [held(last - n * DAY, seen=NOW - (off - 1) * DAY) for n in range(1, 9)]
    [own] = morning(TODAY, policy)
    missing = gap(mornings, own)
    assert [entry.day for entry in missing] == [last + n * DAY for n in range((own.start - last).days)]
    assert {entry.state for entry in missing} <= {"missing"}
    asked = revisits([*mornings, *missing], now=NOW, budget=40, asked=[own], policy=policy)
    assert set(asked_days([own, *asked])) >= {last + n * DAY for n in range(off)}


def test_a_gap_between_a_backfill_and_the_mornings_is_nobody_s_omission() -> None:
    long_ago = [held(date(1996, 1, 1) + n * DAY) for n in range(30)]
    assert gap(long_ago, OWN[0]) == []
    assert gap([], OWN[0]) == []


@given(remaining=st.none() | st.integers(0, 2000), used=st.integers(2, 80), policy=st.sampled_from((DEMO, NEOWS)))
@example(remaining=28, used=2, policy=DEMO)
def test_a_morning_stays_within_its_share_of_the_quota(remaining: int | None, used: int, policy: Policy) -> None:
    allowed = budget(policy, remaining=remaining, used_today=used)
    assert 0 <= allowed <= MORNING_REQUESTS - 2
    if remaining is not None and allowed:
        assert allowed <= remaining
        assert allowed + 2 <= QUOTA_SHARE * (remaining + 2)
    if policy is DEMO and allowed:
        assert used + allowed <= DEMO_KEY_DAILY


def test_a_demo_key_affords_a_whole_morning_and_a_second_one_in_part() -> None:
    assert budget(DEMO, remaining=28, used_today=2) == MORNING_REQUESTS - 2
    assert budget(DEMO, remaining=28, used_today=26) == 22
    assert budget(DEMO, remaining=28, used_today=28) == 20
    assert budget(DEMO, remaining=28, used_today=48) == 0


@given(ledger=ledgers(), first=ages_days, length=st.integers(1, 120))
def test_a_backfill_asks_for_every_day_that_is_not_held_in_the_fewest_windows(
    ledger: list[LedgerDay], first: int, length: int
) -> None:
    start, last = TODAY - first * DAY, TODAY - (first - length + 1) * DAY
    chosen = wanted(ledger, start, last, now=NOW)
    days = asked_days(chosen)
    assert len(set(days)) == len(days)
    assert all(start <= day <= last for day in days)
    assert chosen == sorted(chosen)

    by_day = {entry.day: entry for entry in ledger}
    needed = []
    for n in range(length):
        entry = by_day.get(start + n * DAY)
        if entry is None or entry.last_observed_at is None or expected_growth(entry, NOW) >= DUE / WINDOW_DAYS:
            needed.append(start + n * DAY)
    assert set(needed) <= set(days)

    # The fewest: cost[i] is the least that holds needed[i:], each window beginning where it is of most use.
    cost = [0] * (len(needed) + 1)
    for i in reversed(range(len(needed))):
        held_by_one = [j for j in range(i, len(needed)) if needed[j] - needed[i] < WINDOW_DAYS * DAY]
        cost[i] = 1 + min(cost[j + 1] for j in held_by_one)
    assert len(chosen) == cost[0]


@given(first=st.dates(date(1950, 1, 1), date(2050, 1, 1)), length=st.integers(1, 800))
def test_a_backfill_that_ran_through_asks_for_nothing_the_second_time(first: date, length: int) -> None:
    days = [first + n * DAY for n in range(length)]
    assert wanted([held(day, NOW) for day in days], days[0], days[-1], now=NOW) == []


@given(a=st.floats(-40_000, 40_000), b=st.floats(-40_000, 40_000))
def test_lists_only_grow_and_are_never_more_than_whole(a: float, b: float) -> None:
    assume(a <= b)
    assert 0 <= LISTED_BY.by(a) <= LISTED_BY.by(b) <= 1


@given(day=st.dates(date(1950, 1, 1), date(2050, 1, 1)), since=st.integers(0, 20_000))
def test_growth_is_expected_of_time_alone(day: date, since: int) -> None:
    entry = held(day, NOW - timedelta(hours=since))
    assert 0 <= expected_growth(entry, NOW) <= 1
    assert expected_growth(held(day, NOW), NOW) == 0
    missed = LedgerDay(day, None, "missing")
    assert expected_growth(missed, NOW) >= expected_growth(entry, NOW)


def test_an_age_counts_from_the_end_of_the_data_day() -> None:
    day = date(2026, 11, 22)
    midnight = datetime.combine(day + DAY, time(), UTC)
    assert expected_growth(LedgerDay(day, None, "missing"), midnight + DAY) == pytest.approx(0.65)
