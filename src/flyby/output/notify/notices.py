"""Notices: what is worth one, who was told what already, and telling it to the addresses of FLYBY_NOTIFY.

Every address has a memory of its own in FLYBY_HOME/notices.json. A notice is what the record says now, less what the
address was told: one that could not be sent is made anew at the next run, and left out if it is no longer true. What
was told is remembered after it arrived; killed in between, flyby says it once more.

Nothing here fails a run: what went wrong comes back as lines for the log.
"""

import hashlib
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from filelock import FileLock, Timeout
from msgspec.structs import replace

from flyby.days import DAY, WINDOW_DAYS
from flyby.errors import FlybyError, HomeError, SettingsError
from flyby.output.notify.courier import Message, deliver
from flyby.query import views
from flyby.query.database import Database, ask, ledger, opened, query_text
from flyby.query.sure import is_timed, is_wide
from flyby.record.load import held
from flyby.settings import NotableRule, Settings
from flyby.words import count

MORNING_JOB = "asteroid_job"
#: Of which days a notable flyby is told: a few that are past, as most of the small ones are found late, and a month.
NOTABLE_DAYS_BACK = 3
NOTABLE_DAYS_AHEAD = 30
#: Days after which it is forgotten that a flyby was told. A move over a midnight or two must not tell it again.
FORGET_DAYS = 30
#: Lines of flybys or days in one message, and in each part of the digest: some services cut at 2,000 characters.
MOST_LINES = 12
DIGEST_LINES = 5
#: How long a run waits for another that is sending.
PATIENCE_S = 60.0


class ToldFlyby(msgspec.Struct, frozen=True):
    """A flyby that was told: its day, and the rules by which it was notable (as FLYBY_NOTABLE writes them)."""

    day: date
    rules: list[str]


class Told(msgspec.Struct, frozen=True, omit_defaults=True):
    """What one address was told."""

    #: Jobs that failed and did not work since, and the day on which it was told.
    failing: dict[str, date] = {}
    #: The day on which a source was told to be suspect, until it is told to be well.
    outage_since: date | None = None
    #: The days that were suspect by then.
    suspect: list[date] = []
    flybys: dict[str, ToldFlyby] = {}
    digest: date | None = None


#: What to say to one who was told this, if anything, and what they were told then.
Notice = Callable[[Told], tuple[Message | None, Told]]


@dataclass(frozen=True, slots=True)
class Flyby:
    """A row of `queries/notable.sql`."""

    flyby_id: str
    name: str
    close_approach_date: date
    close_approach_at: datetime | None
    miss_distance_ld: float
    miss_distance_km: float
    relative_velocity_km_s: float
    diameter_m: float | None
    is_potentially_hazardous: bool | None
    #: JPL's range, 3 sigma, and the uncertainty of its time; None where it says nothing.
    miss_distance_min_ld: float | None = None
    miss_distance_max_ld: float | None = None
    close_approach_sigma_min: float | None = None

    def is_notable_by(self, rule: NotableRule) -> bool:
        ends = {"possible": self.miss_distance_min_ld, "certain": self.miss_distance_max_ld}
        end = ends.get(rule.how_sure or "")
        return (
            (self.miss_distance_ld if end is None else end) <= rule.within_ld
            and (not rule.hazardous or bool(self.is_potentially_hazardous))
            and (rule.diameter_m is None or (self.diameter_m or 0.0) >= rule.diameter_m)
        )


def after_load(settings: Settings, *, job: str = MORNING_JOB) -> list[str]:
    """Tell what `job` brought, once the database is published: that it works again, a suspect source, notable flybys,
    and in the morning the digest.

    Gives what could not be done, in lines for the log; raises nothing. Does nothing where FLYBY_NOTIFY is empty.
    """

    def notices() -> list[Notice]:
        now = settings.now()
        today = local_day(settings, now)
        # People may have the published file open for writing: it is left to them.
        with held(settings) as place, opened(place) as record:
            suspect = views.status(record, now).suspect
            flybys = _notable_flybys(record, settings, today)
            digest = _digest(record, settings, now) if settings.digest and job == MORNING_JOB else None
        return [
            lambda told: worked(told, job),
            lambda told: doubted(told, suspect, today),
            lambda told: noted(told, flybys, settings.notable, today),
            lambda told: digested(told, digest, today),
        ]

    return _tell(settings, notices)


