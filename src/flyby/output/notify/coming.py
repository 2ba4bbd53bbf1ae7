"""The notable flybys of the next days, by the rule FLYBY_NOTABLE, with all that the record believes of them."""

from dataclasses import fields
from typing import Any

from flyby.days import DAY
from flyby.output.notify.notices import Flyby
from flyby.query.database import ask, query_text
from flyby.settings import Settings


def coming_notable(settings: Settings, *, days: int) -> list[dict[str, Any]]:
    """Rows of `close_approaches`: what comes until the end of the day `days - 1` days on, soonest first."""
    now = settings.now()
    parameters = {
        "first": now.date(),
        "last": now.date() + (days - 1) * DAY,
        "after": now,
        "within_ld": max((rule.within_ld for rule in settings.notable), default=0.0),
    }
    names, rows = ask(settings.database, query_text("coming_notable"), parameters)
    told = [dict(zip(names, row, strict=True)) for row in rows]
    return [row for row in told if any(_flyby(row).is_notable_by(rule) for rule in settings.notable)]


def _flyby(row: dict[str, Any]) -> Flyby:
    return Flyby(**{field.name: row[field.name] for field in fields(Flyby)})
