"""How late a source is: what of a day's list it has by which age, learned from the record itself. Pure.

The share listed by an age is estimated as reporting delays are in epidemiology and in insurance, from data in which the
latest days have not been followed for long (right truncation): the product, from the oldest age down, of what was there
already among all that were there later (reverse-time Kaplan and Meier; the chain ladder). What was measured before
counts as one more day of as many rows as it is worth (pseudo-counts; empirical Bayes): it steadies the first weeks, and
fades as rows come in. How sure it is: the jackknife over days, as the rows of one day are late together.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from math import sqrt
from typing import NamedTuple

from flyby.sources.policy import Curve

#: A curve is learned up to the greatest age through which so many days, with so many rows, were followed, and so great
#: a share of all: where few were, chance would speak.
ENOUGH_DAYS = 2
ENOUGH_ROWS = 50
ENOUGH_SHARE = 1 / 3
#: Mornings are not to the minute: so much, in days, is the same age.
SAME_AGE = 0.05
#: Ages at which the curve is told, in whole days after the day: D+1 is the morning after it.
AGES = (0, 1, 2, 3, 4, 5, 6, 7, 10, 14, 21, 30, 45, 60, 90)
#: The days of the last so many are held against those before: has the source become later, or earlier?
RECENT_DAYS = 14
#: A change is told from chance if it is greater than so many standard errors, and than this share.
SURE, LEAST_SHIFT = 3.0, 0.05


class Followed(NamedTuple):
    """Rows of one day that are listed now and behaved alike. Ages are days after the end of the day."""

    day: date
    #: At which reading they were first listed.
    listed_at: float
    #: At which reading they first were as they are now.
    final_at: float
    #: Up to which age the day was followed.
    until: float
    rows: int


#: For each age: how many rows of a day were there, and how many at the age that follows.
Counts = tuple[Sequence[float], Sequence[float]]


@dataclass(frozen=True, slots=True)
class Share:
    """What of a day was there at the reading of the morning D+`day`: shares of what is known now."""

    day: int
    age_days: float
    listed: float
    listed_error: float
    final: float
    final_error: float


@dataclass(frozen=True, slots=True)
class Lateness:
    """What the record says of the source's lateness."""

    days: int
    rows: int
    shares: tuple[Share, ...]
    #: By how much the days of late have more (or less) listed on the morning after than those before, in shares; None
    #: if that cannot be told from chance.
    shift: float | None

    @property
    def followed_days(self) -> int:
        """Up to which D+n it is told: there it has all that is known."""
        return self.shares[-1].day

    def curve(self, before: Curve) -> Curve:
        """What is planned by: rows and values count alike. Beyond what was learned the curve `before` goes on."""
        end = self.shares[-1].age_days
        at_end = before.by(end)
        learned = [(share.age_days, (share.listed + share.final) / 2 * at_end) for share in self.shares]
        return Curve((*learned, *((age, share) for age, share in before.points if age > end)))


def learned(followed: Iterable[Followed], before: Curve) -> Lateness | None:
    """The lateness that the rows tell beside what was known `before`; None if they are too few."""
    rows = list(followed)
    by_day: dict[date, list[Followed]] = {}
    for row in rows:
        by_day.setdefault(row.day, []).append(row)
    hour = _usual_hour(rows)
    ages = [(n, n - 1 + hour) for n in AGES[1:]]
    end = max((age for _, age in ages if _is_enough(by_day, age)), default=None)
    if end is None:
        return None
    shown = [(n, age) for n, age in ages if age <= end]
    until = [age for _, age in shown]
    days = by_day.values()
    listed = _with_error([_counts_before(before, until), *(_counts(its, until, is_final=False) for its in days)])
    # What was known before is when rows are listed, and nothing of their values; but none is final before it is listed.
    final = _with_error([_counts(its, until, is_final=True) for its in days])
    shares = tuple(
        Share(n, age, share, error, min(final_share, share), final_error)
        for (n, age), (share, error), (final_share, final_error) in zip(shown, listed, final, strict=True)
    )
    return Lateness(len(by_day), sum(row.rows for row in rows), shares, _shift(by_day, shown[0][1]))