def failed(settings: Settings, job: str, message: str) -> list[str]:
    """Tell that `job` failed, with flyby's own line about it; once, until it works again.

    Gives what could not be done, in lines for the log; raises nothing. Does nothing where FLYBY_NOTIFY is empty.
    """
    today = local_day(settings, settings.now())
    return _tell(settings, lambda: [lambda told: broke(told, job, message, today)])


def broke(told: Told, job: str, message: str, today: date) -> tuple[Message | None, Told]:
    """A failed run: the first of a streak."""
    if job in told.failing:
        return None, told
    body = f"{said(message)}\n\nThis is told once, and when it works again. `flyby up` shows every run."
    return Message(f"{job} failed", body, "failure"), replace(told, failing={**told.failing, job: today})


def worked(told: Told, job: str) -> tuple[Message | None, Told]:
    """A run that went well after one that was told to have failed."""
    if job not in told.failing:
        return None, told
    since = told.failing[job]
    rest = {other: day for other, day in told.failing.items() if other != job}
    body = f"It had not worked since {since}. What was missed meanwhile is asked for now, by and by."
    return Message(f"{job} works again", body, "success"), replace(told, failing=rest)


def check_addresses(settings: Settings) -> None:
    """Raise SettingsError for an address of FLYBY_NOTIFY that nothing can be sent to."""
    for address, nothing in deliver(dict.fromkeys(settings.notify, ())).items():
        if nothing.trouble:
            raise SettingsError(f"{_numbered(settings, address)}: {nothing.trouble}")


def doubted(told: Told, spans: Sequence[views.Span], today: date) -> tuple[Message | None, Told]:
    """A source that leaves things out.

    An outage is when days of the mornings' own two windows are suspect. It is told when it begins and when it ends,
    however many days it makes suspect meanwhile. Older days that become suspect without one are told by themselves.
    """
    suspect = [span.first + n * DAY for span in spans for n in range(span.days)]
    recent = [day for day in suspect if abs(day - today) <= WINDOW_DAYS * DAY]
    fresh = set(suspect) - set(told.suspect)
    now = replace(told, suspect=suspect)
    if told.outage_since and not recent:
        body = f"What is listed for the days around {today} is believed again; it was not since {told.outage_since}."
        if suspect:
            body += f" Still suspect: {count(len(suspect), 'older day')}, asked for again by and by."
        return Message("the source is complete again", body, "success"), replace(now, outage_since=None)
    if told.outage_since or not fresh:
        return None, now
    new = [span for span in spans if any(span.first <= day <= span.last for day in fresh)]
    lines = [f"{span}: {said(span.note or 'what is listed for it is not believed')}" for span in new]
    promise = "Nothing is lost: what is there was taken, and what is missing stays as it was believed before."
    if recent:
        title, now = "the source leaves asteroids out", replace(now, outage_since=today)
        promise += " You hear of it again when it is over."
    else:
        title = f"{count(len(fresh), 'older day')} not believed"
        promise += " The days are asked for again by and by."
    return Message(title, "\n".join([*_first(lines), "", promise]), "warning"), now


def noted(
    told: Told, flybys: Sequence[Flyby], rules: Sequence[NotableRule], today: date
) -> tuple[Message | None, Told]:
    """Flybys that are notable by a rule by which they were not told yet, in one message."""
    kept = {key: flyby for key, flyby in told.flybys.items() if flyby.day >= today - FORGET_DAYS * DAY}
    lines, distances = [], []
    for flyby in flybys:
        before = kept[flyby.flyby_id].rules if flyby.flyby_id in kept else []
        now = [rule for rule in rules if flyby.is_notable_by(rule)]
        new = [rule for rule in now if str(rule) not in before]
        if new:
            again = "now " if before else ""
            lines.append(f"{_line(flyby)}: {again}{' and '.join(map(_reason, new))}")
            distances.append(flyby.miss_distance_ld)
        if now:
            kept[flyby.flyby_id] = ToldFlyby(flyby.close_approach_date, [*before, *map(str, new)])
    after = replace(told, flybys=kept)
    if not lines:
        return None, after
    title = f"{count(len(lines), 'notable flyby')}, the closest at {min(distances):.2f} LD"
    return Message(title, "\n".join(_first(lines))), after


