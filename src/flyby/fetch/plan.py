"""Which windows to ask for. Pure: the ledger and the budget in, windows out."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime

from flyby.days import DAY, FIRST_DAY, LAST_DAY, WINDOW_DAYS, Window, parse_day, windows
from flyby.errors import UsageError
from flyby.sources.policy import Curve, Policy

#: A window is due when its days together are expected to have grown by this share of one day's list.
DUE = 0.005

#: A morning uses at most this share of what the key has left this hour.
QUOTA_SHARE = 0.8

#: Doubtful days are asked for again once a day, with at most this share of the budget while others are due: an outage
#: can last for months, and an answer that cannot be read for ever.
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


def morning(tick: date, policy: Policy) -> tuple[Window, ...]:
    """The windows of the run for `tick`: the days behind it, of which the last is its own, and those ahead."""
    behind = Window(tick - policy.window_days * DAY, tick - DAY)
    return (behind, *windows(tick, tick + (policy.ahead_days - 1) * DAY, policy.window_days))


def parse_tick(text: str, *, field: str = "date") -> date:
    """The tick date that `text` names, written YYYY-MM-DD; both windows of its run must be such as can be asked for.

    Raises UsageError with the field's name and the form it wants.
    """
    tick = parse_day(text, field=field)
    first, last = FIRST_DAY + WINDOW_DAYS * DAY, LAST_DAY - (WINDOW_DAYS - 1) * DAY
    if not first <= tick <= last:
        raise UsageError(
            f"{field} {tick} needs days beyond what can be asked for ({FIRST_DAY} to {LAST_DAY}): "
            f"write a day from {first} to {last}"
        )
    return tick


def budget(policy: Policy, *, remaining: int | None, used_today: int, own: int = 2) -> int:
    """How many more requests a morning may make after its `own`, the windows of its run.

    `remaining` is what the source says the key has left this hour (None: it did not say), `used_today` the requests of
    the last 24 hours, its own included.
    """
    allowed = policy.requests - own
    if remaining is not None:
        allowed = min(allowed, int((remaining + own) * QUOTA_SHARE) - own)
    if policy.a_day is not None:
        allowed = min(allowed, policy.a_day - used_today)
    return max(allowed, 0)


def revisits(
    ledger: Iterable[LedgerDay],
    *,
    now: datetime,
    budget: int,
    asked: Iterable[Window] = (),
    policy: Policy,
) -> list[Window]:
    """The windows most worth asking for again, at most `budget`, none of them with a day of `asked`.

    First the days that were missed, then doubtful ones, then where by the source's lateness most has changed since the
    last look; suspect days get what is left. Doubtful is a window with a suspect day, or with one that was asked for in
    vain the last time; the latter are asked last of all, since many of them in a row end a reading.
    Windows lie on a grid, so that a day's visits do not leave slivers beside it.
    """
    done = {day for window in asked for day in window.days}
    cells: defaultdict[int, list[LedgerDay]] = defaultdict(list)
    for entry in ledger:
        if entry.day not in done:
            cells[entry.day.toordinal() // policy.window_days].append(entry)

    missing, doubtful, due = [], [], []
    refused: set[Window] = set()
    for entries in cells.values():
        growth = sum(expected_growth(entry, now, policy.curve) for entry in entries)
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
    left = [(growth, window) for growth, window in doubtful if window not in refused and window not in chosen]
    chosen += _most_overdue(left)[: budget - len(chosen)]
    return sorted(chosen, key=refused.__contains__)


def gap(ledger: Iterable[LedgerDay], own: Window) -> list[LedgerDay]:
    """The days that went by unasked between the last one that was asked for while it was news and the window `own`: the
    ledger learns of them only when that is taken in."""
    news = [
        entry.day
        for entry in ledger
        if entry.last_observed_at and abs((entry.last_observed_at.date() - entry.day).days) <= WINDOW_DAYS
    ]
    days = (own.start - max(news)).days - 1 if news else 0
    return [LedgerDay(own.start - n * DAY, None, "missing") for n in range(days, 0, -1)]


def wanted(ledger: Iterable[LedgerDay], first: date, last: date, *, now: datetime, policy: Policy) -> list[Window]:
    """The fewest windows that hold every day from `first` to `last` which is not held or is due again, in order."""
    spared = {
        entry.day
        for entry in ledger
        if entry.last_observed_at and expected_growth(entry, now, policy.curve) < DUE / policy.window_days
    }
    chosen: list[Window] = []
    day = first
    while day <= last:
        if day in spared:
            day += DAY
        else:
            chosen.append(Window(day, min(day + (policy.window_days - 1) * DAY, last)))
            day = chosen[-1].end + DAY
    return chosen


def expected_growth(entry: LedgerDay, now: datetime, curve: Curve) -> float:
    """How much of the day, as a share of all that is ever listed for it, is expected to be other than it was when it
    was last asked for."""
    known = curve.by(_age_days(entry.day, entry.last_observed_at)) if entry.last_observed_at else 0.0
    return max(curve.by(_age_days(entry.day, now)) - known, 0.0)


def _most_overdue(candidates: list[tuple[float, Window]]) -> list[Window]:
    return [window for _, window in sorted(candidates, key=lambda c: (-c[0], -c[1].start.toordinal()))]


def _age_days(day: date, at: datetime) -> float:
    """Days from the end of the data day to `at`, both UTC."""
    return (at - datetime(day.year, day.month, day.day, tzinfo=UTC)).total_seconds() / 86400 - 1


def _age_s(entry: LedgerDay, now: datetime) -> float:
    return (now - entry.last_observed_at).total_seconds() if entry.last_observed_at else float("inf")
