"""The morning's reading: what `asteroids` asks for and lands. Staging and loading are `flyby.record.load`'s."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from flyby.days import Window
from flyby.errors import FeedError, SourceError
from flyby.fetch.fetch import Refused, asking, read
from flyby.fetch.lateness import Lateness
from flyby.fetch.plan import budget, gap, morning, revisits
from flyby.query.database import lateness, ledger, opened, requests_since
from flyby.record.load import held
from flyby.settings import Home
from flyby.sources.answer import Answer
from flyby.store.warehouse import warehouse

#: Who sits at the terminal hears here that the source is waited for.
WAITS = logging.getLogger("flyby.waits")
WAITS.propagate = False
WAITS.addHandler(logging.NullHandler())

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
    #: What the reading was planned by; None as long as too little is known of it.
    lateness: Lateness | None = None
    #: What could not be had beside the run's own data day, and why; None if all was.
    cut_short: str | None = None


def gather(settings: Home, tick: date, *, outage_s: float = 0.0, tell: Callable[[str], None] | None = None) -> Gathered:
    """Ask for the windows of the run for `tick`, then, on its own morning, for those most in need of a new look.

    Raises SourceError when the window of the run's own data day cannot be had, or the source fails before both of its
    windows are answered. A window that brings no feed never keeps the others from being asked for. A revisit that fails
    in another way ends the revisits: what is still due will be due tomorrow. While the source is down it is asked again
    for `outage_s`, and `tell` is told.
    """
    at = settings.now()
    plan, schema = settings.policy, settings.dataset.schema
    own = morning(tick, plan)
    answers: list[Answer] = []
    again: list[Answer] = []
    refused: dict[Window, Refused] = {}
    is_morning = abs((at.date() - tick).days) <= MORNING_SLACK_DAYS
    purpose = "daily" if is_morning else "manual"
    with (
        warehouse(settings).mark(at),
        asking(settings, purpose=purpose, tick=tick, outage_s=outage_s, tell=tell) as client,
    ):
        for window in own:
            try:
                answers.append(client.fetch(window, requested_at=at))
            except FeedError as error:
                refused[window] = Refused(client.title, {window: error})
        if not answers:
            raise refused[own[0]]
        quota = answers[-1].quota
        due: list[Window] = []
        late = None
        if is_morning:
            with held(settings) as place, opened(place) as record:
                used = len(own) + requests_since(record, schema, at - timedelta(days=1))
                days = ledger(record, schema)
                days += gap(days, own[0])
                late = lateness(record, schema, at, plan.curve)
            if late:
                plan = replace(plan, curve=late.curve(plan.curve))
            allowed = budget(plan, remaining=quota.remaining, used_today=used, own=len(own))
            due = revisits(days, now=at, budget=allowed, asked=own, policy=plan)
        failures = [str(error) for error in refused.values()]
        try:
            again.extend(read(client, due, at=at))
        except SourceError as error:
            failures.append(str(error))
    if own[0] in refused:
        raise refused[own[0]]
    remaining = [answer.quota.remaining for answer in answers + again if answer.quota.remaining is not None]
    return Gathered(
        requested_at=at,
        windows=tuple(answer.window for answer in answers),
        revisited=tuple(answer.window for answer in again),
        quota_limit=quota.limit,
        quota_remaining=min(remaining, default=None),
        lateness=late,
        cut_short="; ".join(failures) or None,
    )
