"""What people see in a terminal: tables that fit its width, colour only where there is one, progress on stderr.

Every value from the feed is text: no markup, no control characters.
"""

import shutil
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal, Self

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from flyby.fetch.lateness import Lateness
from flyby.query.sure import is_timed, is_wide
from flyby.query.views import Calibration, Change, Changes, Latency, Move, Reload, SecondOpinion, Span, Status, Upcoming
from flyby.words import count

if TYPE_CHECKING:  # what most tables do not need; httpcore and pyarrow come with history
    from rich.progress import TaskID
    from rich.table import Table

    from flyby.jobs.backfill import Progress as BackfillProgress
    from flyby.jobs.orbit import Check, Orbits
    from flyby.query.asteroids import Asteroid

SIMULATED = "simulated: flyby's built-in sky, these asteroids do not exist"
#: Rows of one kind that `changes` lists; --json has all.
LISTED = 15
BAR = 30
#: Between columns.
GAP = Text("  ")
#: A column of words is not made narrower than this, if there is room.
WORD = 12
DISTANCE = "miss_distance_km"
#: Fields in fewer letters.
NAMES = {
    "close_approach_date": "day",
    "close_approach_at": "time",
    "relative_velocity_km_s": "speed",
    "absolute_magnitude_h": "H",
    "diameter_max_m": "size up to",
    "is_potentially_hazardous": "hazardous",
    "is_sentry_object": "sentry",
    "neo_id": "id",
}
#: Characters of a warning; `flyby status` has the days, `requests` all of it.
SAID = 160


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table; with `spare` > 0 it is left out where the width does not suffice, the highest first."""

    title: str
    right: bool = False
    spare: int = 0


def console(*, stderr: bool = False) -> Console:
    """A console as wide as the terminal, or as COLUMNS says, or 100 where there is none."""
    screen = Console(stderr=stderr, highlight=False, markup=False, emoji=False)
    return (
        screen
        if screen.is_terminal
        else Console(
            stderr=stderr, highlight=False, markup=False, emoji=False, width=shutil.get_terminal_size((100, 24)).columns
        )
    )


def table(columns: Sequence[Column], rows: Iterable[Sequence[Any]], *, width: int) -> "Text | Table":
    """A table at most `width` wide: spare columns go first, then cells are folded."""
    texts = [[cell(value) for value in row] for row in rows]
    wide = [
        max([cell_len(column.title), *(cell_len(row[n].plain) for row in texts)]) for n, column in enumerate(columns)
    ]
    shown = list(range(len(columns)))
    while _width(wide[n] for n in shown) > width and any(columns[n].spare for n in shown):
        shown.remove(max(shown, key=lambda n: columns[n].spare))
    head = [Text(column.title, style="bold") for column in columns]
    if _width(wide[n] for n in shown) <= width:
        # Most tables fit, and rich takes longer to lay out a hundred rows than the database to find them.
        lines = (
            GAP.join(_padded(row[n], wide[n], right=columns[n].right, last=n == shown[-1]) for n in shown)
            for row in (head, *texts)
        )
        return Text("\n", no_wrap=True).join(lines)

    from rich.table import Table

    # Titles of numbers are folded before a date or a word is, as far as there is room for that.
    least = {n: _least(columns[n], [row[n] for row in texts]) for n in shown}
    fits = _width(least.values()) <= width
    made = Table(box=None, pad_edge=False, padding=(0, len(GAP), 0, 0))
    for n in shown:
        justify: Literal["left", "right"] = "right" if columns[n].right else "left"
        made.add_column(
            head[n],
            justify=justify,
            overflow="fold",
            no_wrap=columns[n].right and not fits,
            min_width=least[n] if fits else None,
        )
    for row in texts:
        made.add_row(*(row[n] for n in shown))
    return made


def _least(column: Column, cells: Sequence[Text]) -> int:
    """How narrow a column may become before the table is hard to read."""
    widest = max((cell_len(cell.plain) for cell in cells), default=0)
    return widest if column.right else min(max(widest, cell_len(column.title)), WORD)


def _width(widths: Iterable[int]) -> int:
    return sum(width + len(GAP) for width in widths) - len(GAP)


def _padded(text: Text, width: int, *, right: bool, last: bool) -> Text:
    spaces = Text(" " * (width - cell_len(text.plain)))
    if right:
        return spaces + text
    return text if last else text + spaces


def cell(value: Any) -> Text:
    """A value as text: NULL is shown, and nothing in it can steer the terminal."""
    if isinstance(value, Text):
        return value
    if value is None:
        return Text("NULL", style="dim")
    return Text(plain(value))


def plain(value: Any) -> str:
    """A value as one line of printable characters."""
    if isinstance(value, datetime):
        text = f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%S}" if value.tzinfo else f"{value:%Y-%m-%d %H:%M:%S}"
    elif isinstance(value, float):
        text = f"{value:.10g}"
    else:
        text = str(value)
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)


def show_status(status: Status, *, home: str) -> None:
    """`flyby status`."""
    screen = console()
    _banner(screen, status.simulated)
    if status.first_day is None:
        _say(screen, f"Nothing is held in {home} yet: `flyby run` begins.")
    else:
        kept = f", {status.unlisted:,} more were listed once" if status.unlisted else ""
        _say(
            screen,
            f"{count(status.listed, 'flyby')} from {status.first_day} to {status.last_day}{kept}; "
            f"{count(status.revisions, 'revision')} from {count(status.requests, 'answer')}",
        )
        states = [f"{count:,} {state}" for state, count in status.days.items()]
        _say(screen, f"days: {', '.join(states)}")
    _say(screen, _freshness(status), style="yellow" if status.is_stale else "")
    if status.requests:
        _say(screen, f"requests in the last 24 hours: {status.requests_24h:,}")
    for span in status.suspect:
        _say(screen, f"suspect: {span}: {_doubt(span)}", style="yellow")
    for span in status.missing:
        why = f" ({plain(span.note)})" if span.note else ""
        heal = f"the next morning asks for it, or `flyby backfill {span.first} {span.last}`"
        _say(screen, f"missing: {span}{why}: {heal}", style="yellow")
    if status.first_day is not None and not status.suspect and not status.missing:
        _say(screen, "nothing is suspect, nothing is missing", style="green")


def show_second_opinion(opinion: SecondOpinion) -> None:
    """The part of `flyby status` about JPL."""
    screen = console()
    if opinion.heard_at is None:
        tried = "" if opinion.failed_at is None else f" (the last try gave nothing: {plain(opinion.failed_because)})"
        _say(screen, f"second opinion: JPL was not heard yet{tried}; `flyby up` asks it every day")
        return
    told = f"second opinion: JPL was heard {opinion.heard_at:%Y-%m-%d %H:%M} UTC"
    if opinion.failed_at is not None:
        told += f"; the try at {opinion.failed_at:%Y-%m-%d %H:%M} gave nothing ({plain(opinion.failed_because)})"
    if not opinion.days:
        _say(screen, f"{told}; no day was asked of both yet")
        return
    _say(
        screen,
        f"{told}. On {opinion.days:,} days that both were asked about, {opinion.in_both:,} flybys are in both lists, "
        f"{opinion.neows_only:,} only in NeoWs', {opinion.cad_only:,} only in JPL's",
    )
    for why, flybys in opinion.cad_only_because.items():
        _say(screen, f"  only in JPL's, {flybys:,}: {why}")
    if opinion.disagreements:
        widest = opinion.disagreements[0]
        _say(
            screen,
            f"  of those in both, NeoWs has {len(opinion.disagreements):,} outside of the range that JPL gives, the "
            f"furthest {plain(widest.name)}, {widest.close_approach_date}: {widest.neows_km:,.0f} km says NeoWs, "
            f"{widest.cad_min_km:,.0f} to {widest.cad_max_km:,.0f} km JPL",
        )


def show_upcoming(upcoming: Upcoming, *, most: int | None = None) -> None:
    """`flyby upcoming`; `most` rows of it."""
    screen = console()
    _banner(screen, upcoming.simulated)
    last = upcoming.now.date() + timedelta(days=upcoming.days - 1)
    if upcoming.known_until is None or upcoming.known_until < upcoming.now.date():
        _say(screen, f"What comes from {upcoming.now:%Y-%m-%d} on has not been asked for yet: `flyby run` does.")
        return
    if not upcoming.flybys:
        _say(screen, f"Nothing is listed from now to {last}.")
        return
    screen.print(passing_table(upcoming.flybys[:most], width=screen.width))
    if most is not None and len(upcoming.flybys) > most:
        _say(screen, f"… and {len(upcoming.flybys) - most:,} more", style="dim")
    _say(screen, f"{count(len(upcoming.flybys), 'flyby')} to {last}. Closest: {_told(upcoming.closest)}")


def passing_table(flybys: Sequence[dict[str, Any]], *, width: int) -> "Text | Table":
    """Flybys, one a row: when, who, how near, how fast, how large, and in words whether they are a hazard."""
    columns = [
        Column("when (UTC)"),
        Column("name"),
        Column("LD", right=True),
        Column("km", right=True, spare=3),
        Column("km/s", right=True, spare=2),
        Column("size (m)", right=True, spare=1),
        Column("hazard"),
    ]
    rows = [
        (
            _when(flyby["close_approach_at"] if is_timed(flyby) else None, flyby["close_approach_date"]),
            flyby["name"],
            _lunar(flyby),
            f"{flyby['miss_distance_km']:,.0f}",
            f"{flyby['relative_velocity_km_s']:.1f}",
            _size(flyby["diameter_min_m"], flyby["diameter_max_m"]),
            _hazard(flyby),
        )
        for flyby in flybys
    ]
    return table(columns, rows, width=width)


def show_run(day: date, passed: Sequence[dict[str, Any]], changes: Changes, *, warnings: Sequence[str]) -> None:
    """What a run brought: its day, closest first, what it changed, and what the checks warn of."""
    screen = console()
    _banner(screen, changes.simulated)
    if passed:
        screen.print(passing_table(passed[:LISTED], width=screen.width))
    if len(passed) > LISTED:
        _say(screen, f"… and {len(passed) - LISTED:,} farther away", style="dim")
    looks = f", {changes.first_looks:,} on days read for the first time" if changes.first_looks else ""
    _say(screen, f"{day}: {count(len(passed), 'flyby')}. This run: {summary(changes)}{looks}.")
    for warning in warnings:
        _say(screen, f"warning: {_shortened(warning)}", style="yellow")
    _say(screen, "`flyby upcoming` shows what comes, `flyby changes` what moved.", style="dim")


def show_morning(day: date, passed: Sequence[dict[str, Any]], changes: Changes, *, warnings: Sequence[str]) -> None:
    """What a morning of the demo found, what was late, what was revised: told in sentences."""
    screen = console()
    _say(
        screen,
        f"found    {count(len(passed), 'flyby')} for {day}" + (f", closest {_told(passed[0])}" if passed else ""),
    )
    if changes.first_looks:
        _say(screen, f"ahead    {changes.first_looks:,} on days read for the first time")
    new = changes.of("new")
    late = sorted((c for c in new if c.close_approach_date <= day), key=lambda c: c.miss_distance_ld)
    if late:
        near = f"{late[0].miss_distance_ld:.1f} lunar distances away on {late[0].close_approach_date}"
        _say(screen, f"late     {len(late):,} listed after they had passed: {plain(late[0].name)} was {near}")
    if ahead := [c for c in new if c.close_approach_date > day]:
        _say(screen, f"ahead    {len(ahead):,} more to come on days read before")
    if revised := changes.of("revised"):
        widest = revised[0]
        _say(screen, f"revised  {len(revised):,}, the farthest {plain(widest.name)}: {_moves(widest.moves[:2])}")
    for kind in ("relisted", "unlisted", "withdrawn"):
        if gone := changes.of(kind):
            _say(screen, f"{kind:9}{len(gone):,}: {', '.join(plain(c.name) for c in gone[:3])}")
    for warning in warnings:
        _say(screen, f"warning  {_shortened(warning)}", style="yellow")


def show_backfill(done: "BackfillProgress", first: date, last: date, *, seconds: float) -> None:
    """What a backfill did."""
    if not done.of_windows:
        say(f"{first} to {last}: nothing to ask for, every day is held and none is due again")
        return
    left = "" if done.quota_remaining is None else f", quota left {done.quota_remaining:,}"
    say(
        f"{first} to {last}: {count(done.windows, 'window')}, {count(done.loaded.rows, 'row')}, "
        f"{count(sum(done.loaded.changes.values()), 'revision')} in {duration(seconds)}{left}"
    )
    for window, note in done.loaded.partial:
        say(f"suspect: {window}: {plain(note)}", style="yellow")


def show_changes(changes: Changes) -> None:
    """`flyby changes`."""
    screen = console()
    _banner(screen, changes.simulated)
    since = f"{changes.since:%Y-%m-%d %H:%M} UTC"
    if changes.first_looks:
        _say(screen, f"{count(changes.first_looks, 'flyby')} on days read for the first time")
    if not changes.changes:
        _say(
            screen, f"Nothing else changed since {since}." if changes.first_looks else f"Nothing changed since {since}."
        )
        return
    _say(screen, f"since {since}: " + summary(changes))
    for kind, title in (
        ("new", "new on days read before"),
        ("revised", "revised, the farthest moved first"),
        ("relisted", "listed again"),
        ("unlisted", "no longer listed (kept until it is sure)"),
        ("withdrawn", "withdrawn: away for good"),
    ):
        if found := changes.of(kind):
            screen.print()
            _say(screen, title, style="bold")
            screen.print(_changes_table(found[:LISTED], kind, screen.width))
            if len(found) > LISTED:
                _say(screen, f"… and {len(found) - LISTED:,} more: --json lists all", style="dim")


def summary(changes: Changes) -> str:
    """How many of each kind, in words."""
    counts = [(kind, len(changes.of(kind))) for kind in ("new", "revised", "relisted", "unlisted", "withdrawn")]
    return ", ".join(f"{count:,} {kind}" for kind, count in counts if count) or "nothing changed"


def show_calibration(rows: Sequence[Calibration], *, simulated: bool) -> None:
    """`flyby calibration`."""
    screen = console()
    _banner(screen, simulated)
    if not rows:
        _say(
            screen,
            "How good JPL's ranges are cannot be told yet: that takes flybys that JPL was asked about, and that have "
            "changed since. Come back when mornings have run for some weeks.",
        )
        return
    against = {"revised": "JPL's own later word", "other": "NeoWs' word now"}
    columns = [
        Column("orbit at the time"),
        Column("flybys", right=True, spare=1),
        Column("distances changed", right=True),
        Column("outside", right=True),
        Column("times changed", right=True),
        Column("outside", right=True),
    ]
    for kind, told in against.items():
        its = [row for row in rows if row.against == kind]
        if not its:
            continue
        _say(screen, f"What JPL gave a range for (3 sigma), against {told}")
        shown = [
            (
                row.orbit_age,
                f"{row.pairs:,}",
                f"{row.distances_changed:,}",
                f"{row.distances_outside:,}",
                f"{row.times_changed:,}",
                f"{row.times_outside:,}",
            )
            for row in its
        ]
        screen.print(table(columns, shown, width=screen.width))
        pairs, changed = sum(row.pairs for row in its), sum(row.distances_changed for row in its)
        outside = sum(row.distances_outside for row in its)
        share = f", {1 - outside / changed:.1%} of those that changed stayed inside" if changed else ""
        _say(screen, f"{outside:,} of {pairs:,} distances left the range{share}.")
    _say(screen, "Changed is what differs by more than one in 100 million, or by a minute.", style="dim")


def show_latency(latency: Latency, *, cron: str, timezone: str, cron_hour_utc: float | None) -> None:
    """`flyby latency`. `cron_hour_utc` is when the schedule fires, None if it is no daily one."""
    screen = console()
    _banner(screen, latency.simulated)
    if not latency.growth:
        _say(
            screen,
            "How late flybys are listed cannot be told yet: that takes days that were read from the day itself on, "
            "and again later. Come back when mornings have run for some weeks.",
        )
    else:
        oldest = latency.growth[-1]
        _say(screen, f"How much of a day's list this record had by so many days after it (D+{oldest.age_days} = 100 %)")
        columns = [Column("by"), Column("share", right=True), Column("", spare=1), Column("days followed", right=True)]
        rows = [
            (
                f"D+{step.age_days}",
                f"{step.share:.0%}",
                Text("█" * round(step.share * BAR), style="cyan"),
                f"{step.days:,}",
            )
            for step in latency.growth
        ]
        screen.print(table(columns, rows, width=screen.width))
        if latency.is_little:
            _say(screen, "Few days have been followed so far: take this as a first hint.", style="yellow")
        _say(screen, "Shares are what was read by then: the source may have listed some a little earlier.", style="dim")
    if latency.planned_by:
        show_planned_by(screen, latency.planned_by)
    screen.print()
    _say(screen, cron_advice(latency, cron=cron, timezone=timezone, cron_hour_utc=cron_hour_utc))


def show_planned_by(screen: Console, lateness: Lateness) -> None:
    """What of a day is there on the mornings after it, and for good, as mornings plan their requests by it."""
    end = f"D+{lateness.followed_days}"
    screen.print()
    _say(
        screen,
        f"What mornings plan by: of all that a day has on {end}, on the mornings before ({lateness.days:,} days)",
    )
    columns = [Column("on"), Column("listed", right=True), Column("with its final values", right=True)]
    rows = [
        (
            f"D+{share.day}",
            f"{share.listed:.0%} ± {2 * share.listed_error:.0%}",
            f"{share.final:.0%} ± {2 * share.final_error:.0%}",
        )
        for share in lateness.shares[:-1]
    ]
    screen.print(table(columns, rows, width=screen.width))
    if lateness.shift is not None:
        how = "later" if lateness.shift < 0 else "earlier"
        _say(screen, f"The source has become {how} in the last two weeks: what is asked again follows.", style="yellow")


def cron_advice(latency: Latency, *, cron: str, timezone: str, cron_hour_utc: float | None) -> str:
    """What the hours of change mean for FLYBY_CRON, in plain words."""
    reload = latency.reload
    if reload is None:
        return (
            "At what hour answers change cannot be told: nothing was read twice within a day and found changed. "
            "A few `flyby run` at other hours of the day would show it."
        )
    pairs = reload.changed + reload.unchanged
    told = (
        f"Answers change between {reload.after % 24:02}:00 and {reload.until % 24:02}:00 UTC "
        f"({reload.changed} of {pairs} readings within a day of the one before differed)."
    )
    hours = reload.until - reload.after
    if hours > 12:
        return f"{told} That is too wide to choose FLYBY_CRON by: a few `flyby run` in between would narrow it."
    if cron_hour_utc is None:
        return f"{told} A reading is freshest soon after {reload.until % 24:02}:00 UTC."
    if _is_between(cron_hour_utc, reload):
        wait = "falls into these hours, so it sometimes reads the day before's answers"
    elif (late := (cron_hour_utc - reload.until) % 24) <= 3:
        return f"{told} FLYBY_CRON ({cron}, {timezone}) reads soon after: leave it."
    else:
        wait = f"reads what has been there for {late:.0f} hours or more"
    better = reload.until % 24
    return f"{told} FLYBY_CRON ({cron}, {timezone}) {wait}: {better:02}:15 UTC would be better, `15 {better} * * *`."


def show_answer(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """`flyby sql`: every row, in columns that fit; where there are too many columns, row by row below each other."""
    screen = console()
    columns = [
        Column(plain(name), right=any(isinstance(row[n], int | float) and not isinstance(row[n], bool) for row in rows))
        for n, name in enumerate(names)
    ]
    if _width(_least(column, [cell(row[n]) for row in rows]) for n, column in enumerate(columns)) <= screen.width:
        screen.print(table(columns, rows, width=screen.width))
    else:
        for row in rows:
            screen.print(table([Column(""), Column("")], list(zip(names, row, strict=True)), width=screen.width))
    if not rows:
        _say(screen, "no rows", style="dim")


def show_asteroid(asteroid: "Asteroid") -> None:
    """`flyby show`: what it is, and every flyby with all that was ever said of it."""
    screen = console()
    _banner(screen, asteroid.simulated)
    told = asteroid.flybys[-1].told
    _say(screen, plain(asteroid.name), style="bold")
    known = [f"NeoWs' id {', '.join(asteroid.ids)}"] if asteroid.ids else []
    if told["absolute_magnitude_h"] is not None:
        known.append(f"H {told['absolute_magnitude_h']:.4g}")
    if told["diameter_max_m"] is not None:
        known.append(f"{_size(told['diameter_min_m'], told['diameter_max_m'])} m")
    hazard = _hazard(told | {"is_sentry_object": told["is_sentry_object"] or False}).plain
    _say(screen, "; ".join([*known, *([hazard] if hazard else [])]))
    for address in asteroid.links.values():
        screen.print(Text(address, style="dim"), soft_wrap=True)
    columns = [
        Column("said by"),
        Column("rev", right=True),
        Column("what"),
        Column("since"),
        Column("LD", right=True),
        Column("moved"),
    ]
    for flyby in asteroid.flybys:
        screen.print()
        now = flyby.told
        state = "withdrawn" if flyby.believed is None else "" if now["listed"] else "no longer listed"
        when = now["close_approach_at"]
        day = f"{now['close_approach_date']:%Y-%m-%d}" + (f" {when.astimezone(UTC):%H:%M} UTC" if when else "")
        tense = "passed" if flyby.is_past else "passes"
        line = f"{day}: {tense} at {now['miss_distance_ld']:.3g} lunar distances ({now['miss_distance_km']:,.0f} km)"
        _say(screen, f"{line}, {now['relative_velocity_km_s']:.1f} km/s{f', {state}' if state else ''}", style="bold")
        rows = [
            (
                version.title,
                version.revision,
                version.change,
                f"{version.seen_from.astimezone(UTC):%Y-%m-%d %H:%M}",
                f"{version.told['miss_distance_ld']:.3g}",
                _moves(version.moves),
            )
            for version in flyby.versions
        ]
        screen.print(table(columns, rows, width=screen.width))


def show_orbits(orbits: "Orbits", *, days: int | None) -> None:
    """`flyby orbit`; `days` is how far ahead notable flybys were looked for, None where one asteroid was asked for."""
    screen = console()
    _banner(screen, orbits.simulated)
    if orbits.checks:
        columns = [
            Column("when (TDB)"),
            Column("name"),
            Column("LD", right=True),
            Column("km", right=True, spare=1),
            Column("NASA's km", right=True),
            Column("differs by", right=True),
            Column("minutes", right=True),
            Column("3 sigma"),
            Column("mag", right=True),
            Column(f"{orbits.aperture_mm / 10:.0f} cm"),
        ]
        rows = [_orbit_row(check) for check in orbits.checks]
        said = [
            n for n in range(len(columns)) if any(str(row[n]) for row in rows)
        ]  # not what NASA says, where it is mute
        shown = [[row[n] for n in said] for row in rows]
        screen.print(table([columns[n] for n in said], shown, width=screen.width))
    for rejected in orbits.rejected:
        _say(screen, f"rejected: {plain(rejected.why)}", style="yellow")
    if orbits.left_out:
        away = "are farther from the epoch of the elements than the check reaches (docs/orbits.md)"
        _say(screen, f"left out: {count(orbits.left_out, 'flyby')}, which {away}", style="dim")
    told = [check for check in orbits.checks if check.agrees is not None]
    if told:
        agree = sum(bool(check.agrees) for check in told)
        _say(screen, f"{agree:,} of {count(len(told), 'flyby')} as NASA says, within 200 km and a minute.")
    if orbits.checks:
        limit = f"a telescope of {orbits.aperture_mm / 10:.0f} cm shows stars to magnitude {orbits.limit:g}"
        _say(screen, f"Magnitudes are the brightest within ten days, in a dark sky; {limit}.", style="dim")
    elif not orbits.rejected and not orbits.left_out:
        when = "in the next year" if days is None else f"in the next {days} days"
        _say(screen, f"Nothing {'comes within 0.5 au' if days is None else 'notable is listed'} {when}.")


def _orbit_row(check: "Check") -> tuple[Any, ...]:
    def number(value: float | None, form: str) -> str:
        return "" if value is None else format(value, form)

    reach = {None: "", True: "yes", False: "no"}
    return (
        f"{check.computed_at:%Y-%m-%d %H:%M}" if check.computed_at else f"not near {check.told_date}",
        check.name,
        number(check.computed_ld, ".3g"),
        number(check.computed_km, ",.0f"),
        number(check.told_km, ",.0f"),
        Text(number(check.difference_km, "+,.0f"), style="yellow" if check.agrees is False else ""),
        number(check.difference_min, "+.1f"),
        {None: "", True: "inside", False: Text("outside", style="bold yellow")}[check.in_range],
        number(check.magnitude, ".1f"),
        reach[check.in_small_telescope],
    )


class BackfillBar:
    """The progress of a backfill on stderr: windows, rows, rate, quota left, time left. Silent without a terminal."""

    def __init__(self) -> None:
        from rich.progress import BarColumn, Progress, TextColumn

        self._began = time.monotonic()
        self._bar = Progress(
            BarColumn(BAR),
            TextColumn("{task.completed:,.0f}/{task.total:,.0f} windows"),
            TextColumn("{task.fields[rest]}"),
            console=console(stderr=True),
            transient=True,
            disable=not console(stderr=True).is_terminal,
        )
        self._task: TaskID | None = None

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._began

    def on_progress(self, progress: "BackfillProgress") -> None:
        if self._task is None:
            self._task = self._bar.add_task("", total=progress.of_windows, rest="")
        rate = progress.windows / max(self.seconds, 1e-9)
        parts = [f"{count(progress.loaded.rows, 'row')}", f"{rate:.1f}/s"]
        if progress.quota_remaining is not None:
            parts.append(f"quota left {progress.quota_remaining:,}")
        if progress.windows:
            parts.append(f"{duration((progress.of_windows - progress.windows) / rate)} left")
        self._bar.update(self._task, total=progress.of_windows, completed=progress.windows, rest=" · ".join(parts))

    def on_wait(self, seconds: float, why: str) -> None:
        """Say that the backfill waits; also without a terminal."""
        self._bar.console.print(f"{plain(why)}; waiting {duration(seconds)}", soft_wrap=True)


@contextmanager
def busy(what: str) -> Iterator[None]:
    """A spinner on stderr while something takes its time; nothing without a terminal."""
    screen = console(stderr=True)
    if not screen.is_terminal:
        yield
        return
    with screen.status(what):
        yield


def duration(seconds: float) -> str:
    """Seconds in the unit that suits them."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} minutes" if seconds < 5400 else f"{seconds / 3600:.1f} hours"


