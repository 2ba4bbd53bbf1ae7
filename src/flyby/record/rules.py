"""The rules of the record: what one reading says, held against what is known, and what is known then.

Pure Python over small keys. A row's values are opaque here: two rows say the same if their fingerprints are equal, and
a revision points to the row, or to the earlier revision, whose values it has. Days are counted from 1970-01-01, moments
in microseconds since then, both in UTC.

The unit is a *reading*: the answers of one source that were asked for together. Readings are taken in one after another
in the order in which they were asked, so that the record is a function of the answers alone.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from flyby.sources.dataset import Source

MINUTE = 60_000_000
DAY = 1440 * MINUTE
_EPOCH_ORDINAL = 719_163  # of 1970-01-01


class Row(NamedTuple):
    """What answers of the batch list: a number in the order of days and names, the keys of an observation, and the
    fingerprint of its values. What several answers list is the same row."""

    number: int
    entity: str
    id: str | None
    aliases: list[str]
    day: int
    at: int | None
    cohort: str | None
    firm: bool
    apart: bool
    preference: str
    fingerprint: int

    def names(self) -> tuple[str, ...]:
        """Every name by which it may be known."""
        return (self.entity, *self.aliases) if self.id is None else (self.entity, self.id, *self.aliases)


@dataclass(slots=True)
class Answer:
    """One answer of a reading; `doubt` is what its source says of it alone."""

    request_id: str
    start: int
    end: int
    accepted: bool
    rows: list[Row]
    note: str | None = None
    doubt: str | None = None
    suspect_days: list[int] = field(default_factory=list)
    verdict: str = "rejected"


@dataclass(slots=True)
class Reading:
    """The answers of one source that were asked for at one moment, and taken in at another."""

    source: Source
    asked_at: int
    recorded_at: int
    answers: list[Answer]


@dataclass(slots=True)
class Revision:
    """One version of a thing, in the words of one source; `row` or `copied` says whose values it has."""

    thing_id: str
    source: str
    revision: int
    change: str
    seen_from: int
    seen_to: int | None
    request_id: str
    asked_at: int
    first_seen_at: int
    listed: bool
    entity: str
    ids: Sequence[str]
    aliases: Sequence[str]
    day: int
    at: int | None
    ordinal: int
    been_on: Sequence[int]
    cohort: str | None
    firm: bool
    apart: bool
    #: The row of the batch that has its values; None if the record's revision `copied` has them.
    row: int | None
    copied: int | None


@dataclass(slots=True)
class Absence:
    """A thing that was listed stays away from answers for its day; `answers` counts the healthy ones."""

    thing_id: str
    source: str
    absent_from: int
    absent_to: int | None
    last_seen_at: int
    answers: int


@dataclass(slots=True)
class Coverage:
    """What one source was asked about one day; without observations, it was asked in vain."""

    first_at: int | None = None
    last_at: int | None = None
    observations: int = 0
    doubted: bool = False


class Chain:
    """The revisions of one thing by one source, of which the last is what it says now."""

    __slots__ = ("absence", "fingerprint", "fresh", "is_stored", "now", "row")

    def __init__(self, now: Revision, fingerprint: int, *, is_stored: bool) -> None:
        self.now = now
        self.fingerprint = fingerprint
        self.absence: Absence | None = None
        #: Whether the record has it already; `fresh` are the revisions that it has not.
        self.is_stored = is_stored
        self.fresh: list[Revision] = [] if is_stored else [now]
        #: The row of the batch that says no less and no more than this, if one was seen.
        self.row: int | None = None

    @property
    def is_withdrawn(self) -> bool:
        return self.now.change == "withdrawn"


class Seen:
    """One thing as a reading lists it: the row that speaks for it, and every name that its rows have."""

    __slots__ = ("aliases", "chain", "ids", "is_beyond", "request_id", "row")

    def __init__(
        self, row: Row, request_id: str, ids: tuple[str, ...], aliases: tuple[str, ...], *, is_beyond: bool = False
    ) -> None:
        self.row = row
        self.request_id = request_id
        self.ids = ids
        self.aliases = aliases
        self.is_beyond = is_beyond
        self.chain: Chain | None = None

    def names(self) -> Iterator[str]:
        yield self.row.entity
        yield from self.ids
        yield from self.aliases


class Known:
    """What is known of some days, by all sources, and what readings change of it.

    The record puts in what it holds of the days that readings are about and those near them, has the readings taken
    in, and writes `revisions`, `closed`, `absences`, `coverage` and `changed_days`.
    """

    def __init__(self) -> None:
        self.by_name: defaultdict[str, list[Chain]] = defaultdict(list)
        self.by_day: defaultdict[tuple[str, int], dict[str, Chain]] = defaultdict(dict)
        self.by_thing: defaultdict[str, dict[str, Chain]] = defaultdict(dict)
        #: The chain that says what a row of the batch says, by the row's number, if `Chain.row` still is that.
        self.by_row: dict[int, Chain] = {}
        #: Every thing_id ever given to something that was first seen on these days.
        self.born: set[str] = set()
        self.looks: dict[tuple[str, int], Coverage] = {}
        self.revisions: list[Revision] = []
        #: Stored revisions that end, at most one of a chain: thing and source to revision and moment.
        self.closed: dict[tuple[str, str], tuple[int, int]] = {}
        #: Stored chains of which something was known earlier than they say: thing, source, moment.
        self.lowered: list[tuple[str, str, int]] = []
        self.absences: dict[tuple[str, str, int], Absence] = {}
        self.covered: set[tuple[str, int]] = set()
        #: Days on which a revision was written, or that a thing left: when that was asked for last.
        self.changed_days: dict[int, int] = {}

    def add(self, chain: Chain) -> None:
        """Know of a chain."""
        now = chain.now
        for name in (now.entity, *now.ids, *now.aliases):
            self.by_name[name].append(chain)
        self.by_day[now.source, now.day][now.thing_id] = chain
        self.by_thing[now.thing_id][now.source] = chain
        self.born.add(now.thing_id)

    def named(self, names: Iterable[str]) -> list[Chain]:
        """The chains, of any source, that are known by one of the names."""
        found: list[Chain] = []
        for name in names:
            for chain in self.by_name.get(name, ()):
                if chain not in found:
                    found.append(chain)
        return found

    def of_source(self, source: str, names: Iterable[str]) -> list[Chain]:
        """The chains of the source that are known by one of the names."""
        return [chain for chain in self.named(names) if chain.now.source == source]

    def of_things_of_source(self, source: str, names: Iterable[str]) -> list[Chain]:
        """The chains of the source of things that another calls by one of the names: it knows the number already, or
        took in that it has another name."""
        its = [
            self.by_thing[chain.now.thing_id].get(source) for chain in self.named(names) if chain.now.source != source
        ]
        return list({id(chain): chain for chain in its if chain is not None}.values())

    def hear(self, chain: Chain, row: Row) -> None:
        """Remember that the chain says now what the row says, if it is known by the same names and no others, and
        nothing else of its source is on that day."""
        now, is_alone = chain.now, True
        for name in row.names():
            for other in self.by_name[name]:
                if other is not chain and other.now.day == now.day and other.now.source == now.source:
                    other.row, is_alone = None, False
        if is_alone and list(now.ids) == ([] if row.id is None else [row.id]) and list(now.aliases) == row.aliases:
            chain.row = row.number
            self.by_row[row.number] = chain

    def new_id(self, entity: str, day_text: str) -> str:
        """`entity@day`, with '#2' if there was one before."""
        plain = thing_id = f"{entity}@{day_text}"
        n = 1
        while thing_id in self.born:
            n += 1
            thing_id = f"{plain}#{n}"
        self.born.add(thing_id)
        return thing_id

    def revise(self, chain: Chain, revision: Revision) -> None:
        """Have `revision` follow what the chain says now."""
        before = chain.now
        before.seen_to = revision.seen_from
        if not chain.fresh:
            self.closed[before.thing_id, before.source] = (before.revision, revision.seen_from)
        chain.now, chain.row = revision, None
        chain.fresh.append(revision)
        self.revisions.append(revision)
        names = {revision.entity, *revision.ids, *revision.aliases}
        if before.entity not in names:  # as the tables, which hold what it is called now
            self.by_name[before.entity].remove(chain)
        for name in names:
            if chain not in self.by_name[name]:
                self.by_name[name].append(chain)
        if revision.day != before.day:
            del self.by_day[before.source, before.day][before.thing_id]
            self.by_day[before.source, revision.day][before.thing_id] = chain
        self.note_change(before.day, revision.asked_at)
        self.note_change(revision.day, revision.asked_at)

    def note_change(self, day: int, asked_at: int) -> None:
        """Remember that something about the day changed."""
        self.changed_days[day] = max(asked_at, self.changed_days.get(day, asked_at))

    def lower(self, chain: Chain, moment: int) -> None:
        """What the chain says was recorded at `moment` already, by a reading asked later that came earlier: so that
        what was believed at a moment stays what was believed then."""
        for revision in (*chain.fresh, chain.now):
            revision.seen_from = min(revision.seen_from, moment)
            revision.first_seen_at = min(revision.first_seen_at, moment)
            if revision.seen_to is not None:
                revision.seen_to = min(revision.seen_to, moment)
        if chain.is_stored:
            key = (chain.now.thing_id, chain.now.source)
            self.lowered.append((*key, moment))
            if key in self.closed:
                revision_number, closed_at = self.closed[key]
                self.closed[key] = (revision_number, min(closed_at, moment))


def take_in(known: Known, reading: Reading, day_text: dict[int, str]) -> None:
    """Have `known` be what is known after `reading`; its answers get their verdicts. `day_text` writes days."""
    source = reading.source
    asked = _asked(reading)
    rows, beyond, cohorts = _listed(reading, asked)
    rows, taken = _without_what_is_known(known, reading, rows)
    groups = _seen(rows, asked, source)
    seen = [one for group in groups for one in group]
    _match_where_they_were(known, source, groups, taken)
    _match_where_they_went(known, source, [one for one in [*seen, *beyond] if one.chain is None], asked, taken)
    missing, losses = _missing(known, reading, asked, taken)
    suspects = _judge(known, reading, asked, losses, cohorts, day_text)

    fresh = []
    for one in (*seen, *beyond):
        if one.chain is None:
            if not one.is_beyond:
                fresh.append(one)
        else:
            _see(known, reading, one, one.chain)
    _be_born(known, reading, fresh, day_text)
    for chain in missing:
        _miss(known, reading, chain, asked[chain.now.day], is_healthy=chain.now.day not in suspects)
    _cover(known, reading, asked, suspects)


def _asked(reading: Reading) -> dict[int, str]:
    """The days that accepted answers are for, each with the request that counts for it: the later one."""
    asked: dict[int, str] = {}
    for answer in sorted(reading.answers, key=lambda answer: answer.request_id):
        if answer.accepted:
            asked.update(dict.fromkeys(range(answer.start, answer.end + 1), answer.request_id))
    return asked


def _listed(reading: Reading, asked: dict[int, str]) -> tuple[list[Row], list[Seen], dict[str, set[str | None]]]:
    """What the days list; what lies beyond the days asked for; and which cohorts each answer has."""
    rows: list[Row] = []
    beyond: dict[tuple[int, str], Seen] = {}
    for answer in sorted(reading.answers, key=lambda answer: answer.request_id):
        for row in answer.rows:
            request_id = asked.get(row.day)
            if request_id == answer.request_id:
                rows.append(row)
            elif request_id is None:
                other = beyond.get((row.day, row.entity))
                # Of several the last, which their numbers do not tell: those are of the batch.
                if other is None or _in_time(other.row) < _in_time(row):
                    beyond[row.day, row.entity] = Seen(row, answer.request_id, *_ids_and_aliases(row), is_beyond=True)
    return rows, list(beyond.values()), {a.request_id: {row.cohort for row in a.rows} for a in reading.answers}


def _in_time(row: Row) -> tuple[bool, int, int]:
    """By what rows of one thing on one day are ordered."""
    return row.at is None, row.at or 0, row.fingerprint


def _ids_and_aliases(row: Row) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The ids and the aliases of a row."""
    return () if row.id is None else (row.id,), tuple(row.aliases)


