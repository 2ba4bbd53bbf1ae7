"""The record in plain Python: slow, small, and written from the rules of docs/how-it-works.md, not from the SQL.

One dictionary of flybys, one list of versions for each. Every reading is told to `take_in`; `tables` and `believed` are
what the database is then to hold, column by column as `answers.TABLES` and `answers.BELIEVED` name them.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from answers import BELIEVED, TABLES, VALUES, Row
from flyby.days import Window

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
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

    def away(self) -> Absence | None:
        return self.absences[-1] if self.absences and self.absences[-1].absent_to is None else None


@dataclass(slots=True)
class Seen:
    """One pass of one object as a reading lists it."""

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
        #: When the reading that is being taken in was recorded.
        self.recorded = datetime.min.replace(tzinfo=UTC)

    def take_in(self, at: datetime, answers: Sequence[Said], recorded: datetime | None = None) -> None:
        """One reading, asked for at `at` and taken in at `recorded`, or at once."""
        self.recorded = recorded or at
        feeds = {said.request_id: said for said in answers if said.rows is not None}
        asked: dict[date, str] = {}
        for request_id in sorted(feeds):
            asked |= dict.fromkeys(feeds[request_id].window.days, request_id)
        seen = self._seen(feeds, asked)
        match = self._match(seen, asked)
        found = {flyby.flyby_id for flyby in match.values()}
        gone = [f for f in self.flybys.values() if f.day in asked and f.flyby_id not in found]
        beyond = {f.flyby_id for f in gone if _may_lie_beyond(f, asked)}
        lost = [f for f in gone if f.flyby_id not in beyond]
        doubtful = self._judge(at, answers, asked, lost, beyond)

        for n, what in enumerate(seen):
            if n in match:
                self._see(at, what, match[n])
        for n, what in enumerate(seen):
            if n not in match:
                self._bear(at, what)
        for flyby in lost:
            if flyby.now["change"] != "withdrawn":
                self._miss(at, flyby, asked[flyby.day], healthy=flyby.day not in doubtful)
        for flyby_id in beyond:
            if not self.flybys[flyby_id].away():
                self.flybys[flyby_id].last_seen_at = at
        for day in asked:
            self.asked_at[day].append(at)
            self.suspect[day] = day in doubtful
        for said in answers:
            for day in said.window.days:
                self.asked_at.setdefault(day, [])  # a day of an answer that was no feed stands in the ledger too

    def _seen(self, feeds: dict[str, Said], asked: dict[date, str]) -> list[Seen]:
        """Day by day, object by object, the passes in time; of the copies of a pass under several ids the better."""
        by_id: defaultdict[tuple[date, str], defaultdict[str, set[Row]]] = defaultdict(lambda: defaultdict(set))
        for request_id, said in feeds.items():
            for row in said.rows or ():
                if asked[row.day] == request_id:
                    by_id[row.day, row.designation][row.neo_id].add(row)
        seen = []
        for day, designation in sorted(by_id):
            in_time = [sorted(rows, key=_time) for rows in by_id[day, designation].values()]
            for n in range(max(map(len, in_time))):
                copies = [rows[n] for rows in in_time if len(rows) > n]
                seen.append(Seen(max(copies, key=_worth), {row.neo_id for row in copies}, asked[day]))
        return seen

    def _match(self, seen: Sequence[Seen], asked: dict[date, str]) -> dict[int, Flyby]:
        """Which flyby each pass is, where it is a known one: on its day the nearest in time, or else one that moved."""
        match: dict[int, Flyby] = {}
        taken = set[str]()

        def join(n: int, flyby: Flyby) -> None:
            match[n] = flyby
            taken.add(flyby.flyby_id)

        def unlike(what: Seen, flyby: Flyby) -> tuple[Any, ...]:
            then = flyby.now["close_approach_at"]
            at = what.row.at and datetime.combine(what.row.day, what.row.at, UTC)
            apart = abs((at - then).total_seconds()) if at and then else float("inf")
            is_other = any(flyby.now[name] != value for name, value in what.row.values().items())
            return is_other, apart, not flyby.now["listed"], flyby.now["ordinal"], flyby.flyby_id

        for day, designation in dict.fromkeys((what.row.day, what.row.designation) for what in seen):
            here = [n for n, what in enumerate(seen) if (what.row.day, what.row.designation) == (day, designation)]
            known = [f for f in self.flybys.values() if (f.day, f.designation) == (day, designation)]
            for _, n, flyby_id in sorted((unlike(seen[n], f), n, f.flyby_id) for n in here for f in known):
                if n not in match and flyby_id not in taken:
                    join(n, self.flybys[flyby_id])

        def could_be(flyby: Flyby, row: Row) -> bool:
            near = flyby.designation == row.designation and timedelta() < abs(flyby.day - row.day) <= 2 * DAY
            return near and flyby.flyby_id not in taken and (flyby.day in asked or row.day not in flyby.been_on)

        # Should several of one object have moved at once, the two that are each other's nearest go together.
        strays = [n for n in range(len(seen)) if n not in match]
        choice = {
            n: min(fs, key=lambda f: (not f.now["listed"], abs(f.day - seen[n].row.day), f.flyby_id))
            for n in strays
            if (fs := [f for f in self.flybys.values() if could_be(f, seen[n].row)])
        }
        joined = []
        for n, flyby in choice.items():
            rivals = [m for m in strays if could_be(flyby, seen[m].row)]
            if n == min(
                rivals, key=lambda m: (abs(flyby.day - seen[m].row.day), seen[m].row.day, _time(seen[m].row), m)
            ):
                joined.append((n, flyby))
        for n, flyby in joined:
            join(n, flyby)
        return match

    def _judge(
        self,
        at: datetime,
        answers: Sequence[Said],
        asked: dict[date, str],
        lost: Sequence[Flyby],
        beyond: set[str],
    ) -> set[date]:
        """The days that are not believed; notes every answer and its verdict."""
        doubtful: set[date] = set()
        gone = {flyby.flyby_id for flyby in lost}
        for_long = {f.flyby_id for f in lost if (absence := f.away()) and at - absence.absent_from > 90 * DAY}
        listed = [f for f in self.flybys.values() if f.now["listed"] and f.day in asked and f.flyby_id not in beyond]
        has = {said.request_id: {row.neo_id[:-6] for row in said.rows or ()} for said in answers}
        in_all = _whole_groups(listed, gone, set().union(*has.values()))
        for said in answers:
            known = [f for f in listed if asked[f.day] == said.request_id]
            days = defaultdict(list)
            for flyby in known:
                # Of what lies beyond 0.2 au a loss says nothing.
                if flyby.flyby_id not in for_long and flyby.now["miss_distance_au"] <= 0.2:
                    days[flyby.day].append(flyby.flyby_id in gone)
            countable = [is_gone for day in days.values() for is_gone in day]
            rows = said.rows or ()
            whole = said.rows is not None and (
                bool(_whole_groups(known, gone, has[said.request_id]))
                or bool(in_all)
                or (sum(countable) >= 5 and sum(countable) * 10 > len(countable) * 3)
                or (sum(countable) >= 3 and sum(countable) * 2 > len(countable))
                or (
                    at >= datetime(2021, 7, 1, tzinfo=UTC)
                    and abs((said.window.start - at.date()).days) <= 45
                    and len(rows) >= 8
                    and not any(len(row.neo_id) >= 8 for row in rows)
                )
                or self._is_short(at, said, asked)
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

    def _is_short(self, at: datetime, said: Said, asked: dict[date, str]) -> bool:
        """Whether the first look at days that are past has fewer than five rows a day."""
        past = {
            day
            for day in said.window.days
            if 0 < (at.date() - day).days <= 31
            and asked.get(day) == said.request_id
            and not any(look.date() > day for look in self.asked_at[day])
        }
        return at.year >= 2025 and sum(row.day in past for row in said.rows or ()) < 5 * len(past)

    def _ordinal(self, row: Row, moving: Flyby | None = None) -> int:
        """The first number that no other pass of the object on that day has."""
        used = {
            f.now["ordinal"]
            for f in self.flybys.values()
            if f is not moving and (f.designation, f.day) == (row.designation, row.day)
        }
        return min(set(range(1, len(used) + 2)) - used)

    def _bear(self, at: datetime, what: Seen) -> None:
        row = what.row
        self.born[row.designation, row.day] += 1
        nth = self.born[row.designation, row.day]
        name = f"{row.designation}@{row.day}" + (f"#{nth}" if nth > 1 else "")
        told = row.values() | {"ordinal": self._ordinal(row), "neo_ids": tuple(sorted(what.neo_ids)), "listed": True}
        flyby = self.flybys[name] = Flyby(name, row.designation, self.recorded, at)
        self._write(at, flyby, told | {"change": "new", "request_id": what.request_id})

    def _see(self, at: datetime, what: Seen, flyby: Flyby) -> None:
        row = what.row
        if self.recorded < flyby.now["seen_from"]:
            self._known_since(flyby)
        change = "changed" if flyby.now["listed"] else "relisted"
        neo_ids = what.neo_ids | set(flyby.now["neo_ids"])
        ordinal = flyby.now["ordinal"] if row.day == flyby.day else self._ordinal(row, flyby)
        flyby.last_seen_at = at
        if absence := flyby.away():
            absence.absent_to = at
        told = row.values() | {"ordinal": ordinal, "neo_ids": tuple(sorted(neo_ids)), "listed": True}
        if told != {name: flyby.now[name] for name in told}:
            self._write(at, flyby, told | {"change": change, "request_id": what.request_id})

    def _miss(self, at: datetime, flyby: Flyby, request_id: str, *, healthy: bool) -> None:
        absence = flyby.away()
        if absence is None:
            absence = Absence(at, flyby.last_seen_at)
            flyby.absences.append(absence)
        if not healthy:
            return
        absence.answers += 1
        if flyby.first_seen_at <= self.recorded < flyby.now["seen_from"]:
            self._known_since(flyby)
        gone = {name: flyby.now[name] for name in (*VALUES, "ordinal", "neo_ids")}
        gone |= {"listed": False, "request_id": request_id}
        if flyby.now["listed"]:
            self._write(at, flyby, gone | {"change": "unlisted"})
        elif absence.answers >= 3 and at - flyby.now["asked_at"] >= 7 * DAY:
            self._write(at, flyby, gone | {"change": "withdrawn"})

    def _known_since(self, flyby: Flyby) -> None:
        """A reading asked for later was taken in before: what it finds was known by then."""
        for version in flyby.versions:
            version["seen_from"] = min(version["seen_from"], self.recorded)
            if version["seen_to"]:
                version["seen_to"] = min(version["seen_to"], self.recorded)
        flyby.first_seen_at = min(flyby.first_seen_at, self.recorded)

    def _write(self, at: datetime, flyby: Flyby, version: dict[str, Any]) -> None:
        seen_from = self.recorded
        if flyby.versions:
            seen_from = flyby.now["seen_to"] = max(self.recorded, flyby.now["seen_from"])
            self.changed_at[flyby.day] = at
        told = {"asked_at": at, "seen_from": seen_from, "seen_to": None, "revision": len(flyby.versions) + 1}
        flyby.versions.append(version | told)
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


def _time(row: Row) -> tuple[bool, time]:
    return row.at is None, row.at or time()


def _may_lie_beyond(flyby: Flyby, asked: dict[date, str]) -> bool:
    """Whether it was last told within an hour of the edge of what is asked for."""
    at = flyby.now["close_approach_at"]
    if at is None:
        return False
    began = datetime.combine(flyby.day, time(), UTC)
    return (flyby.day - DAY not in asked and at < began + HOUR) or (
        flyby.day + DAY not in asked and at >= began + DAY - HOUR
    )


def _whole_groups(known: Iterable[Flyby], gone: set[str], listed: set[str]) -> set[str]:
    """The id groups of which three or more are known, none is left, and none of which is `listed` at all."""
    groups = defaultdict(list)
    for flyby in known:
        groups[_group(flyby)].append(flyby.flyby_id in gone)
    return {group for group, are_gone in groups.items() if len(are_gone) >= 3 and all(are_gone) and group not in listed}
