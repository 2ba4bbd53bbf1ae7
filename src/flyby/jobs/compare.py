"""The second opinion: what JPL is asked, and how often.

It never holds up a morning: it is asked for by a job of its own, and whatever goes wrong here is that job's.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from flyby.days import DAY, FIRST_DAY, LAST_DAY, Window
from flyby.errors import SourceError
from flyby.fetch.raw import keeper, landed
from flyby.query.database import ask, query_text
from flyby.record import SOMEBODY, Loaded
from flyby.record.load import held, take_in
from flyby.settings import Settings
from flyby.sources.asteroids import CAD
from flyby.sources.observations import is_simulated
from flyby.store.warehouse import warehouse

#: Most of what is ever added to a day's list is added in the weeks after it, and NeoWs' outages last for weeks.
TRAILING_DAYS = 60
COMING_DAYS = 60
#: Answers, retries among them, on one UTC day: JPL serves this for nothing.
MOST_A_DAY = 6
#: History is heard again after so long.
HISTORY_EVERY = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Heard:
    """What JPL answered."""

    requested_at: datetime
    windows: tuple[Window, ...]
    #: For another day: MOST_A_DAY was reached.
    put_off: tuple[Window, ...] = ()
    #: Why it ended early; None if it did not.
    cut_short: str | None = None


def around(tick: date) -> Window:
    """The days that are heard every day, in one request: the trailing and the coming ones."""
    return Window(max(tick - TRAILING_DAYS * DAY, FIRST_DAY), min(tick + COMING_DAYS * DAY, LAST_DAY))


def history_windows(first: date, last: date) -> list[Window]:
    """The days from `first` to `last` by calendar years, a request each; none if `first` lies after `last`."""
    return [
        Window(max(first, date(year, 1, 1)), min(last, date(year, 12, 31)))
        for year in range(first.year, last.year + 1)
        if first <= last
    ]


def plan(settings: Settings, tick: date) -> list[Window]:
    """What to listen to on the day `tick`, the most urgent first: the days around it, then history that is due.

    History is what NeoWs was ever asked about, up to the days around. A year is due where a day of it was never heard,
    or not for HISTORY_EVERY.
    """
    near = around(tick)
    with held(settings) as record:
        _, rows = ask(record, query_text("heard_days"), {"before": near.start})
    now = settings.now()
    never = datetime.min.replace(tzinfo=now.tzinfo)
    heard_at: dict[date, datetime | None] = dict(rows)
    due = {}
    for year in history_windows(min(heard_at), max(heard_at)) if heard_at else ():
        if days := [day for day in year.days if day in heard_at]:
            longest_unheard = min(heard_at[day] or never for day in days)
            if longest_unheard <= now - HISTORY_EVERY:
                due[Window(days[0], days[-1])] = longest_unheard
    # The longest unheard first, and of the never heard the latest: it is looked at most.
    return [near, *sorted(due, key=lambda window: (due[window], -window.start.toordinal()))]


def second_opinion(settings: Settings, tick: date, *, by: str = SOMEBODY) -> tuple[Heard, Loaded]:
    """Listen to what is planned for the day `tick`, take it into the record, publish; `by` is who does it.

    Raises SourceError when not one window could be heard; the answers that were not believed are in the record even so.
    """
    try:
        heard = listen(settings, plan(settings, tick))
    except SourceError:
        take_in(settings, by=by)
        raise
    return heard, take_in(settings, by=by)


def listen(settings: Settings, windows: Sequence[Window]) -> Heard:
    """Ask JPL for the windows one by one, as one sitting, up to MOST_A_DAY on one day; every answer is landed.

    Raises SourceError when not one window could be heard. A failure after that ends the listening.
    """
    at = settings.now()
    heard: list[Window] = []
    cut_short = None
    keep = keeper(settings.raw, purpose="comparison", is_simulated=is_simulated)
    with warehouse(settings).mark(at), settings.witness(keep) as client:
        for window in windows:
            if _answers_of(settings, at.date()) >= MOST_A_DAY:
                break
            try:
                client.fetch(window, requested_at=at)
            except SourceError as error:
                if not heard:
                    raise
                cut_short = str(error)
                break
            heard.append(window)
    put_off = () if cut_short else tuple(windows[len(heard) :])
    return Heard(at, tuple(heard), put_off, cut_short)


def _answers_of(settings: Settings, day: date) -> int:
    """How many answers of the UTC day `day` JPL gave."""
    return sum(answer.requested_at.date() == day for answer in landed(settings.raw, source=CAD.name))