def _without_what_is_known(known: Known, reading: Reading, rows: list[Row]) -> tuple[list[Row], set[str]]:
    """The rows that say anything new, or something that is to be told from what they say; and the things of which all
    others say what is known already. These are most, and there is nothing more to do about them."""
    same: dict[str, Row] = {}
    others: list[Row] = []
    for row in rows:
        chain = known.by_row.get(row.number)
        if (
            chain is not None
            and chain.row == row.number
            and chain.now.listed
            and chain.absence is None
            and chain.now.seen_from <= reading.recorded_at
        ):
            same[chain.now.thing_id] = row
        else:
            others.append(row)
    # Which grow meanwhile: what shares a name with one of them is to be told from it.
    for row in others if same else ():
        here = [
            chain.now
            for chain in known.named(row.names())
            if chain.now.source == reading.source.name and chain.now.day == row.day
        ]
        others += [same.pop(now.thing_id) for now in here if now.thing_id in same]
    return sorted(others), set(same)


def _seen(rows: list[Row], asked: dict[int, str], source: Source) -> list[list[Seen]]:
    """What each day lists: one group of passes for each thing on each day."""
    rows_of: dict[tuple[int, str], list[Row]] = {}
    known_as: dict[tuple[int, str], tuple[int, str]] = {}
    for row in rows:
        key = (row.day, row.entity)
        # The same id, or number, on the same day is the same thing whatever it is called.
        for name in row.names():
            other = known_as.setdefault((row.day, name), key)
            if other != key:
                if key in rows_of:
                    rows_of.setdefault(other, []).extend(rows_of.pop(key))
                known_as[key] = key = other
        rows_of.setdefault(key, []).append(row)
    return [
        [Seen(rows[0], asked[rows[0].day], *_ids_and_aliases(rows[0]))]
        if len(rows) == 1
        else _passes(rows, asked[rows[0].day], source)
        for rows in rows_of.values()
    ]