def _usual_hour(rows: Sequence[Followed]) -> float:
    """Which part of the day had passed when days were read, mostly: D+1 is read at that age."""
    hours = Counter[float]()
    for row in rows:
        hours[round(row.until % 1, 2)] += row.rows
    return max(hours.most_common(1)[0][0], 0.01) if hours else 0.25


def _is_enough(by_day: dict[date, list[Followed]], age: float) -> bool:
    through = [its for its in by_day.values() if its[0].until >= age - SAME_AGE]
    enough = max(ENOUGH_DAYS, ENOUGH_SHARE * len(by_day))
    return len(through) >= enough and sum(row.rows for its in through for row in its) >= ENOUGH_ROWS


def _with_error(counts: Sequence[Counts]) -> list[tuple[float, float]]:
    """The shares at the ages, each with its standard error, by the counts of each day."""
    there = [sum(column) for column in zip(*(a for a, _ in counts), strict=True)]
    later = [sum(column) for column in zip(*(b for _, b in counts), strict=True)]
    without = [
        _product([x - y for x, y in zip(there, a, strict=True)], [x - y for x, y in zip(later, b, strict=True)])
        for a, b in counts
    ]
    errors = []
    for column in zip(*without, strict=True):
        mean = sum(column) / len(column)
        errors.append(sqrt((len(column) - 1) / len(column) * sum((one - mean) ** 2 for one in column)))
    return list(zip(_product(there, later), errors, strict=True))


def _counts(its: Sequence[Followed], ages: Sequence[float], *, is_final: bool) -> Counts:
    """Of a day, for each two ages that follow each other, if it was followed through both: how many of its rows were
    there at the one, and at the other."""
    there, later = [], []
    for age, following in zip(ages, [*ages[1:], ages[-1]], strict=True):
        is_followed = its[0].until >= following - SAME_AGE
        ats = [(row.final_at if is_final else row.listed_at, row.rows) for row in its] if is_followed else []
        there.append(sum(rows for at, rows in ats if at <= age + SAME_AGE))
        later.append(sum(rows for at, rows in ats if at <= following + SAME_AGE))
    return there, later


def _counts_before(curve: Curve, ages: Sequence[float]) -> Counts:
    """The same of a day that came as the curve says."""
    there = [curve.rows * curve.by(age) / curve.by(ages[-1]) for age in ages]
    return there, [*there[1:], there[-1]]


def _product(there: Sequence[float], later: Sequence[float]) -> list[float]:
    shares, share = [], 1.0
    for a, b in zip(reversed(there), reversed(later), strict=True):
        share *= a / b if b else 1.0
        shares.append(share)
    return shares[::-1]


def _shift(by_day: dict[date, list[Followed]], age: float) -> float | None:
    """By how much the share listed at `age` differs between the days of late and those before, both of those days that
    were followed for a day at least."""
    known = sorted(day for day, its in by_day.items() if its[0].until >= age + 1 - SAME_AGE)
    if not known:
        return None
    border = known[-1].toordinal() - RECENT_DAYS
    shares: tuple[list[float], list[float]] = [], []
    for day in known:
        its = [(row.listed_at, row.rows) for row in by_day[day] if row.listed_at <= age + 1 + SAME_AGE]
        if rows := sum(n for _, n in its):
            shares[day.toordinal() > border].append(sum(n for at, n in its if at <= age + SAME_AGE) / rows)
    before, late = shares
    if len(before) < RECENT_DAYS or len(late) < RECENT_DAYS // 2:
        return None
    (mean_0, error_0), (mean_1, error_1) = _mean(before), _mean(late)
    shift = mean_1 - mean_0
    return shift if abs(shift) > max(SURE * sqrt(error_0**2 + error_1**2), LEAST_SHIFT) else None


def _mean(values: Sequence[float]) -> tuple[float, float]:
    mean = sum(values) / len(values)
    return mean, sqrt(sum((value - mean) ** 2 for value in values) / (len(values) - 1) / len(values))