def say(text: str, *, style: str = "") -> None:
    """One paragraph on stdout, folded to the width."""
    _say(console(), text, style=style)


def title(text: str) -> None:
    """A line that begins something."""
    screen = console()
    screen.print()
    _say(screen, text, style="bold")


def commands(lines: Sequence[tuple[str, str]]) -> None:
    """Commands to copy, never folded, each below what it does."""
    screen = console()
    for command, what in lines:
        _say(screen, f"  # {what}", style="dim")
        screen.print(Text(f"  {command}"), soft_wrap=True)


def banner(*, simulated: bool) -> None:
    """Say that what follows is simulated, if it is."""
    _banner(console(), simulated)


def _banner(screen: Console, simulated: bool) -> None:
    if simulated:
        _say(screen, f"── {SIMULATED} ──", style="bold magenta")


def _say(screen: Console, text: str, *, style: str = "") -> None:
    screen.print(Text(text, style=style))


def _freshness(status: Status) -> str:
    morning = status.last_morning
    if morning is None:
        return "no morning has run yet: `flyby run` is one, `flyby up` runs them every day"
    doubts = [f"{morning.partial} partial"] * bool(morning.partial) + [f"{morning.rejected} rejected"] * bool(
        morning.rejected
    )
    ago = duration(max((status.now - morning.requested_at).total_seconds(), 0))
    told = (
        f"last morning: {morning.requested_at:%Y-%m-%d %H:%M} UTC, {ago} ago: {count(morning.requests, 'request')}, "
        f"{count(morning.rows, 'row')}, {morning.new:,} new, {morning.changed:,} changed, "
        f"{', '.join(doubts) if doubts else 'all answers healthy'}"
    )
    return told + ("; none since: is `flyby up` running?" if status.is_stale else "")