def _passes(rows: list[Row], request_id: str, source: Source) -> list[Seen]:
    """Several rows of one thing on one day. The same row sent twice is one. Rows of one id are passes, by their time;
    those of several ids are copies, of which the better speaks."""
    twins: defaultdict[tuple[str | None, str], dict[tuple[int | None, int], Row]] = defaultdict(dict)
    for row in rows:
        twin = (row.id, row.entity) if source.passes else (row.id, row.preference + str(row.number))
        twins[twin].setdefault((row.at, row.fingerprint), row)
    in_time = [sorted(its.values(), key=_in_time) for its in twins.values()]
    passes = []
    for n in range(max(map(len, in_time))):
        copies = [its[n] for its in in_time if len(its) > n]
        best = max(copies, key=lambda row: (row.preference, row.fingerprint))
        ids = tuple(sorted({row.id for row in copies if row.id is not None}))
        passes.append(Seen(best, request_id, ids, tuple(sorted({alias for row in copies for alias in row.aliases}))))
    return passes


def _match_where_they_were(known: Known, source: Source, groups: list[list[Seen]], taken: set[str]) -> None:
    """Pair what is listed with what is known on the same day."""
    # First what this source itself called so, then what others do.
    for called in (known.of_source, known.of_things_of_source):
        for group in groups:
            left = [one for one in group if one.chain is None]
            here = [
                chain
                for chain in called(source.name, [name for one in left for name in one.names()])
                if chain.now.day == group[0].row.day and chain.now.thing_id not in taken
            ]
            pairs = [(left[0], here[0])] if len(left) == len(here) == 1 else _nearest_in_time(left, here)
            for one, chain in pairs:
                one.chain = chain
                taken.add(chain.now.thing_id)