def digested(told: Told, digest: Message | None, today: date) -> tuple[Message | None, Told]:
    """The digest, once on the day of a tick."""
    if digest is None or told.digest == today:
        return None, told
    return digest, replace(told, digest=today)


def _digest(record: Database, settings: Settings, now: datetime) -> Message | None:
    """Last night, what is coming and what changed; None until the morning of the day was read."""
    today = local_day(settings, now)
    read_at = {entry.day: entry.last_observed_at for entry in ledger(record, settings.dataset.schema)}.get(today - DAY)
    if read_at is None or local_day(settings, read_at) != today:
        return None
    night = views.passed(record, today - DAY)
    coming = views.upcoming(record, now, closest_first=True).flybys
    changes = views.changes(record, now - DAY)
    counts = [f"{len(changes.of(kind)):,} {kind}" for kind in views.KINDS if changes.of(kind)]
    body = [
        f"Last night ({today - DAY}): {count(len(night), 'flyby')}",
        *_closest(night),
        "",
        f"In the next {WINDOW_DAYS} days: {count(len(coming), 'flyby')}",
        *_closest(coming),
        "",
        f"Changed in 24 hours: {', '.join(counts) or 'nothing'}",
        *[_moved(change) for change in changes.of("revised") if change.moved_km][:DIGEST_LINES],
    ]
    return Message(f"the sky on {today}", "\n".join(body))


def said(text: str) -> str:
    """One line of text that an error or a source had a hand in, without what some service would take for markup, a link
    in disguise or somebody to alert."""
    return re.sub(r"[<>\[\]@&*|\\]", "·", " ".join(text.split()))[:300]


def named(name: str) -> str:
    """An asteroid's name as a source tells it, less whatever no name has: some services show any text as markup."""
    return re.sub(r"[^\w ()'/+-]|_", "·", name)[:60]


def local_day(settings: Settings, at: datetime) -> date:
    """The tick date of a run at that moment."""
    return at.astimezone(ZoneInfo(settings.timezone)).date()


def _notable_flybys(record: Database, settings: Settings, today: date) -> list[Flyby]:
    parameters = {
        "first": today - NOTABLE_DAYS_BACK * DAY,
        "last": today + NOTABLE_DAYS_AHEAD * DAY,
        "within_ld": max((rule.within_ld for rule in settings.notable), default=0.0),
    }
    return [Flyby(*row) for row in ask(record, query_text("notable"), parameters)[1]]


def _tell(settings: Settings, notices: Callable[[], Sequence[Notice]]) -> list[str]:
    """Make the notices, send to every address those that it was not told, and remember it."""
    if not settings.notify:
        return []
    try:
        with _memory(settings.home) as memory:
            return _send(settings, memory, notices())
    except FlybyError as error:
        return [f"no notices: {error}"]
    except Exception as error:  # noqa: BLE001  a run that went well does not fail for this
        return [f"no notices: this should not happen ({type(error).__name__}), please report it"]


def _send(settings: Settings, memory: "_Memory", notices: Sequence[Notice]) -> list[str]:
    simulated = _is_simulated(settings)
    lines, post, plans = [], {}, {}
    for address in dict.fromkeys(settings.notify):
        told, plan = memory.told(address), []
        for notice in notices:
            message, told = notice(told)
            if message:
                plan.append((_titled(message, simulated), told))
        if plan:
            post[address], plans[address] = [message for message, _ in plan], [after for _, after in plan]
        else:
            memory.remember(address, told)
    for address, delivery in deliver(post).items():
        if delivery.sent:
            memory.remember(address, plans[address][delivery.sent - 1])
        if delivery.trouble:
            lines.append(
                f"{_numbered(settings, address)} was not told everything: {delivery.trouble}; the next run tries again"
            )
    memory.save()
    return lines


