"""`flybys.ics`: what is worth a look at the sky, for any calendar that can subscribe (RFC 5545).

An event's UID is its flyby's, also when that moves over midnight; its SEQUENCE counts what was said of it. What was
once worth an event stays in the calendar, corrected: a subscriber hears that it is farther away than was said, or
withdrawn.
"""

from collections.abc import Iterable
from datetime import timedelta

from icalendar import Calendar, Event, vDuration
from icalendar.enums import STATUS, TRANSP

from flyby import __version__
from flyby.output.feeds import words
from flyby.query.sure import is_timed

#: Who is subscribed asks again so often.
REFRESH = timedelta(hours=6)


def calendar(flybys: Iterable[words.Flyby], *, site: str | None, simulated: bool) -> bytes:
    """The calendar of these rows of `calendar.sql`."""
    made = Calendar.new(
        uid=words.identity("calendar", site or ""),
        prodid=f"-//flyby//flyby {__version__}//EN",
        name="Asteroids passing the Earth" + " (simulated)" * simulated,
        description="Notable flybys, kept up to date with what NASA says"
        + "; these asteroids do not exist" * simulated,
        refresh_interval=REFRESH,
        url=f"{site}/" if site else None,
        source=f"{site}/flybys.ics" if site else None,
    )
    made["REFRESH-INTERVAL"].params["VALUE"] = "DURATION"
    made.add("X-PUBLISHED-TTL", vDuration(REFRESH))  # what Outlook reads
    for flyby in flybys:
        made.add_component(_event(flyby, site))
    return bytes(made.to_ical())


def _event(flyby: words.Flyby, site: str | None) -> Event:
    name = words.named(flyby).replace(r"\N", r"\n")  # icalendar writes the first as a line break
    # Who was told before anything else that it is cancelled need not open the event.
    title = f"Withdrawn: {name}" if flyby["withdrawn"] else f"{name} passes at {words.short_distance(flyby)}"
    return Event.new(
        uid=words.identity("flyby", flyby["flyby_id"]),
        summary=title,
        description="\n".join([*_state(flyby), *words.facts(flyby), words.jpl(flyby["designation"])]),
        start=flyby["close_approach_at"] if is_timed(flyby) else flyby["close_approach_date"],
        stamp=flyby["changed_at"],
        last_modified=flyby["changed_at"],
        sequence=flyby["sequence"],
        status=_status(flyby),
        transparency=TRANSP.TRANSPARENT,
        categories=["Asteroid flyby"],
        url=words.link(flyby, site),
    )


def _state(flyby: words.Flyby) -> list[str]:
    if flyby["withdrawn"]:
        return ["NASA lists this flyby no more, and flyby takes it for withdrawn. What was last said of it:"]
    return [] if flyby["listed"] else ["NASA's last answer does not list this flyby; it is kept until that is sure."]


def _status(flyby: words.Flyby) -> STATUS:
    if flyby["withdrawn"]:
        return STATUS.CANCELLED
    return STATUS.CONFIRMED if flyby["listed"] else STATUS.TENTATIVE