def _nearest_in_time(group: list[Seen], here: list[Chain]) -> list[tuple[Seen, Chain]]:
    """Of several passes on a day each with the known one that says the same, else with the nearest in time."""

    def distance(one: Seen, chain: Chain) -> tuple[bool, bool, float, bool, int, str]:
        at, known_at = one.row.at, chain.now.at
        apart = abs(at - known_at) if at is not None and known_at is not None else float("inf")
        is_same = one.row.fingerprint == chain.fingerprint and at == known_at
        is_called_else = one.row.entity != chain.now.entity
        return not is_same, is_called_else, apart, not chain.now.listed, chain.now.ordinal, chain.now.thing_id

    by_distance = sorted(
        ((distance(one, chain), n, m) for n, one in enumerate(group) for m, chain in enumerate(here)),
    )
    pairs: list[tuple[Seen, Chain]] = []
    left, free = set(range(len(group))), set(range(len(here)))
    for _, n, m in by_distance:
        if n in left and m in free:
            left.remove(n)
            free.remove(m)
            pairs.append((group[n], here[m]))
    return pairs


def _match_where_they_went(
    known: Known, source: Source, strays: list[Seen], asked: dict[int, str], taken: set[str]
) -> None:
    """Pair what is new on its day with what left a day near it. A day that was not asked for cannot say whether it was
    left, so it is taken to have been, unless the thing was on the new day before: then the two days list one each."""
    options: dict[int, list[tuple[Seen, Chain]]] = {}
    for n, one in enumerate(strays):
        names = list(one.names())
        for chain in known.of_source(source.name, names) or known.of_things_of_source(source.name, names):
            now = chain.now
            if now.thing_id in taken or not 0 < abs(now.day - one.row.day) <= source.move_days:
                continue
            if now.day in asked or (not one.is_beyond and one.row.day not in now.been_on):
                options.setdefault(n, []).append((one, chain))
    if not options:
        return
    # Should several have moved at once, the two that are each other's nearest go together.
    choice = {
        n: min(
            pairs,
            key=lambda pair: (not pair[1].now.listed, abs(pair[1].now.day - pair[0].row.day), pair[1].now.thing_id),
        )[1]
        for n, pairs in options.items()
    }
    nearest: dict[int, tuple[tuple[int, int, bool, int, int], int]] = {}
    for n, pairs in options.items():
        for one, chain in pairs:
            at = one.row.at
            apart = (abs(chain.now.day - one.row.day), one.row.day, at is None, at or 0, n)
            if id(chain) not in nearest or apart < nearest[id(chain)][0]:
                nearest[id(chain)] = (apart, n)
    for n, chain in choice.items():
        if nearest[id(chain)][1] == n:
            strays[n].chain = chain
            taken.add(chain.now.thing_id)


