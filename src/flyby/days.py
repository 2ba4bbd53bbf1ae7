"""Data days and the windows that a request asks for. Pure: dates in, dates out."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from flyby.errors import UsageError

#: NeoWs answers for at most this many days, both ends included.
WINDOW_DAYS = 8
#: JPL's close-approach data answers for any range; flyby asks for a year at most.
LONGEST_WINDOW_DAYS = 366
#: What can be asked for.
FIRST_DAY, LAST_DAY = date(1900, 1, 1), date(2200, 12, 31)

DAY = timedelta(days=1)


@dataclass(frozen=True, order=True, slots=True)
class Window:
    """An inclusive range of at most `LONGEST_WINDOW_DAYS` data days: one request. NeoWs takes `WINDOW_DAYS`."""

    start: date
    end: date

    def __post_init__(self) -> None:
        if not self.start <= self.end < self.start + LONGEST_WINDOW_DAYS * DAY:
            raise UsageError(f"a window holds 1 to {LONGEST_WINDOW_DAYS} days, not {self.start}..{self.end}")

    def __str__(self) -> str:
        return f"{self.start}..{self.end}"

    @property
    def days(self) -> tuple[date, ...]:
        return tuple(self.start + n * DAY for n in range((self.end - self.start).days + 1))


def parse_day(text: str, *, field: str = "date") -> date:
    """The day that `text` names, which must be written YYYY-MM-DD and lie between FIRST_DAY and LAST_DAY.

    Raises UsageError with the field's name and the form it wants.
    """
    try:
        day = date.fromisoformat(text)
        if day.isoformat() != text:  # Python also reads 20250401 and 2025-W14-2
            raise ValueError
    except (ValueError, TypeError):
        raise UsageError(f"{field} {text!r} is not a day: write it as YYYY-MM-DD, for example 2025-04-01") from None
    return served_day(day, field=field)


def served_day(day: date, *, field: str = "date") -> date:
    """`day` itself, if it can be asked for; UsageError otherwise."""
    if not FIRST_DAY <= day <= LAST_DAY:
        raise UsageError(f"{field} {day} is beyond what can be asked for: {FIRST_DAY} to {LAST_DAY}")
    return day


def windows(first: date, last: date, days: int = WINDOW_DAYS) -> Iterator[Window]:
    """The fewest windows of at most `days` days that hold every day from `first` to `last`, in order."""
    start = first
    while start <= last:
        end = min(start + (days - 1) * DAY, last)
        yield Window(start, end)
        start = end + DAY
