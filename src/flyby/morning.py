"""The morning's reading: what `asteroids` asks for and lands. Staging and loading are `flyby.intake`'s."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from flyby.days import Window
from flyby.errors import SourceError
from flyby.intake import held
from flyby.planning import budget, morning, revisits
from flyby.published import ledger, requests_since
from flyby.reading import neows, read
from flyby.settings import Settings

#: A run for an old day, started by hand, is no morning: it asks for its own windows only.
MORNING_SLACK_DAYS = 1


@dataclass(frozen=True, slots=True)
class Gathered:
    """What a morning's reading landed, and what it could not get."""

    requested_at: datetime
    windows: tuple[Window, ...]
    revisited: tuple[Window, ...]
    quota_limit: int | None
    quota_remaining: int | None
    #: Why the revisits ended early; None if they did not.
    cut_short: str | None = None


def gather(settings: Settings, tick: date) -> Gathered:
    """Ask for the windows of the run for `tick`, then, on its own morning, for those most in need of a new look.

    Raises SourceError when one of the run's own two windows cannot be had. A revisit that fails ends the revisits:
    what is still due will be due tomorrow.
    """
    at = settings.now()
    own = morning(tick)
    with neows(settings) as client:
        answers = [client.fetch(window, requested_at=at) for window in own]
        quota = answers[-1].quota
        again: list[Window] = []
        if abs((at.date() - tick).days) <= MORNING_SLACK_DAYS:
            with held(settings) as record:
                used = len(answers) + requests_since(record, at - timedelta(days=1))
                days = ledger(record)
            allowed = budget(key=settings.api_key, remaining=quota.remaining, used_today=used)
            again = revisits(days, now=at, budget=allowed, asked=own)
        cut_short = None
        try:
            answers.extend(read(client, again, at=at))
        except SourceError as error:
            cut_short = str(error)
    remaining = [answer.quota.remaining for answer in answers if answer.quota.remaining is not None]
    return Gathered(
        requested_at=at,
        windows=own,
        revisited=tuple(answer.window for answer in answers[len(own) :]),
        quota_limit=quota.limit,
        quota_remaining=min(remaining, default=None),
        cut_short=cut_short,
    )
