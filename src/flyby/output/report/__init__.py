"""The page: what is coming, last night, what changed, how complete the record is, who agrees, how late the source is.

One file that needs nothing else: style, program, charts and data are inside, and its own policy forbids the browser to
ask anybody for anything. What the sources say is data in it, never markup. The whole record and the program of the
charts are packed: they are unpacked after the page is there to be read, the record when somebody asks for it.
"""

import gzip
import html
import json
import math
import re
from base64 import b64encode
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, date, datetime, time
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import quote

from flyby.days import DAY
from flyby.errors import FlybyError, HomeError
from flyby.output.feeds import words, write_feeds
from flyby.output.files import put
from flyby.output.vega import CACHE, program
from flyby.query.database import Database, ask, opened
from flyby.query.sure import NARROW
from flyby.query.views import STALE_AFTER, Changes, SecondOpinion, changes, latency, second_opinion, status
from flyby.record.load import held
from flyby.settings import Settings
from flyby.sources.neows.policy import LISTED_BY
from flyby.words import count

#: Flybys of this many days before and after today are in the page; the database has the rest.
PAST_DAYS, COMING_DAYS = 30, 60
#: The calendar of the record goes back to the first of the month this many days ago: about thirteen months.
CALENDAR_DAYS = 366
#: A busy morning revises thousands of flybys. The page has the widest moves and the count of all.
MOST_CHANGES = 300
#: So many distances on which the sources differ.
MOST_DIFFERENCES = 10

#: The page's program; the last of them begins.
PROGRAM = ("record.js", "asteroid.js", "page.js")
#: Without scripts the page is a list of so many, the closest of what is coming.
MOST_WITHOUT_SCRIPTS = 40

#: How hard the record is packed: the next step takes twice as long and saves three percent.
PACKED = 5
#: How JSON text can stand inside a <script> element whatever it holds (json.dumps escapes U+2028 and U+2029 itself).
SCRIPT_SAFE = {ord("<"): "\\u003c", ord(">"): "\\u003e", ord("&"): "\\u0026"}


def write_report(
    published: Database, page: Path, *, now: datetime, cache: Path | None = None, site: str | None = None
) -> Path:
    """Write the page of what the database at `published` says at `now` (aware); `page` itself. `site` is the address at
    which its folder is served.

    Who opens the page meanwhile sees the old one or the new one, whole. The charts need the extra `report`; without it
    the page has its tables and says what is missing. Their program takes seconds to make; the folder `cache` keeps it.

    Raises HomeError when there is no database yet, or when the page cannot be written.
    """
    with opened(published) as edition:
        data = _data(edition, now.astimezone(UTC))
        first, last = _window(now)
        _, [(ever,)] = _ask(edition, "archive", first=first, last=last, narrow=NARROW)
    try:
        put(page, _page(data, program(cache), ever=ever, coming=_coming(data), site=site).encode())
    except OSError as error:
        raise HomeError(f"the page {page} could not be written ({error.strerror})") from None
    return page


def write_beside(settings: Settings, page: Path, *, now: datetime) -> Path:
    """Write the page at `page`, and the feeds beside it, of what the record says at `now`; `page` itself. People may
    have the published file open for writing, and it is left to them. Raises HomeError."""
    with held(settings) as place, opened(place) as record:
        write_report(record, page, now=now, cache=settings.home / CACHE, site=settings.site)
        write_feeds(record, page.parent, settings, now)
    return page


def after_run(settings: Settings) -> list[str]:
    """`write_beside` for a run, which is not lost for its page: gives what went wrong, in a line for the log; raises
    nothing."""
    try:
        write_beside(settings, settings.report, now=settings.now())
    except Exception as error:  # noqa: BLE001
        said = str(error) if isinstance(error, FlybyError) else f"{type(error).__name__}: {error}"
        return [f"the page is the old one: {said}"]
    return []


def _data(published: Database, now: datetime) -> dict[str, Any]:
    """Everything that the page tells, as JSON has it."""
    today = now.date()
    held = status(published, now)
    first, last = _window(now)
    columns, flybys = _ask(published, "flybys", first=first, last=last)
    _, days = _ask(published, "days", first=(today - CALENDAR_DAYS * DAY).replace(day=1))
    _, [(read_on,)] = _ask(published, "last_reading")
    # "Since yesterday" is since the midnight before the last reading: whatever that day's readings changed.
    since = datetime.combine(read_on or today, time(), UTC)
    return {
        "now": now,
        "yesterday": today - DAY,
        "simulated": held.simulated,
        "stale": held.last_request_at is not None and held.is_stale,
        # The page judges it again when it is looked at.
        "stale_from": held.last_morning.requested_at + STALE_AFTER if held.last_morning else None,
        "held": {
            "first": held.first_day,
            "last": held.last_day,
            "listed": held.listed,
            "revisions": held.revisions,
            "read_at": held.last_morning.requested_at if held.last_morning else held.last_request_at,
        },
        "flybys": {"first": first, "last": last, "columns": columns, "rows": flybys},
        "changes": _changes(changes(published, since)),
        "days": days,
        "doubts": [
            {"state": state, "first": span.first, "last": span.last, "note": span.note}
            for state, spans in (("suspect", held.suspect), ("missing", held.missing))
            for span in spans
            if span.last >= today - CALENDAR_DAYS * DAY
        ],
        "opinion": _opinion(second_opinion(published, now)),
        "latency": _latency(published, now),
    }


def _window(now: datetime) -> tuple[date, date]:
    """The days of the flybys that are told in full."""
    today = now.astimezone(UTC).date()
    return today - PAST_DAYS * DAY, today + COMING_DAYS * DAY


