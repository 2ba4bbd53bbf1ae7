"""What the published database says, in the shapes that the terminal shows and `--json` prints.

Each function asks the database at `published` and gives a dataclass of plain values. HomeError when there is none yet.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import duckdb

from flyby.days import DAY, WINDOW_DAYS
from flyby.fetch.lateness import Lateness
from flyby.query.database import ASTEROIDS_SCHEMA, Database, lateness, opened, query_text, with_values
from flyby.sources.neows.policy import LISTED_BY

#: Days after a data day at which `flyby latency` tells how long its list had become.
AGES_DAYS = (1, 3, 7, 14, 30, 90, 365)
#: Fewer days than this say little about how late the source is.
ENOUGH_DAYS = 20
#: How many months back the sources are compared month by month.
MONTHS_DAYS = 366

#: A record whose last morning is older than this has missed one.
STALE_AFTER = timedelta(hours=26)

#: What counts as a revision in `changes`, and its unit. The distance stands for its three columns.
MOVING = {
    "close_approach_date": "",
    "miss_distance_km": "km",
    "close_approach_at": "",
    "relative_velocity_km_s": "km/s",
    "absolute_magnitude_h": "",
    "diameter_min_m": "m",
    "diameter_max_m": "m",
    "is_potentially_hazardous": "",
    "is_sentry_object": "",
    "neo_id": "",
    "name": "",
}
KINDS = ("new", "revised", "relisted", "unlisted", "withdrawn")


@dataclass(frozen=True, slots=True)
class Span:
    """A run of days in one state, both ends included, and what was said of it."""

    first: date
    last: date
    note: str | None

    @property
    def days(self) -> int:
        return (self.last - self.first).days + 1

    def __str__(self) -> str:
        return str(self.first) if self.first == self.last else f"{self.first} to {self.last}"


@dataclass(frozen=True, slots=True)
class Morning:
    """The last reading that took in the day before it."""

    requested_at: datetime
    requests: int
    rows: int
    ok: int
    partial: int
    rejected: int
    new: int
    changed: int


@dataclass(frozen=True, slots=True)
class Status:
    """What is held, how fresh it is, and what is not to be trusted."""

    now: datetime
    simulated: bool
    first_day: date | None
    last_day: date | None
    days: dict[str, int]
    listed: int
    unlisted: int
    revisions: int
    requests: int
    requests_24h: int
    last_request_at: datetime | None
    last_morning: Morning | None
    suspect: list[Span]
    missing: list[Span]

    @property
    def is_stale(self) -> bool:
        return self.last_morning is None or self.now - self.last_morning.requested_at > STALE_AFTER


@dataclass(frozen=True, slots=True)
class Upcoming:
    """What passes in the next days: one dictionary a flyby, of columns of `close_approaches`."""

    now: datetime
    simulated: bool
    days: int
    known_until: date | None
    flybys: list[dict[str, Any]]

    @property
    def closest(self) -> dict[str, Any]:
        return min(self.flybys, key=_distance)


@dataclass(frozen=True, slots=True)
class Move:
    """One value that changed."""

    field: str
    unit: str
    before: Any
    after: Any

    @property
    def size(self) -> float | None:
        """By how much, in the unit; in hours for a moment, in days for a date; None where that means nothing."""
        if isinstance(self.before, bool) or isinstance(self.after, bool) or self.before is None or self.after is None:
            return None
        if isinstance(self.before, datetime):
            return float((self.after - self.before).total_seconds() / 3600)
        if isinstance(self.before, date):
            return float((self.after - self.before).days)
        return None if isinstance(self.before, str) else float(self.after - self.before)


@dataclass(frozen=True, slots=True)
class Change:
    """What became of one flyby: its kind (one of KINDS), what is told of it now, and which values moved."""

    kind: str
    changed_at: datetime
    designation: str
    name: str
    close_approach_date: date
    close_approach_at: datetime | None
    miss_distance_ld: float
    miss_distance_km: float
    moves: list[Move]

    @property
    def moved_km(self) -> float:
        sizes = [move.size for move in self.moves if move.field == "miss_distance_km"]
        return abs(sizes[0] or 0.0) if sizes else 0.0


@dataclass(frozen=True, slots=True)
class Changes:
    """What changed after `since`. Flybys on days that were read for the first time are counted, not listed."""

    since: datetime
    simulated: bool
    first_looks: int
    changes: list[Change]

    def of(self, kind: str) -> list[Change]:
        return [change for change in self.changes if change.kind == kind]


@dataclass(frozen=True, slots=True)
class Growth:
    """How much of a day's list had been read `age_days` after it, of what had been read by the oldest age."""

    age_days: int
    share: float
    days: int