def _doubt(span: Span) -> str:
    said = f" ({plain(span.note)})" if span.note else ""
    return f"the source's answer looks incomplete{said}; what it lacks is kept, and it is asked again every day"


def _changes_table(changes: Sequence[Change], kind: str, width: int) -> "Text | Table":
    columns = [Column("day"), Column("name"), Column("LD", right=True)]
    if kind == "revised":
        columns.append(Column("moved"))
        return table(
            columns,
            [(c.close_approach_date, c.name, f"{c.miss_distance_ld:.1f}", _moves(c.moves)) for c in changes],
            width=width,
        )
    columns.append(Column("read", spare=1))
    return table(
        columns,
        [
            (c.close_approach_date, c.name, f"{c.miss_distance_ld:.1f}", f"{c.changed_at:%Y-%m-%d %H:%M}")
            for c in changes
        ],
        width=width,
    )


def _moves(moves: Sequence[Move]) -> str:
    """What moved, as far as it can be seen at the digits that are shown; of the two diameters, which move together,
    the larger."""
    return "; ".join(
        _move(move)
        for move in moves
        if move.field != "diameter_min_m" and (_short(move.before) != _short(move.after) or move.field == DISTANCE)
    )


def _move(move: Move) -> str:
    name = NAMES.get(move.field, move.field)
    if move.field == DISTANCE and move.size is not None:
        return f"{move.before:,.0f} → {move.after:,.0f} km ({_signed(move.size)} km)"
    unit = f" {move.unit}" if move.unit else ""
    return f"{name} {_short(move.before)} → {_short(move.after)}{unit}"