def _changes(told: Changes) -> dict[str, Any]:
    kept: Counter[str] = Counter()
    listed = []
    for change in told.changes:
        kept[change.kind] += 1
        if kept[change.kind] <= MOST_CHANGES:
            listed.append(asdict(change))
    return {"since": told.since, "first_looks": told.first_looks, "counts": kept, "listed": listed}


def _opinion(told: SecondOpinion) -> dict[str, Any]:
    kept = asdict(told)
    del kept["cad_only_flybys"]
    return kept | {"disagreements": len(told.disagreements), "largest": kept["disagreements"][:MOST_DIFFERENCES]}


def _latency(published: Database, now: datetime) -> dict[str, Any]:
    told = latency(published, now)
    oldest = told.growth[-1].age_days if told.growth else 365
    return {
        "growth": [asdict(step) for step in told.growth],
        "is_little": told.is_little,
        "planned_by": asdict(told.planned_by) if told.planned_by else None,
        # What was measured for 2015–2019, on the same scale: all of the list at the oldest age.
        "reference": [
            {"age_days": age, "share": share / LISTED_BY.by(oldest)}
            for age, share in LISTED_BY.points
            if 1 <= age <= oldest
        ],
    }


def _ask(published: Database, query: str, **parameters: date | float) -> tuple[list[str], list[tuple[Any, ...]]]:
    return ask(published, _text(f"queries/{query}.sql"), parameters)


def _page(
    data: dict[str, Any],
    drawing: bytes,
    *,
    ever: str,
    coming: Sequence[dict[str, Any]] = (),
    site: str | None = None,
) -> str:
    parts = {
        "style": _text("page.css"),
        "icon": "data:image/svg+xml," + quote(_text("icon.svg").strip()),
        "about": _about(coming, site, is_drawn=bool(drawing)),
        "without_scripts": _without_scripts(coming),
        "data": _json(data).translate(SCRIPT_SAFE),
        "archive": b64encode(gzip.compress(ever.encode(), PACKED, mtime=0)).decode(),
        "vega": b64encode(drawing).decode(),
        "program": '"use strict";\n' + "".join(map(_text, PROGRAM)),
    }
    # The page unpacks Vega's program and puts it into itself, as the text that this is the hash of.
    scripts = " ".join(map(_hash, (gzip.decompress(drawing), parts["program"].encode())))
    # Vega sets styles on what it draws.
    parts["policy"] = (
        f"default-src 'none'; script-src {scripts}; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; "
        "form-action 'none'"
    )
    # In one pass, so that nothing put in is looked at again.
    return re.sub(r"\{\{(\w+)\}\}", lambda slot: parts[slot[1]], _text("page.html"))


def _coming(data: dict[str, Any]) -> list[dict[str, Any]]:
    """The flybys that are still to come, the closest first."""
    told = data["flybys"]
    rows = (dict(zip(told["columns"], row, strict=True)) for row in told["rows"])
    coming = [row for row in rows if (row["close_approach_at"] or _end(row["close_approach_date"])) >= data["now"]]
    return sorted(coming, key=lambda row: row["miss_distance_km"])


def _end(day: date) -> datetime:
    return datetime.combine(day, time.max, UTC)


def _about(coming: Sequence[dict[str, Any]], site: str | None, *, is_drawn: bool) -> str:
    """What others are told who link to the page: a description, and where it is served also a picture."""
    told = "Nothing is listed for the days ahead."
    if coming:
        closest = coming[0]
        told = (
            f"{count(len(coming), 'asteroid')} to come; the closest is {words.named(closest)}, at "
            f"{words.distance(closest)}, on {words.when(closest)}."
        )
    meta = [("name", "description", told)]
    if site:
        meta += [
            ("property", "og:title", "Asteroids passing the Earth"),
            ("property", "og:description", told),
            ("property", "og:type", "website"),
            ("property", "og:url", f"{site}/"),
            *([("property", "og:image", f"{site}/week.png")] if is_drawn else []),
        ]
    return "\n".join(f'<meta {kind}="{name}" content="{html.escape(text)}">' for kind, name, text in meta)


def _without_scripts(coming: Sequence[dict[str, Any]]) -> str:
    """The closest of what is coming, as a table."""
    if not coming:
        return "<p>Nothing is listed for the days ahead.</p>"
    kept = coming[:MOST_WITHOUT_SCRIPTS]
    rows = [(words.named(row), words.when(row), words.distance(row), words.size(row)) for row in kept]
    headings = ("Name", "When", "Distance from the Earth’s centre", "Size")
    head = "".join(f'<th scope="col">{heading}</th>' for heading in headings)
    lines = ("".join(f"<td>{html.escape(text)}</td>" for text in row) for row in rows)
    caption = f"The closest {len(kept)} of {count(len(coming), 'flyby')} to come"
    body = "".join(f"<tr>{line}</tr>" for line in lines)
    return f"<table><caption>{caption}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _json(value: Any) -> str:
    return json.dumps(_plain(value), allow_nan=False, separators=(",", ":"))


def _plain(value: Any) -> Any:
    """`value` in what JSON knows. Moments to the second, as the browser reads them; what is no number is null."""
    match value:
        case dict():
            return {str(key): _plain(item) for key, item in value.items()}
        case list() | tuple():
            return [_plain(item) for item in value]
        case datetime():
            return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        case date():
            return value.isoformat()
        case float():
            return value if math.isfinite(value) else None
    return value


def _hash(script: bytes) -> str:
    return f"'sha256-{b64encode(sha256(script).digest()).decode()}'"


def _text(name: str) -> str:
    return files("flyby.output.report").joinpath(name).read_text(encoding="utf-8")
