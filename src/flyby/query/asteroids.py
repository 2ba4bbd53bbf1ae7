"""One asteroid: found by whatever it is called, and everything that was ever said of it."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from difflib import get_close_matches
from itertools import groupby
from typing import Any
from urllib.parse import quote

from flyby.errors import FlybyError, UsageError
from flyby.query.database import Database, opened, query_text, with_values
from flyby.query.views import MOVING, Move

#: So many names are told to who asked for one that is not there.
NEAR = 3

JPL = "https://ssd.jpl.nasa.gov/tools/sbdb_lookup.html#/?sstr="
CNEOS = "https://cneos.jpl.nasa.gov/ca/?des="


@dataclass(frozen=True, slots=True)
class Version:
    """One revision of a flyby: what a source said of it from when to when, and what that changed."""

    source: str
    title: str
    revision: int
    change: str
    seen_from: datetime
    seen_to: datetime | None
    verdict: str | None
    raw_path: str | None
    moves: list[Move]
    told: dict[str, Any]


@dataclass(frozen=True, slots=True)
class FlybyStory:
    """One flyby: what is believed of it now (None: withdrawn), and every version by source."""

    flyby_id: str
    is_past: bool
    believed: dict[str, Any] | None
    versions: list[Version]

    @property
    def told(self) -> dict[str, Any]:
        """What is believed, or of what was withdrawn the last that was said."""
        return self.believed or self.versions[-1].told


@dataclass(frozen=True, slots=True)
class Asteroid:
    """Everything that the record has of one asteroid."""

    now: datetime
    simulated: bool
    designation: str
    name: str
    ids: list[str]
    links: dict[str, str]
    flybys: list[FlybyStory]


def links(designation: str) -> dict[str, str]:
    """Where NASA has more about it."""
    return {"jpl": JPL + quote(designation, safe=""), "cneos": CNEOS + quote(designation, safe="")}


def asteroid(published: Database, text: str, now: datetime) -> Asteroid:
    """Everything of the asteroid that `text` names: its designation, number, name or id, in any letters.

    Raises UsageError where there is none, with the nearest names, or where several are called so.
    """
    with opened(published) as connection:
        designation = find(connection.execute(query_text("known_as")).fetchall(), text)
        said = _records(connection, "story", designation)
        [(simulated,)] = connection.execute(query_text("simulated")).fetchall()
        believed = {row["flyby_id"]: row for row in _records(connection, "flybys_of", designation)}
    flybys = [
        FlybyStory(flyby_id, _is_past(believed.get(flyby_id) or rows[-1], now), believed.get(flyby_id), _versions(rows))
        for flyby_id, rows in ((key, list(of)) for key, of in groupby(said, key=lambda row: str(row["flyby_id"])))
    ]
    latest = max(said, key=lambda row: (row["listed"], -row["priority"], row["seen_from"]))
    ids = sorted({known for row in said for known in [*(row["neo_ids"] or []), row["neo_id"]] if known})
    return Asteroid(now, bool(simulated), designation, str(latest["name"]), ids, links(designation), flybys)


def find(known: Iterable[tuple[str, Sequence[str], Sequence[str | None]]], text: str) -> str:
    """The designation of the one asteroid that is called `text`; spaces, hyphens and letters' case do not count."""
    asked = _key(text)
    if not asked:
        raise UsageError("name an asteroid: by designation, number, name or id, like 2024 YR4")
    called: dict[str, set[str]] = {}
    shown: dict[str, str] = {}
    for designation, names, ids in known:
        if _key(designation) == asked:
            return designation
        for word in {designation, *names, *filter(None, ids), *(part for name in names for part in _parts(name))}:
            called.setdefault(_key(word), set()).add(designation)
        shown[designation] = designation
    found = sorted(called.get(asked, ()))
    if len(found) == 1:
        return found[0]
    if found:
        raise UsageError(f"{_said(text)!r} may be {_or(found[:NEAR])}: name one by its designation")
    near = [min(called[word]) for word in get_close_matches(asked, called, n=NEAR * 2, cutoff=0.7)]
    near += sorted({d for word, those in called.items() if asked in word for d in those})[
        : NEAR if len(asked) > 2 else 0
    ]
    hint = f": did you mean {_or(list(dict.fromkeys(near))[:NEAR])}?" if near else ""
    raise FlybyError(f"the record has no asteroid {_said(text)!r}{hint or ': `flyby upcoming` names some'}")


def _parts(name: str) -> list[str]:
    """What `433 Eros (A898 PA)` is called in short: 433, Eros, 433 Eros and A898 PA."""
    read = re.fullmatch(r"\s*(\d+)?\s*([^()]*?)\s*(?:\(([^()]*)\))?\s*", name)
    if not read:
        return []
    number, word, designation = (part or "" for part in read.groups())
    return [part for part in (number, word, f"{number} {word}".strip(), designation) if part]


def _key(text: str) -> str:
    return re.sub(r"[\W_]+", "", text).casefold()


def _said(text: str) -> str:
    return " ".join(text.split())[:60]


def _or(names: list[str]) -> str:
    return " or ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else names[0]


def _is_past(told: Mapping[str, Any], now: datetime) -> bool:
    at, day = told["close_approach_at"], told["close_approach_date"]
    return bool(at < now) if at else bool(day < now.astimezone(UTC).date())


def _versions(rows: list[dict[str, Any]]) -> list[Version]:
    made = []
    before: dict[str, dict[str, Any]] = {}
    for row in rows:
        earlier = before.get(row["source"])
        moves = [
            Move(name, unit, earlier[name], row[name])
            for name, unit in MOVING.items()
            if earlier is not None and earlier[name] != row[name]
        ]
        before[row["source"]] = row
        names = ("source", "title", "revision", "change", "seen_from", "seen_to", "verdict", "raw_path")
        told = {name: value for name, value in row.items() if name not in {*names, "priority"}}
        made.append(Version(**{name: row[name] for name in names} | {"moves": moves, "told": told}))
    return made


def _records(connection: Any, query: str, designation: str) -> list[dict[str, Any]]:
    result = connection.execute(with_values(query_text(query), {"designation": designation}))
    return [dict(zip([column[0] for column in result.description], row, strict=True)) for row in result.fetchall()]