def _signed(size: float) -> str:
    return f"{size:+,.0f}" if abs(size) >= 1 else f"{size:+.2g}"


def _shortened(text: str) -> str:
    """What somebody said, cut to a line or two."""
    said = plain(text)
    return said if len(said) <= SAID else said[:SAID].rsplit(" ", 1)[0] + " …"


def _short(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return f"{value.astimezone(UTC):%d %b %H:%M}"
    if isinstance(value, float):
        return f"{value:.4g}"
    return "none" if value is None else plain(value)


def _when(moment: datetime | None, day: date) -> str:
    return f"{moment.astimezone(UTC):%a %d %b %H:%M}" if moment else f"{day:%a %d %b}"


def _size(smallest_m: float | None, largest_m: float | None) -> str:
    if smallest_m is None or largest_m is None:
        return "?"
    return f"{_round(smallest_m)}–{_round(largest_m)}"


def _round(size_m: float) -> str:
    return f"{size_m:,.0f}" if size_m >= 10 else f"{size_m:.1f}"


def _hazard(flyby: dict[str, Any]) -> Text:
    marks = [
        *(["▲ hazardous"] if flyby["is_potentially_hazardous"] else []),
        *(["◆ sentry"] if flyby["is_sentry_object"] else []),
    ]
    return Text(" ".join(marks), style="bold red")


def _told(flyby: dict[str, Any]) -> str:
    when = _when(flyby["close_approach_at"] if is_timed(flyby) else None, flyby["close_approach_date"])
    most = flyby.get("miss_distance_max_ld")
    sure = ", certainly inside the Moon's distance" if most is not None and most < 1 else ""
    return f"{plain(flyby['name'])}, {_lunar(flyby)} lunar distances{sure}, {when} UTC"


def _lunar(flyby: dict[str, Any]) -> str:
    """The distance in lunar distances; where that is not sure, from where to where it may lie."""
    if is_wide(flyby):
        return f"{flyby['miss_distance_min_ld']:.1f}–{flyby['miss_distance_max_ld']:.1f}"
    return f"{flyby['miss_distance_ld']:.1f}"


def _is_between(hour: float, reload: Reload) -> bool:
    return (hour - reload.after) % 24 < reload.until - reload.after
