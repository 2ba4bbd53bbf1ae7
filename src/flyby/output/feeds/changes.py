"""`changes.atom` and `changes.json`: what NASA corrected, for feed readers (RFC 4287, JSON Feed 1.1).

Each day on which something changed is one entry, with what moved farthest; so is each remarkable revision of a flyby
that is in the calendar. An entry keeps its id for ever, and is dated by the reading that brought it.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import groupby
from typing import Any
from xml.etree import ElementTree as ET

from flyby.days import DAY, WINDOW_DAYS
from flyby.output.feeds import words
from flyby.query.views import MOVING, Move

ATOM = "http://www.w3.org/2005/Atom"
TITLE = "What changed among the asteroids passing the Earth"
#: Entries of a feed at most, and flybys of one kind in the entry of a day.
MOST_ENTRIES, MOST_LISTED = 100, 10
#: How a change is told in the entry of a day, and of a flyby, in the order of the first.
KINDS = {
    "new": ("new", "is new"),
    "changed": ("revised", "is revised"),
    "relisted": ("listed again", "is listed again"),
    "unlisted": ("no longer listed", "is no longer listed"),
    "withdrawn": ("withdrawn", "is withdrawn"),
}
LABELS = {
    "close_approach_date": "day",
    "close_approach_at": "time",
    "miss_distance_km": "distance",
    "relative_velocity_km_s": "speed",
    "absolute_magnitude_h": "absolute magnitude H",
    "diameter_min_m": "size at least",
    "diameter_max_m": "size at most",
    "is_potentially_hazardous": "potentially hazardous",
    "is_sentry_object": "on JPL's Sentry list",
    "neo_id": "NeoWs' id",
}


@dataclass(frozen=True, slots=True)
class Change:
    """One revision: a row of `said_since.sql`."""

    changed_at: datetime
    source: str
    title: str
    change: str
    #: How many there are of its day and kind, and when the first and the last of its day came.
    of_kind: int
    day_began: datetime
    day_ended: datetime
    told: Mapping[str, Any]
    told_before: Mapping[str, Any] | None

    @property
    def moves(self) -> list[Move]:
        """The values that this revision changed, as far as that shows at the digits that are told."""
        if self.change != "changed" or self.told_before is None:
            return []
        return [
            Move(field, unit, self.told_before[field], self.told[field])
            for field, unit in MOVING.items()
            if _value(self.told_before[field]) != _value(self.told[field])
        ]

    @property
    def is_remarkable(self) -> bool:
        """Whether it is more than another value, or changes what a calendar shows of a flyby that is not long past:
        most orbits are known a little better every morning, and that is all."""
        if self.change != "changed" or self.told_before is None:
            return True
        if self.told["close_approach_date"] < self.changed_at.date() - WINDOW_DAYS * DAY:
            return False
        shown = [
            (words.when(row), words.short_distance(row), row["is_potentially_hazardous"], row["is_sentry_object"])
            for row in (self.told, self.told_before)
        ]
        return shown[0] != shown[1]

    @property
    def moved_km(self) -> float:
        return max((abs(move.size or 0.0) for move in self.moves if move.field == "miss_distance_km"), default=0.0)


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry, in either format. A paragraph is a line or a list of lines."""

    id: str
    title: str
    published: datetime
    updated: datetime
    url: str | None
    paragraphs: Sequence[str | Sequence[str]]


def entries(changes: Iterable[Change], calendar: set[str], *, site: str | None) -> list[Entry]:
    """The entries of a feed, the newest first; `changes` are the newest first too, `calendar` the ids of its flybys."""
    made: list[Entry] = []
    for day, of_day in groupby(changes, key=lambda change: change.changed_at.astimezone(UTC).date()):
        listed = list(of_day)
        made.append(_day(day, listed, site))
        made += [
            _flyby(change, site) for change in listed if change.told["flyby_id"] in calendar and change.is_remarkable
        ]
    made.sort(key=lambda entry: entry.updated, reverse=True)
    return made[:MOST_ENTRIES]


def _day(day: date, changes: Sequence[Change], site: str | None) -> Entry:
    counts = {change.change: change.of_kind for change in changes}
    told = [f"{counts[kind]:,} {word}" for kind, (word, _) in KINDS.items() if kind in counts]
    paragraphs: list[str | Sequence[str]] = []
    for kind, (word, _) in KINDS.items():
        if found := [change for change in changes if change.change == kind]:
            found.sort(key=lambda change: (-change.moved_km, change.told["miss_distance_km"]))
            more = [f"… and {counts[kind] - MOST_LISTED:,} more"] if counts[kind] > MOST_LISTED else []
            paragraphs += [f"{word[0].upper()}{word[1:]}:", [*map(_line, found[:MOST_LISTED]), *more]]
    return Entry(
        words.identity("day", day.isoformat()).urn,
        f"{day:%Y-%m-%d}: {', '.join(told)}",
        changes[0].day_began,
        changes[0].day_ended,
        f"{site}/" if site else None,
        paragraphs,
    )


