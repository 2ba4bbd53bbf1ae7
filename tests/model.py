"""The record in plain Python: slow, small, and written from the rules of docs/how-it-works.md, not from the SQL.

One dictionary of flybys, one list of versions for each. Every sitting is told to `take_in`; `tables` and `believed` are
what the database is then to hold, column by column as `answers.TABLES` and `answers.BELIEVED` name them.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from answers import BELIEVED, TABLES, VALUES, Row
from flyby.days import Window

DAY = timedelta(days=1)
SOURCE = "neows"


@dataclass(frozen=True, slots=True)
class Said:
    """One answer; rows None is one that is no feed."""

    request_id: str
    window: Window
    at: datetime
    rows: tuple[Row, ...] | None


@dataclass(slots=True)
class Absence:
    absent_from: datetime
    last_seen_at: datetime
    answers: int = 0
    absent_to: datetime | None = None


@dataclass(slots=True)
class Flyby:
    flyby_id: str
    designation: str
    first_seen_at: datetime
    last_seen_at: datetime
    versions: list[dict[str, Any]] = field(default_factory=list)
    absences: list[Absence] = field(default_factory=list)
    been_on: set[date] = field(default_factory=set)

    @property
    def now(self) -> dict[str, Any]:
        return self.versions[-1]

    @property
    def day(self) -> date:
        day: date = self.now["close_approach_date"]
        return day

    @property
    def slot(self) -> tuple[str, date, int]:
        return self.designation, self.day, self.now["ordinal"]

    def away(self) -> Absence | None:
        return self.absences[-1] if self.absences and self.absences[-1].absent_to is None else None


@dataclass(slots=True)
class Seen:
    """One flyby as an answer lists it."""

    row: Row
    neo_ids: set[str]
    request_id: str


class Model:
    """The record after the sittings taken in so far."""

    def __init__(self) -> None:
        self.flybys: dict[str, Flyby] = {}
        self.born: defaultdict[tuple[str, date], int] = defaultdict(int)
        self.asked_at: defaultdict[date, list[datetime]] = defaultdict(list)
        self.suspect: dict[date, bool] = {}
        self.changed_at: dict[date, datetime] = {}
        self.requests: list[dict[str, Any]] = []

    def take_in(self, at: datetime, answers: Sequence[Said]) -> None:
        """One sitting."""
        feeds = {said.request_id: said for said in answers if said.rows is not None}
        asked: dict[date, str] = {}
        for request_id in sorted(feeds):
            asked |= dict.fromkeys(feeds[request_id].window.days, request_id)
        seen = self._seen(feeds, asked)
        match = self._match(seen, asked)
        lost = [f for f in self.flybys.values() if f.day in asked and f.flyby_id not in match.values()]
        lost = [f for f in lost if f.now["change"] != "withdrawn"]
        doubtful = self._judge(at, answers, asked, lost)

        for slot, what in seen.items():
            self._see(at, slot, what, match.get(slot))
        for flyby in lost:
            self._miss(at, flyby, asked[flyby.day], healthy=flyby.day not in doubtful)
        for day in asked:
            self.asked_at[day].append(at)
            self.suspect[day] = day in doubtful
        for said in answers:
            for day in said.window.days:
                self.asked_at.setdefault(day, [])  # a day of an answer that was no feed stands in the ledger too

    def _seen(self, feeds: dict[str, Said], asked: dict[date, str]) -> dict[tuple[str, date, int], Seen]:
        by_id: defaultdict[tuple[str, date, str], set[Row]] = defaultdict(set)
        for request_id, said in feeds.items():
            for row in said.rows or ():
                if asked[row.day] == request_id:
                    by_id[row.designation, row.day, row.neo_id].add(row)
        seen: dict[tuple[str, date, int], Seen] = {}
        for (designation, day, neo_id), rows in by_id.items():
            in_time = sorted(rows, key=lambda r: (r.at is None, r.at or time(), r.au, r.name))
            for ordinal, row in enumerate(in_time, 1):
                other = seen.get((designation, day, ordinal))
                better = row if other is None else max(row, other.row, key=_worth)
                ids = {neo_id} | (other.neo_ids if other else set())
                seen[designation, day, ordinal] = Seen(better, ids, asked[day])
        return seen

    def _match(self, seen: Iterable[tuple[str, date, int]], asked: dict[date, str]) -> dict[tuple[str, date, int], str]:
        """Which flyby each thing seen is, where it is a known one: where it was, or else who moved."""
        match = {f.slot: f.flyby_id for f in self.flybys.values() if f.slot in seen and f.day in asked}
        strays = [slot for slot in seen if slot not in match]
        homeless = [f for f in self.flybys.values() if f.flyby_id not in match.values()]

        def could_be(flyby: Flyby, slot: tuple[str, date, int]) -> bool:
            near = flyby.designation == slot[0] and abs(flyby.day - slot[1]) <= 2 * DAY
            return near and (flyby.day in asked or slot[1] not in flyby.been_on)

        # Should several of one object have moved at once, the two that are each other's nearest go together.
        first_choice = {
            slot: min(fs, key=lambda f: (not f.now["listed"], abs(f.day - slot[1]), f.flyby_id)).flyby_id
            for slot in strays
            if (fs := [f for f in homeless if could_be(f, slot)])
        }
        for flyby in homeless:
            slots = [slot for slot in strays if could_be(flyby, slot)]
            if slots:
                nearest = min(slots, key=lambda s: (abs(flyby.day - s[1]), s[1], s[2]))
                if first_choice.get(nearest) == flyby.flyby_id:
                    match[nearest] = flyby.flyby_id
        return match

    def _judge(self, at: datetime, answers: Sequence[Said], asked: dict[date, str], lost: Sequence[Flyby]) -> set[date]:
        """The days that are not believed; notes every answer and its verdict."""
        doubtful: set[date] = set()
        gone = {flyby.flyby_id for flyby in lost}
        for_long = {f.flyby_id for f in lost if (absence := f.away()) and at - absence.absent_from > 90 * DAY}
        listed = [f for f in self.flybys.values() if f.now["listed"] and f.day in asked]
        in_all = _whole_groups(listed, gone)
        for said in answers:
            known = [f for f in listed if asked[f.day] == said.request_id]
            days = defaultdict(list)
            for flyby in known:
                if flyby.flyby_id not in for_long:
                    days[flyby.day].append(flyby.flyby_id in gone)
            countable = [is_gone for day in days.values() for is_gone in day]
            rows = said.rows or ()
            whole = (
                bool(_whole_groups(known, gone))
                or any(_group(flyby) in in_all for flyby in known)
                or (sum(countable) >= 5 and sum(countable) * 10 > len(countable) * 3)
                or (
                    at >= datetime(2021, 7, 1, tzinfo=UTC)
                    and abs((said.window.start - at.date()).days) <= 45
                    and len(rows) >= 8
                    and not any(len(row.neo_id) >= 8 for row in rows)
                )
            )
            suspects = [d for d in said.window.days if whole or (len(days[d]) >= 4 and all(days[d]))]
            doubtful |= {day for day in suspects if asked.get(day) == said.request_id}
            self.requests.append(
                {
                    "request_id": said.request_id,
                    "window_start": said.window.start,
                    "window_end": said.window.end,
                    "requested_at": at,
                    "rows": len(rows),
                    "verdict": "rejected" if said.rows is None else "partial" if suspects else "ok",
                    "suspect_days": tuple(suspects),
                }
            )
        return doubtful

    def _see(self, at: datetime, slot: tuple[str, date, int], what: Seen, known: str | None) -> None:
        designation, day, ordinal = slot
        if known is None:
            self.born[designation, day] += 1
            nth = self.born[designation, day]
            flyby = Flyby(f"{designation}@{day}" + (f"#{nth}" if nth > 1 else ""), designation, at, at)
            self.flybys[flyby.flyby_id] = flyby
            change, neo_ids = "new", what.neo_ids
        else:
            flyby = self.flybys[known]
            change = "changed" if flyby.now["listed"] else "relisted"
            neo_ids = what.neo_ids | set(flyby.now["neo_ids"])
        flyby.last_seen_at = at
        if absence := flyby.away():
            absence.absent_to = at
        told = what.row.values() | {"ordinal": ordinal, "neo_ids": tuple(sorted(neo_ids)), "listed": True}
        if known is None or told != {name: flyby.now[name] for name in told}:
            self._write(at, flyby, told | {"change": change, "request_id": what.request_id})

    def _miss(self, at: datetime, flyby: Flyby, request_id: str, *, healthy: bool) -> None:
        absence = flyby.away()
        if absence is None:
            absence = Absence(at, flyby.last_seen_at)
            flyby.absences.append(absence)
        if not healthy:
            return
        absence.answers += 1
        gone = {name: flyby.now[name] for name in (*VALUES, "ordinal", "neo_ids")}
        gone |= {"listed": False, "request_id": request_id}
        if flyby.now["listed"]:
            self._write(at, flyby, gone | {"change": "unlisted"})
        elif absence.answers >= 3 and at - flyby.now["seen_from"] >= 7 * DAY:
            self._write(at, flyby, gone | {"change": "withdrawn"})

    def _write(self, at: datetime, flyby: Flyby, version: dict[str, Any]) -> None:
        if flyby.versions:
            flyby.now["seen_to"] = at
            self.changed_at[flyby.day] = at
        flyby.versions.append(version | {"seen_from": at, "seen_to": None, "revision": len(flyby.versions) + 1})
        flyby.been_on.add(flyby.day)
        self.changed_at[flyby.day] = at

    def _days(self) -> list[dict[str, Any]]:
        listed: defaultdict[date, int] = defaultdict(int)
        for flyby in self.flybys.values():
            listed[flyby.day] += flyby.now["listed"]
        observed = {day: asked for day, asked in self.asked_at.items() if asked}
        live = [day for day, asked in observed.items() if abs((asked[0].date() - day).days) <= 8]
        gaps = {min(live) + n * DAY for n in range((max(live) - min(live)).days)} if live else set()
        days = []
        for day in self.asked_at.keys() | gaps:
            asked = observed.get(day, [])
            changed_at = self.changed_at.get(day)
            days.append(
                {
                    "day": day,
                    "first_observed_at": asked[0] if asked else None,
                    "last_observed_at": asked[-1] if asked else None,
                    "observations": len(asked),
                    "flybys": listed[day],
                    "state": self._state(day, asked, changed_at),
                    "last_changed_at": changed_at,
                }
            )
        return days

    def _state(self, day: date, asked: Sequence[datetime], changed_at: datetime | None) -> str:
        if not asked:
            return "missing"
        if self.suspect[day]:
            return "suspect"
        if len(asked) == 1:
            return "fresh"
        quiet_since = max(asked[0], changed_at or asked[0], datetime.combine(day, time(), UTC))
        past = day < asked[-1].date()
        return "settled" if past and len(asked) >= 3 and asked[-1] - quiet_since >= 30 * DAY else "settling"

    def tables(self) -> dict[str, set[tuple[Any, ...]]]:
        """Every row of every table."""
        rows: dict[str, list[dict[str, Any]]] = {"revisions": [], "absences": [], "days": self._days()}
        for f in self.flybys.values():
            of_flyby = {"flyby_id": f.flyby_id, "designation": f.designation, "first_seen_at": f.first_seen_at}
            rows["revisions"] += [version | of_flyby | {"sources": (SOURCE,)} for version in f.versions]
            rows["absences"] += [
                {"flyby_id": f.flyby_id, "source": SOURCE} | {name: getattr(a, name) for name in Absence.__slots__}
                for a in f.absences
            ]
        rows["requests"] = self.requests
        return {table: {tuple(r[c] for c in columns) for r in rows[table]} for table, columns in TABLES.items()}

    def believed(self) -> set[tuple[Any, ...]]:
        """`close_approaches`."""
        return {
            tuple(
                (
                    f.now
                    | {"designation": f.designation, "sources": (SOURCE,)}
                    | {"first_seen_at": f.first_seen_at, "last_seen_at": f.last_seen_at}
                )[column]
                for column in BELIEVED
            )
            for f in self.flybys.values()
            if f.now["change"] != "withdrawn"
        }


def _worth(row: Row) -> tuple[bool, bool, int, str]:
    """Of two rows for one flyby the better knows its time of day, or is a numbered object's, or has the higher id."""
    return row.at is not None, row.number is not None, len(row.neo_id), row.neo_id


def _group(flyby: Flyby) -> str:
    """The id group: the id less its last six digits."""
    return str(flyby.now["neo_id"])[:-6]


def _whole_groups(known: Iterable[Flyby], gone: set[str]) -> set[str]:
    """The id groups of which three or more are known and none is left."""
    groups = defaultdict(list)
    for flyby in known:
        groups[_group(flyby)].append(flyby.flyby_id in gone)
    return {group for group, are_gone in groups.items() if len(are_gone) >= 3 and all(are_gone)}