class _Memory:
    """What every address was told, as FLYBY_HOME/notices.json keeps it: under a hash, as addresses hold tokens."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self.content = path.read_bytes()
            self.by_address = msgspec.json.decode(self.content, type=dict[str, Told])
        except (FileNotFoundError, msgspec.DecodeError):
            # Whoever broke the file hears some things twice.
            self.content, self.by_address = b"", {}

    def told(self, address: str) -> Told:
        return self.by_address.get(_hash(address)) or Told()

    def remember(self, address: str, told: Told) -> None:
        self.by_address[_hash(address)] = told

    def save(self) -> None:
        content = msgspec.json.format(msgspec.json.encode(self.by_address, order="sorted"), indent=1)
        if content == self.content:
            return
        fresh = self.path.with_name(f".{self.path.name}.tmp")
        with fresh.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(fresh, self.path)


@contextmanager
def _memory(home: Path) -> Iterator[_Memory]:
    """The memory, for one process at a time. A lock of its own: sending must not keep anybody from the record."""
    try:
        home.mkdir(parents=True, exist_ok=True)
        with FileLock(home / ".notices.lock", timeout=PATIENCE_S):
            yield _Memory(home / "notices.json")
    except Timeout:
        raise HomeError("another flyby is sending some: what is left to say is said at the next run") from None
    except OSError as error:
        raise HomeError(f"notices.json cannot be read or written ({error.strerror})") from None


def _is_simulated(settings: Settings) -> bool:
    if isinstance(settings.place, Path) and not settings.place.exists():
        return False  # a run that failed may have left none
    with held(settings) as record:
        [(simulated,)] = ask(record, query_text("simulated"))[1]
    return bool(simulated)


def _titled(message: Message, simulated: bool) -> Message:
    if not simulated:
        return Message(f"flyby: {message.title}", message.body, message.kind)
    body = f"{message.body}\n\nSimulated: flyby's built-in sky, no real asteroids."
    return Message(f"SIMULATED flyby: {message.title}", body, message.kind)


def _hash(address: str) -> str:
    return hashlib.sha256(address.encode()).hexdigest()[:16]


def _numbered(settings: Settings, address: str) -> str:
    """The address by its place, as what follows `://` may hold a token."""
    kind = re.match(r"[A-Za-z]{1,20}://", address)
    return f"address {settings.notify.index(address) + 1} of FLYBY_NOTIFY" + (f" ({kind[0]})" if kind else "")


def _line(flyby: Flyby) -> str:
    told = asdict(flyby)
    timed = flyby.close_approach_at if is_timed(told) else None
    at = f"{timed:%Y-%m-%d %H:%M} UTC" if timed else f"{flyby.close_approach_date}"
    least, most = flyby.miss_distance_min_ld, flyby.miss_distance_max_ld
    span = f", between {least:.2g} and {most:.2g} LD" if is_wide(told) else ""
    size = f", about {flyby.diameter_m:,.0f} m" if flyby.diameter_m else ""
    return (
        f"{named(flyby.name)}, {at}, {flyby.miss_distance_ld:.2f} LD ({flyby.miss_distance_km:,.0f} km){span}"
        f"{size}, {flyby.relative_velocity_km_s:.1f} km/s"
    )


def _reason(rule: NotableRule) -> str:
    size = "" if rule.diameter_m is None else f"{rule.diameter_m:g} m or larger "
    return f"{'hazardous ' if rule.hazardous else ''}{size}within {rule.within_ld:g} LD"


def _closest(flybys: Sequence[Mapping[str, Any]]) -> list[str]:
    return [
        f"- {named(flyby['name'])}, {flyby['close_approach_date']}, {flyby['miss_distance_ld']:.2f} LD"
        for flyby in flybys[:DIGEST_LINES]
    ]


def _moved(change: views.Change) -> str:
    before, after = next((move.before, move.after) for move in change.moves if move.field == "miss_distance_km")
    return f"- {named(change.name)}, {change.close_approach_date}: {before:,.0f} km is now {after:,.0f} km"


def _first(lines: Sequence[str]) -> list[str]:
    more = len(lines) - MOST_LINES
    rest = [f"… and {more:,} more: `flyby status` and `flyby upcoming` tell"] if more > 0 else []
    return [*lines[:MOST_LINES], *rest]