def _line(change: Change) -> str:
    told = change.told
    moves = "; ".join(_move(move) for move in change.moves[:3])
    what = moves or words.short_distance(told)
    return f"{words.named(told)}, {told['close_approach_date']:%Y-%m-%d}: {what}"


def _flyby(change: Change, site: str | None) -> Entry:
    told = change.told
    moves = [_move(move) for move in change.moves]
    paragraphs: list[str | Sequence[str]] = ["What changed:", moves] if moves else []
    return Entry(
        words.identity("revision", told["flyby_id"], change.source, str(told["revision"])).urn,
        f"{words.named(told)} {KINDS[change.change][1]}: {words.short_distance(told)}, "
        f"{told['close_approach_date']:%Y-%m-%d}",
        change.changed_at,
        change.changed_at,
        words.link(told, site),
        [*paragraphs, "What is said now:", words.facts(told), f"Said by {change.title}, revision {told['revision']}."],
    )


def _move(move: Move) -> str:
    label = LABELS.get(move.field, move.field)
    unit = f" {move.unit}" if move.unit else ""
    return f"{label}: {_value(move.before)} → {_value(move.after)}{unit}"


def _value(value: Any) -> str:
    match value:
        case None:
            return "not said"
        case bool():
            return "yes" if value else "no"
        case datetime():
            return f"{value.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
        case float():
            return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
    return words.plain(str(value))


def atom(made: Sequence[Entry], *, as_of: datetime, site: str | None, simulated: bool) -> bytes:
    """The entries as an Atom feed."""
    feed = ET.Element("feed", {"xmlns": ATOM, "xml:lang": "en"})
    _text(feed, "id", words.identity("changes", site or "").urn)
    _text(feed, "title", _title(simulated))
    _text(feed, "updated", _moment(made[0].updated if made else as_of))
    _text(ET.SubElement(feed, "author"), "name", "NASA and JPL, kept by flyby")
    if site:
        ET.SubElement(feed, "link", {"rel": "self", "type": "application/atom+xml", "href": f"{site}/changes.atom"})
        ET.SubElement(feed, "link", {"rel": "alternate", "type": "text/html", "href": f"{site}/"})
    for entry in made:
        told = ET.SubElement(feed, "entry")
        _text(told, "id", entry.id)
        _text(told, "title", entry.title)
        _text(told, "published", _moment(entry.published))
        _text(told, "updated", _moment(entry.updated))
        if entry.url:
            ET.SubElement(told, "link", {"rel": "alternate", "type": "text/html", "href": entry.url})
        _text(told, "content", _html(entry)).set("type", "html")
    ET.indent(feed)
    return bytes(ET.tostring(feed, encoding="utf-8", xml_declaration=True)) + b"\n"


def json_feed(made: Sequence[Entry], *, site: str | None, simulated: bool) -> bytes:
    """The entries as a JSON Feed."""
    feed = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": _title(simulated),
        **({"home_page_url": f"{site}/", "feed_url": f"{site}/changes.json"} if site else {}),
        "authors": [{"name": "NASA and JPL, kept by flyby"}],
        "language": "en",
        "items": [
            {
                "id": entry.id,
                **({"url": entry.url} if entry.url else {}),
                "title": entry.title,
                "content_html": _html(entry),
                "content_text": "\n".join(_lines(entry)),
                "date_published": _moment(entry.published),
                "date_modified": _moment(entry.updated),
            }
            for entry in made
        ],
    }
    return json.dumps(feed, indent=1).encode() + b"\n"


def _html(entry: Entry) -> str:
    made = []
    for paragraph in entry.paragraphs:
        if isinstance(paragraph, str):
            element = ET.Element("p")
            element.text = paragraph
        else:
            element = ET.Element("ul")
            for line in paragraph:
                _text(element, "li", line)
        made.append(ET.tostring(element, encoding="unicode", method="html"))
    return "".join(made)


def _lines(entry: Entry) -> Iterator[str]:
    for paragraph in entry.paragraphs:
        yield from [paragraph] if isinstance(paragraph, str) else [f"- {line}" for line in paragraph]


def _text(parent: ET.Element, name: str, text: str) -> ET.Element:
    child = ET.SubElement(parent, name)
    child.text = text
    return child


def _title(simulated: bool) -> str:
    return f"{TITLE} (simulated: these do not exist)" if simulated else TITLE


def _moment(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