@dataclass(frozen=True, slots=True)
class Reload:
    """Between which hours of the day, UTC, the source changes its answers (`until` may lie past midnight)."""

    after: int
    until: int
    changed: int
    unchanged: int


@dataclass(frozen=True, slots=True)
class Calibration:
    """Of what JPL gave a range for, how much changed later, and how much of that left the range; for one way of looking
    (`revised`: by JPL's own later word, `other`: by NeoWs') and one age of the orbit."""

    against: str
    orbit_age: str
    pairs: int
    distances_changed: int
    distances_outside: int
    times_changed: int
    times_outside: int


@dataclass(frozen=True, slots=True)
class Latency:
    """How late the source is, as far as this record can tell."""

    simulated: bool
    growth: list[Growth]
    rereadings: int
    reload: Reload | None
    #: What mornings plan by: the days of late alone, rows and values; None as long as they are too few.
    planned_by: Lateness | None

    @property
    def is_little(self) -> bool:
        return not self.growth or self.growth[0].days < ENOUGH_DAYS


@dataclass(frozen=True, slots=True)
class Month:
    """What the two sources list for the days of a month that both were asked about."""

    month: date
    days: int
    in_both: int
    neows_only: int
    cad_only: int


@dataclass(frozen=True, slots=True)
class Difference:
    """A flyby that NeoWs lists at a distance outside of the range, 3-sigma, that JPL gives for its own: by
    `difference_km`, of the distance by `relative` (1 = 100 %), and in JPL's own `sigmas`, None where its range is a
    point."""

    designation: str
    name: str
    close_approach_date: date
    neows_at: datetime | None
    cad_at: datetime | None
    neows_km: float
    cad_km: float
    difference_km: float
    relative: float
    cad_min_km: float
    cad_max_km: float
    sigmas: float | None


@dataclass(frozen=True, slots=True)
class CadOnly:
    """A flyby that JPL lists and NeoWs does not, and why that may be."""

    designation: str
    name: str
    close_approach_date: date
    close_approach_at: datetime | None
    miss_distance_km: float
    miss_distance_ld: float
    category: str


@dataclass(frozen=True, slots=True)
class SecondOpinion:
    """How far JPL's list and NeoWs' agree, on the days that both were asked about."""

    heard_at: datetime | None
    #: The last try, if it was later and brought nothing, and why.
    failed_at: datetime | None
    failed_because: str | None
    first_day: date | None
    last_day: date | None
    days: int
    in_both: int
    neows_only: int
    cad_only: int
    #: Listed in JPL's last answers, and kept apart.
    comets: int | None
    months: list[Month]
    #: Of the flybys in both lists, those that NeoWs has outside of the range that JPL gives, the most sigmas first.
    disagreements: list[Difference]
    #: How many flybys only JPL lists, by why that may be; and each of them.
    cad_only_because: dict[str, int]
    cad_only_flybys: list[CadOnly]


def second_opinion(published: Database, now: datetime) -> SecondOpinion:
    """What JPL was asked, and how far it and NeoWs agree."""
    with opened(published) as connection:
        [said] = _records(connection, "second_opinion")
        pairs, lonely, months = [], [], []
        if said["days"]:  # else there is nothing to compare, and finding that out takes as long
            held = {"first": said["first_day"], "last": said["last_day"]}
            pairs = _records(connection, "second_opinion_pairs", **held)
            lonely = _records(connection, "second_opinion_cad_only", **held)
            year = (now.date() - MONTHS_DAYS * DAY).replace(day=1)
            months = _records(connection, "second_opinion_months", first=year)
    return SecondOpinion(
        **said,
        months=[Month(**month) for month in months],
        disagreements=[Difference(**pair) for pair in pairs],
        cad_only_because=dict(Counter(flyby["category"] for flyby in lonely).most_common()),
        cad_only_flybys=[CadOnly(**flyby) for flyby in lonely],
    )