@dataclass(slots=True)
class _Losses:
    """Of what an answer's days listed before: how much there was, and how much of it is gone."""

    groups: defaultdict[str, list[int]] = field(default_factory=lambda: defaultdict(lambda: [0, 0]))
    days: defaultdict[int, list[int]] = field(default_factory=lambda: defaultdict(lambda: [0, 0]))


def _missing(
    known: Known, reading: Reading, asked: dict[int, str], taken: set[str]
) -> tuple[list[Chain], defaultdict[str, _Losses]]:
    """What is known of the days asked for and not listed, and how that counts for each answer."""
    source, missing = reading.source, []
    losses: defaultdict[str, _Losses] = defaultdict(_Losses)
    edge = source.edge_minutes * MINUTE
    long_ago = reading.asked_at - source.long_lost_days * DAY
    for day, request_id in asked.items():
        its = losses[request_id]
        begins_late = edge and day - 1 not in asked
        ends_early = edge and day + 1 not in asked
        for chain in known.by_day.get((source.name, day), {}).values():
            now, is_gone = chain.now, chain.now.thing_id not in taken
            if is_gone:
                at = now.at
                if at is not None and (
                    (begins_late and at < day * DAY + edge) or (ends_early and at >= (day + 1) * DAY - edge)
                ):
                    continue  # it may lie beyond
                if now.change != "withdrawn":
                    missing.append(chain)
            if not now.listed:
                continue
            if now.cohort is not None:
                group = its.groups[now.cohort]
                group[0] += 1
                group[1] += is_gone
            # What stayed away for long is believed to be gone, unless its whole group is.
            is_long_gone = is_gone and chain.absence is not None and chain.absence.absent_from < long_ago
            if now.firm and not is_long_gone:
                on_day = its.days[day]
                on_day[0] += 1
                on_day[1] += is_gone
    return missing, losses


