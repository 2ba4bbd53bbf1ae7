"""Feeds beside the page, static files that any web server serves: a calendar, what changed, what is coming, a picture.

Each is what the record says, and is written again only when that changes.
"""

from collections.abc import Iterable, Sequence
from dataclasses import fields
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

import duckdb

from flyby.days import DAY
from flyby.errors import HomeError
from flyby.output.feeds.calendar import calendar
from flyby.output.feeds.changes import MOST_LISTED, Change, atom, entries, json_feed
from flyby.output.feeds.upcoming import schema, upcoming
from flyby.output.feeds.week import DAYS, Week, fragment, page, png, svg
from flyby.output.files import put
from flyby.output.notify.notices import Flyby
from flyby.query.database import Database, opened, query_text, with_values
from flyby.settings import NotableRule, Settings

#: In the calendar are flybys from so many days ago on, and whatever is coming.
PAST_DAYS = 92
#: Everything within this distance is, whatever FLYBY_NOTABLE says.
WITHIN = NotableRule(5.0)
#: `upcoming.json` looks as far ahead as the page, the feeds of what changed as far back as a holiday.
COMING_DAYS, CHANGED_DAYS = 60, 14


def write_feeds(database: Database, folder: Path, settings: Settings, now: datetime) -> list[Path]:
    """Write the feeds of what `database` says at `now` (aware) into `folder`; the files that this changed.

    `week.png` needs the extra `report`. Raises HomeError when there is no database yet, or a file cannot be written.
    """
    with opened(database) as connection:
        contents = _contents(connection, settings, now.astimezone(UTC).date())
    changed = []
    try:
        drawn = folder / "week.png"
        if not drawn.exists() or _differs(folder / "week.svg", contents["week.svg"]):
            picture = png(contents["week.svg"])
            if picture is None:
                drawn.unlink(missing_ok=True)  # of another week
            else:
                contents = {"week.png": picture, **contents}  # before its SVG, by which it is known to be due
        changed = [path for name, content in contents.items() if put(path := folder / name, content)]
    except OSError as error:
        raise HomeError(f"the feeds in {folder} could not be written ({error.strerror})") from None
    return changed


def _contents(connection: duckdb.DuckDBPyConnection, settings: Settings, today: date) -> dict[str, bytes]:
    """Every file by its name."""
    sources = _records(connection, "provenance")
    simulated = any(source["simulated"] for source in sources)
    midnight = datetime.combine(today, time(), UTC)
    as_of = max((source["asked_at"] for source in sources), default=midnight)
    site = settings.site

    first = today - PAST_DAYS * DAY
    rules = [*settings.notable, WITHIN]
    within_ld = max(rule.within_ld for rule in rules)
    known = _worth(_records(connection, "ever_told", first=first, within_ld=within_ld), rules)
    events = [row for row in _records(connection, "calendar", first=first) if row["flyby_id"] in known]
    since = midnight - (CHANGED_DAYS - 1) * DAY
    changes = _records(connection, "said_since", since=since, first=first, within_ld=within_ld, most=MOST_LISTED)
    told = entries((Change(**row) for row in changes), known, site=site)
    last = today + (COMING_DAYS - 1) * DAY
    coming = _records(connection, "coming", first=today, last=last)
    week = Week(today, [row for row in coming if row["close_approach_date"] < today + DAYS * DAY], simulated, site)
    return {
        "flybys.ics": calendar(events, site=site, simulated=simulated),
        "changes.atom": atom(told, as_of=as_of, site=site, simulated=simulated),
        "changes.json": json_feed(told, site=site, simulated=simulated),
        "upcoming.schema.json": schema(),
        "upcoming.json": upcoming(coming, first=today, last=last, as_of=as_of, site=site, simulated=simulated),
        "embed.html": page(week),
        "fragment.html": fragment(week),
        "week.svg": svg(week),
    }


def _worth(rows: Iterable[dict[str, Any]], rules: Sequence[NotableRule]) -> set[str]:
    """The ids of the flybys that are worth an event, or once were."""
    flyby: Any = Flyby  # its fields are columns by their names
    told = [flyby(*(row.get(field.name) for field in fields(Flyby))) for row in rows]
    return {flyby.flyby_id for flyby in told if any(flyby.is_notable_by(rule) for rule in rules)}


def _differs(path: Path, content: bytes) -> bool:
    return not path.exists() or path.read_bytes() != content


def _records(connection: duckdb.DuckDBPyConnection, query: str, **parameters: Any) -> list[dict[str, Any]]:
    result = connection.execute(with_values(query_text(query), parameters))
    names = [column[0] for column in result.description or ()]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]