def status(published: Database, now: datetime) -> Status:
    """What is held, how fresh, how complete, and what is suspect or missing."""
    with opened(published) as connection:
        [held] = _records(connection, "held", now=now)
        mornings = _records(connection, "last_morning")
        doubtful = _rows(connection, "doubtful_days")
        return Status(
            now=now,
            days=dict(_rows(connection, "day_states")),
            last_morning=Morning(**mornings[0]) if mornings else None,
            suspect=_suspect(doubtful),
            missing=_spans((day, note) for day, state, note, *_ in doubtful if state == "missing"),
            **held,
        )


def upcoming(published: Database, now: datetime, *, days: int = WINDOW_DAYS, closest_first: bool = False) -> Upcoming:
    """What passes from `now` to the end of the day `days - 1` days on, soonest first."""
    last = now.date() + (days - 1) * DAY
    with opened(published) as connection:
        [(known_until,)] = _rows(connection, "known_until")
        flybys = _records(connection, "passing", first=now.date(), last=last, after=now)
        simulated = _is_simulated(connection)
    if closest_first:
        flybys.sort(key=_distance)
    return Upcoming(now, simulated, days, known_until, flybys)


def passed(published: Database, day: date) -> list[dict[str, Any]]:
    """What is listed for `day`, the closest first; the columns are those of `Upcoming.flybys`."""
    with opened(published) as connection:
        return sorted(_records(connection, "passing", first=day, last=day, after=midnight(day)), key=_distance)


def changes(published: Database, since: datetime) -> Changes:
    """What became new, moved, went and came back after `since`: by kind, the widest move in distance first."""
    with opened(published) as connection:
        rows = _records(connection, "changes", since=since)
        simulated = _is_simulated(connection)
    told = [_change(row) for row in rows if row["kind"] in KINDS]
    listed = [change for change in told if change.kind != "revised" or change.moves]
    listed.sort(key=lambda change: (KINDS.index(change.kind), -change.moved_km, change.miss_distance_km))
    return Changes(since, simulated, sum(row["flybys"] for row in rows if row["kind"] == "first look"), listed)


def latency(published: Database, now: datetime) -> Latency:
    """How days' lists grew after the day, at what hours answers change, and what mornings plan by at `now`."""
    with opened(published) as connection:
        planned_by = lateness(connection, ASTEROIDS_SCHEMA, now, LISTED_BY)
        steps = _rows(connection, "growth", ages=AGES_DAYS)
        rereadings = _rows(connection, "rereadings")
        simulated = _is_simulated(connection)
    return Latency(simulated, growth(steps), len(rereadings), reload_hours(rereadings), planned_by)


def calibration(published: Database) -> tuple[bool, list[Calibration]]:
    """Whether the record is simulated, and how good JPL's ranges turned out to be, by how old the orbit was."""
    with opened(published) as connection:
        return _is_simulated(connection), [Calibration(**row) for row in _records(connection, "calibration")]


def growth(steps: Sequence[tuple[int, int, int, int, int]]) -> list[Growth]:
    """Shares by age from steps (younger age, older age, days followed, flybys by the younger, by the older).

    Few days have been followed for long, so each step is measured on all the days that were followed through it, and
    the shares are the product of the steps from the oldest age down (the chain ladder of those who estimate late
    claims).
    """
    if not steps:
        return []
    share, shares = 1.0, [Growth(steps[-1][1], 1.0, steps[-1][2])]
    for younger, _, days, before, after in reversed(steps):
        share *= before / after if after else 1.0
        shares.append(Growth(younger, share, days))
    return shares[::-1]


def reload_hours(rereadings: Iterable[tuple[datetime, datetime, bool]]) -> Reload | None:
    """Between which hours the source changes its answers, from readings (before, after, whether they differ).

    Two readings that differ have a change between them; the hours between two that do not are quieter. The hours with
    the highest share of differing pairs are told, together. None when no pair differs.
    """
    changed, unchanged = [0] * 24, [0] * 24
    pairs = list(rereadings)
    for before, after, differ in pairs:
        for hour in _hours(before, after):
            (changed if differ else unchanged)[hour] += 1
    if not any(changed):
        return None
    shares = [c / (c + u) if c else 0.0 for c, u in zip(changed, unchanged, strict=True)]
    weights = [share * count for share, count in zip(shares, changed, strict=True)]
    best = weights.index(max(weights))
    likely = [weight >= 0.9 * weights[best] for weight in weights]
    first = last = best
    while likely[(first - 1) % 24] and last - first < 23:
        first -= 1
    while likely[(last + 1) % 24] and last - first < 23:
        last += 1
    shift = 24 if first < 0 else 0
    return Reload(
        first + shift,
        last + 1 + shift,
        changed=sum(differ for *_, differ in pairs),
        unchanged=sum(not differ for *_, differ in pairs),
    )