def _judge(
    known: Known,
    reading: Reading,
    asked: dict[int, str],
    losses: defaultdict[str, _Losses],
    cohorts: dict[str, set[str | None]],
    day_text: dict[int, str],
) -> set[int]:
    """Give every answer its verdict; the days that are not believed.

    How many rows an answer counts proves nothing, so it is held against what its days listed before: losing a whole
    group, a good part of a window or all of a day is how a broken source looks (docs/how-it-works.md has the
    evidence). What a partial answer adds is taken; on its suspect days, what it lacks is not.
    """
    source = reading.source
    in_all: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0])
    for its in losses.values():
        for name, (there, gone) in its.groups.items():
            in_all[name][0] += there
            in_all[name][1] += gone
    listed = set().union(*cohorts.values()) if cohorts else set()
    # Gone from the whole reading: then no answer of it that lists none of the group can be believed.
    gone_from_all = {
        name: there
        for name, (there, gone) in in_all.items()
        if gone == there >= source.group_lost and name not in listed
    }
    for answer in reading.answers:
        if not answer.accepted:
            continue
        its = losses[answer.request_id]
        reasons: list[tuple[int, str]] = []
        for name, (there, gone) in its.groups.items():
            if gone == there >= source.group_lost and name not in cohorts[answer.request_id]:
                reasons.append((1, f"no {name}… ids where {there} were listed"))
        for name, there in gone_from_all.items():
            if its.groups.get(name, (0, 0))[0] < source.group_lost:
                reasons.append((2, f"no {name}… ids in the whole reading, where {there} were listed"))
        there = sum(there for there, _ in its.days.values())
        gone = sum(gone for _, gone in its.days.values())
        if (gone >= source.window_lost and gone > source.window_lost_share * there) or (
            gone >= source.window_lost_by_half and gone * 2 > there
        ):
            reasons.append((3, f"{gone} of {there} known {source.things} are missing"))
        if answer.doubt:
            reasons.append((5, answer.doubt))
        if few := _too_few(known, reading, answer, asked):
            reasons.append((6, few))
        empty = [day for day, (there, gone) in its.days.items() if gone == there >= source.day_lost]
        whole = bool(reasons)
        reasons += [(4, f"{day_text[day]} lists none of its {its.days[day][0]} known {source.things}") for day in empty]
        answer.verdict = "partial" if reasons else "ok"
        if reasons:
            answer.note = "; ".join(reason for _, reason in sorted(reasons))
            answer.suspect_days = list(range(answer.start, answer.end + 1)) if whole else sorted(empty)
    suspect = {answer.request_id: set(answer.suspect_days) for answer in reading.answers if answer.suspect_days}
    return {day for day, request_id in asked.items() if day in suspect.get(request_id, ())}


def _too_few(known: Known, reading: Reading, answer: Answer, asked: dict[int, str]) -> str | None:
    """Why the first look at days that are past is too short to be whole; None if it is not."""
    source, asked_on = reading.source, reading.asked_at // DAY
    if source.few_since is None or asked_on < source.few_since.toordinal() - _EPOCH_ORDINAL:
        return None
    past = set()
    for day in range(max(answer.start, asked_on - source.few_within_days), min(answer.end + 1, asked_on)):
        looks = known.looks.get((source.name, day))
        if asked[day] == answer.request_id and (looks is None or (looks.last_at or 0) < (day + 1) * DAY):
            past.add(day)
    listed = sum(row.day in past for row in answer.rows) if past else 0
    if listed >= source.few_a_day * len(past):
        return None
    days = "a past day" if len(past) == 1 else f"{len(past)} past days"
    rows = "1 row" if listed == 1 else f"{listed} rows"
    return f"only {rows} on {days}, where {source.few_a_day} a day and more are usual"


def _see(known: Known, reading: Reading, one: Seen, chain: Chain) -> None:
    """A known thing is listed: a revision, if anything about it is new."""
    row, now, at = one.row, chain.now, reading.recorded_at
    if at < now.seen_from:
        known.lower(chain, at)
    if chain.absence is not None:
        chain.absence.absent_to = reading.asked_at
        known.absences[now.thing_id, now.source, chain.absence.absent_from] = chain.absence
        chain.absence = None
    if (
        now.listed
        and row.fingerprint == chain.fingerprint
        and row.at == now.at
        and row.day == now.day
        and row.entity == now.entity
        and set(one.ids) <= set(now.ids)
        and set(one.aliases) <= set(now.aliases)
    ):
        known.hear(chain, row)
        return
    chain.fingerprint = row.fingerprint
    known.revise(
        chain,
        replace(
            now,
            revision=now.revision + 1,
            change="changed" if now.listed else "relisted",
            seen_from=at,
            seen_to=None,
            request_id=one.request_id,
            asked_at=reading.asked_at,
            listed=True,
            entity=row.entity,
            ids=tuple(sorted({*now.ids, *one.ids})),
            aliases=tuple(sorted({*now.aliases, *one.aliases})),
            day=row.day,
            at=row.at,
            ordinal=now.ordinal if row.day == now.day else _free_ordinal(known, one, chain),
            been_on=now.been_on if row.day in now.been_on else (*now.been_on, row.day),
            cohort=row.cohort,
            firm=row.firm,
            apart=row.apart,
            row=row.number,
            copied=None,
        ),
    )
    known.hear(chain, row)


