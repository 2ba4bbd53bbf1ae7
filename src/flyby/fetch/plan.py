"""Which windows to ask for. Pure: the ledger and the budget in, windows out."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from math import exp2, log

from flyby.days import DAY, FIRST_DAY, LAST_DAY, WINDOW_DAYS, Window, parse_day
from flyby.errors import UsageError
from flyby.settings import DEMO_KEY

#: Of all flybys that NeoWs ever lists for a day, the share that it lists this many days later. Measured on the flybys
#: of 2015–2019 up to a year (`flyby latency` measures your own record); beyond, so that old years are seldom worth a
#: visit.
LISTED_BY = ((0.1, 0.6), (1, 0.65), (3, 0.68), (7, 0.73), (14, 0.76), (30, 0.79), (365, 0.86), (3650, 0.97), (36500, 1))

#: A window is due when its days together are expected to have grown by this share of one day's list.
DUE = 0.005

#: A morning asks this often at most, and uses at most this share of what the key has left this hour.
MORNING_REQUESTS = 24
QUOTA_SHARE = 0.8
#: DEMO_KEY's daily limit is in no header: 50, of which two remain for a person.
DEMO_KEY_DAILY = 48

#: Doubtful days are asked for again once a day, with at most this share of the budget: an outage can last for months,
#: and an answer that cannot be read for ever.
SUSPECT_SHARE = 0.5
SUSPECT_AFTER_S = 12 * 3600


@dataclass(frozen=True, slots=True)
class LedgerDay:
    """What the ledger says of a day that planning needs."""

    day: date
    last_observed_at: datetime | None
    state: str
    #: When it was last asked for in vain, if that was after it was last observed.
    refused_at: datetime | None = None


def morning(tick: date) -> tuple[Window, Window]:
    """The two windows of the run for `tick`: the eight days behind it, of which the last is its own, and the eight
    ahead."""
    return Window(tick - WINDOW_DAYS * DAY, tick - DAY), Window(tick, tick + (WINDOW_DAYS - 1) * DAY)


def parse_tick(text: str, *, field: str = "date") -> date:
    """The tick date that `text` names, written YYYY-MM-DD; NeoWs must serve both windows of its run.

    Raises UsageError with the field's name and the form it wants.
    """
    tick = parse_day(text, field=field)
    first, last = FIRST_DAY + WINDOW_DAYS * DAY, LAST_DAY - (WINDOW_DAYS - 1) * DAY
    if not first <= tick <= last:
        raise UsageError(
            f"{field} {tick} needs days beyond what NeoWs serves ({FIRST_DAY} to {LAST_DAY}): "
            f"write a day from {first} to {last}"
        )
    return tick


def budget(*, key: str, remaining: int | None, used_today: int) -> int:
    """How many more requests a morning may make after its first two.

    `remaining` is what the source says the key has left this hour (None: it did not say), `used_today` the requests of
    the last 24 hours, those two included.
    """
    allowed = MORNING_REQUESTS - 2
    if remaining is not None:
        allowed = min(allowed, int((remaining + 2) * QUOTA_SHARE) - 2)
    if key == DEMO_KEY:
        allowed = min(allowed, DEMO_KEY_DAILY - used_today)
    return max(allowed, 0)


def revisits(ledger: Iterable[LedgerDay], *, now: datetime, budget: int, asked: Iterable[Window] = ()) -> list[Window]:
    """The windows most worth asking for again, at most `budget`, none of them with a day of `asked`.

    First the days that were missed, then doubtful ones, then where by the measured curve most has been added since the
    last look. Doubtful is a window with a suspect day, or with one that was asked for in vain the last time; the latter
    are asked last of all, since many of them in a row end a reading.
    Windows lie on a grid of eight days, so that a day's visits do not leave slivers beside it.
    """
    done = {day for window in asked for day in window.days}
    cells: defaultdict[int, list[LedgerDay]] = defaultdict(list)
    for entry in ledger:
        if entry.day not in done:
            cells[entry.day.toordinal() // WINDOW_DAYS].append(entry)

    missing, doubtful, due = [], [], []
    refused: set[Window] = set()
    for entries in cells.values():
        growth = sum(expected_growth(entry, now) for entry in entries)
        window = Window(min(e.day for e in entries), max(e.day for e in entries))
        in_vain = [entry.refused_at for entry in entries if entry.refused_at]
        if in_vain:
            refused.add(window)
            if (now - max(in_vain)).total_seconds() >= SUSPECT_AFTER_S:
                doubtful.append((growth, window))
        elif any(entry.last_observed_at is None for entry in entries):
            missing.append((growth, window))
        elif any(entry.state == "suspect" and _age_s(entry, now) >= SUSPECT_AFTER_S for entry in entries):
            doubtful.append((growth, window))
        elif growth >= DUE:
            due.append((growth, window))

    chosen = _most_overdue(missing)[:budget]
    chosen += _most_overdue(doubtful)[: int((budget - len(chosen)) * SUSPECT_SHARE + 0.5)]
    chosen += _most_overdue(due)[: budget - len(chosen)]
    return sorted(chosen, key=refused.__contains__)


def wanted(ledger: Iterable[LedgerDay], first: date, last: date, *, now: datetime) -> list[Window]:
    """The fewest windows that hold every day from `first` to `last` which is not held or is due again, in order."""
    spared = {
        entry.day for entry in ledger if entry.last_observed_at and expected_growth(entry, now) < DUE / WINDOW_DAYS
    }
    chosen: list[Window] = []
    day = first
    while day <= last:
        if day in spared:
            day += DAY
        else:
            chosen.append(Window(day, min(day + (WINDOW_DAYS - 1) * DAY, last)))
            day = chosen[-1].end + DAY
    return chosen


def expected_growth(entry: LedgerDay, now: datetime) -> float:
    """By how much of its final length the day's list is expected to have grown since it was last asked for."""
    if entry.last_observed_at is None:
        return listed_by(_age_days(entry.day, now))
    return max(listed_by(_age_days(entry.day, now)) - listed_by(_age_days(entry.day, entry.last_observed_at)), 0.0)


def listed_by(age_days: float) -> float:
    """The share of a day's flybys that NeoWs lists `age_days` after it: LISTED_BY, between its points linear in log
    age."""
    ages = [age for age, _ in LISTED_BY]
    n = bisect_right(ages, age_days)
    if n == 0:
        # What is known of days to come, thinning out slowly.
        return LISTED_BY[0][1] * exp2(-max(-age_days, 0.0) / 365)
    if n == len(LISTED_BY):
        return LISTED_BY[-1][1]
    (age_0, share_0), (age_1, share_1) = LISTED_BY[n - 1 : n + 1]
    return share_0 + (share_1 - share_0) * log(age_days / age_0) / log(age_1 / age_0)


def _most_overdue(candidates: list[tuple[float, Window]]) -> list[Window]:
    return [window for _, window in sorted(candidates, key=lambda c: (-c[0], -c[1].start.toordinal()))]


def _age_days(day: date, at: datetime) -> float:
    """Days from the end of the data day to `at`, both UTC."""
    return (at - datetime(day.year, day.month, day.day, tzinfo=UTC)).total_seconds() / 86400 - 1


def _age_s(entry: LedgerDay, now: datetime) -> float:
    return (now - entry.last_observed_at).total_seconds() if entry.last_observed_at else float("inf")