def midnight(day: date) -> datetime:
    """The moment, UTC, at which the day begins."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def parse_since(text: str) -> datetime:
    """The moment that `text` names: YYYY-MM-DD or an ISO moment, UTC unless it says otherwise. ValueError if none."""
    moment = datetime.fromisoformat(text)
    if not 1900 <= moment.year <= 2200:
        raise ValueError(text)
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def cron_hour_utc(cron: str, timezone: str, now: datetime) -> float | None:
    """At what hour of the day, UTC, a daily schedule fires, by the zone's offset at `now`; None if it is not daily."""
    match cron.split():
        case [minute, hour, "*", "*", "*"] if minute.isdecimal() and hour.isdecimal() and int(hour) < 24:
            local = now.astimezone(ZoneInfo(timezone)).replace(hour=int(hour), minute=int(minute) % 60)
            at = local.astimezone(UTC)
            return at.hour + at.minute / 60
    return None


def _distance(flyby: dict[str, Any]) -> float:
    return float(flyby["miss_distance_km"])


def _hours(before: datetime, after: datetime) -> Iterable[int]:
    """The hours of the day, UTC, that the time between the two readings touches; each at most once."""
    hour, hours = before.astimezone(UTC).replace(minute=0, second=0, microsecond=0), set()
    while hour < after:
        hours.add(hour.hour)
        hour += timedelta(hours=1)
    return hours


def _change(row: dict[str, Any]) -> Change:
    told, before = row["told"], row["told_before"]
    moves = [
        Move(field, unit, before[field], told[field])
        for field, unit in MOVING.items()
        if before is not None and before[field] != told[field]
    ]
    return Change(
        kind=row["kind"],
        changed_at=row["changed_at"],
        moves=moves,
        **{
            name: told[name]
            for name in (
                "designation",
                "name",
                "close_approach_date",
                "close_approach_at",
                "miss_distance_ld",
                "miss_distance_km",
            )
        },
    )


def _spans(days: Iterable[tuple[date, str | None]]) -> list[Span]:
    """Neighbouring days of which the same was said, together."""
    spans: list[Span] = []
    for day, note in days:
        if spans and spans[-1].last + DAY == day and spans[-1].note == note:
            spans[-1] = Span(spans[-1].first, day, note)
        else:
            spans.append(Span(day, day, note))
    return spans


def _suspect(doubtful: Iterable[tuple[date, str, str | None, int | None, int | None]]) -> list[Span]:
    """Suspect days with what was said of NeoWs' answer for them, or with how much of JPL's list it lacks."""
    days = {day: (note, cad_only, by_cad) for day, state, note, cad_only, by_cad in doubtful if state == "suspect"}
    spans = []
    for span in _spans((day, note) for day, (note, *_) in days.items()):
        told = span.note
        if told is None:
            lists = [days[span.first + n * DAY] for n in range(span.days)]
            lacking, of = sum(cad_only or 0 for _, cad_only, _ in lists), sum(by_cad or 0 for *_, by_cad in lists)
            told = f"NeoWs lacks {lacking:,} of the {of:,} flybys that JPL lists"
        spans.append(Span(span.first, span.last, told))
    return spans


def _is_simulated(connection: duckdb.DuckDBPyConnection) -> bool:
    [(simulated,)] = _rows(connection, "simulated")
    return bool(simulated)


def _records(connection: duckdb.DuckDBPyConnection, query: str, **values: Any) -> list[dict[str, Any]]:
    rows = _rows(connection, query, **values)
    return [dict(zip([column[0] for column in connection.description or ()], row, strict=True)) for row in rows]


def _rows(connection: duckdb.DuckDBPyConnection, query: str, **values: Any) -> list[Any]:
    return connection.execute(with_values(query_text(query), values)).fetchall()