def _be_born(known: Known, reading: Reading, fresh: list[Seen], day_text: dict[int, str]) -> None:
    """What is listed for the first time: a chain of its own, of a new thing or of one that another source tells of."""
    joined = _joined(known, reading.source, fresh)
    for n, one in enumerate(fresh):
        row, other = one.row, joined.get(n)
        ordinal = other.ordinal if other and other.day == row.day else _free_ordinal(known, one, None)
        revision = Revision(
            other.thing_id if other else known.new_id(row.entity, day_text[row.day]),
            reading.source.name,
            1,
            "new",
            reading.recorded_at,
            None,
            one.request_id,
            reading.asked_at,
            reading.recorded_at,
            True,
            row.entity,
            one.ids,
            one.aliases,
            row.day,
            row.at,
            ordinal,
            (row.day,),
            row.cohort,
            row.firm,
            row.apart,
            row.number,
            None,
        )
        chain = Chain(revision, row.fingerprint, is_stored=False)
        known.add(chain)
        known.hear(chain, row)
        known.revisions.append(revision)
        known.note_change(row.day, reading.asked_at)


def _joined(known: Known, source: Source, fresh: list[Seen]) -> dict[int, Revision]:
    """Of what is new to this source, that of which another tells already: by one of its names, near its day (the
    sources can be minutes apart, and then midnight may lie between them)."""
    options: dict[int, list[tuple[tuple[bool, int, float, str], Revision]]] = {}
    nearest: dict[str, tuple[tuple[int, float, int, int], int]] = {}
    for n, one in enumerate(fresh):
        row = one.row
        for chain in known.named(one.names()):
            other = chain.now
            days = abs(other.day - row.day)
            if other.source == source.name or days > source.move_days or source.name in known.by_thing[other.thing_id]:
                continue
            seconds = abs(other.at - row.at) if other.at is not None and row.at is not None else float("inf")
            options.setdefault(n, []).append(((not other.listed, days, seconds, other.thing_id), other))
            apart = (days, seconds, row.day, n)
            if other.thing_id not in nearest or apart < nearest[other.thing_id][0]:
                nearest[other.thing_id] = (apart, n)
    joined = {}
    for n, others in options.items():
        _, other = min(others, key=lambda option: option[0])
        if nearest[other.thing_id][1] == n:
            joined[n] = other
    return joined


def _free_ordinal(known: Known, one: Seen, moving: Chain | None) -> int:
    """The number of a thing among those of the same name on its day: the first that none of them has."""
    used = {
        chain.now.ordinal
        for chain in known.by_name.get(one.row.entity, ())
        if chain is not moving and chain.now.day == one.row.day and chain.now.entity == one.row.entity
    }
    n = 1
    while n in used:
        n += 1
    return n


def _miss(known: Known, reading: Reading, chain: Chain, request_id: str, *, is_healthy: bool) -> None:
    """A known thing is not listed: unlisted at the first healthy answer, withdrawn after some more and some days."""
    source, now = reading.source, chain.now
    absence = chain.absence
    if absence is None:
        looks = known.looks.get((source.name, now.day))
        last_at = looks.last_at if looks and looks.last_at is not None else now.asked_at
        absence = chain.absence = Absence(now.thing_id, source.name, reading.asked_at, None, last_at, 0)
    known.absences[now.thing_id, source.name, absence.absent_from] = absence
    if not is_healthy:
        return
    absence.answers += 1
    if now.first_seen_at <= reading.recorded_at < now.seen_from:
        known.lower(chain, reading.recorded_at)
    is_gone_for_good = (
        not now.listed
        and absence.answers >= source.withdraw_answers
        and reading.asked_at - now.asked_at >= source.withdraw_days * DAY
    )
    if not now.listed and not is_gone_for_good:
        return
    known.revise(
        chain,
        replace(
            now,
            revision=now.revision + 1,
            change="withdrawn" if is_gone_for_good else "unlisted",
            # Of what the record had not heard of when this answer came, nothing was missing then.
            seen_from=max(reading.recorded_at, now.seen_from),
            seen_to=None,
            request_id=request_id,
            asked_at=reading.asked_at,
            listed=False,
        ),
    )


def _cover(known: Known, reading: Reading, asked: dict[int, str], suspects: set[int]) -> None:
    """Note that the days were asked for; those of an answer that was none, too."""
    name = reading.source.name
    for answer in reading.answers:
        for day in range(answer.start, answer.end + 1):
            if (name, day) not in known.looks:
                known.looks[name, day] = Coverage()
                known.covered.add((name, day))
    for day in asked:
        looks = known.looks[name, day]
        looks.first_at = reading.asked_at if looks.first_at is None else looks.first_at
        looks.last_at = reading.asked_at
        looks.observations += 1
        looks.doubted = day in suspects
        known.covered.add((name, day))
