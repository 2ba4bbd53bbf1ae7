"""`flyby demo`: the whole product on the built-in sky, morning after morning, through the real job."""

import os
import shutil
import sys
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path

from flyby.days import DAY
from flyby.errors import FlybyError, HomeError, unwritable
from flyby.instance.instance import run_job
from flyby.jobs import backfill as history
from flyby.jobs.compare import second_opinion
from flyby.output import terminal
from flyby.query import views
from flyby.sandbox import Sandbox
from flyby.settings import Settings

MORNINGS = 8
#: Rows of what is coming.
COMING = 12
#: When the mornings begin, UTC, and when JPL is asked.
MORNING = timedelta(hours=6)
SECOND_OPINION = timedelta(hours=7, minutes=30)
HISTORY = timedelta(days=730)
#: On this one, counted from 1, the source leaves out a whole group of objects, as NeoWs did for months in 2026.
BROKEN_MORNING, FAULT = 5, "groups=54"
#: All that lies in a FLYBY_HOME.
OURS = {"raw", "staging", "record", "published", "flyby.duckdb", "report", "dagster", "cache", "notices.json"}
OURS |= {".lock", ".reading", ".rebuild.lock", ".notices.lock"}


def show(settings: Settings) -> None:
    """Two years of history and MORNINGS mornings, of which the last is today's, in `<FLYBY_HOME>/demo`, told as they
    go by.

    What an earlier demo left there is removed first. Raises HomeError when the folder holds something else.
    """
    home = settings.home / "demo"
    _clear(home)
    os.environ.pop("DAGSTER_HOME", None)  # the demo's runs belong into the demo's own home
    last = (settings.now() - MORNING).date()
    mornings = [last - n * DAY for n in reversed(range(MORNINGS))]
    terminal.banner(simulated=True)
    terminal.say("The job, Dagster and DuckDB are real, and so is all that follows; the sky is not.")
    with Sandbox(now=_six(mornings[0])) as sky:
        ours = replace(
            settings,
            home=home,
            lake=None,
            api_key="SIMULATED-SKY",
            neows_url=sky.url,
            cad_url=sky.cad_url,
            notify=(),
        )
        _history(ours, sky, before=mornings[0])
        for number, day in enumerate(mornings, start=1):
            _morning(ours, sky, day, is_broken=number == BROKEN_MORNING)
    now = settings.now()
    terminal.title("What is coming")
    terminal.show_upcoming(views.upcoming(ours.published, now, closest_first=True), most=COMING)
    terminal.title("What is held")
    terminal.show_status(views.status(ours.published, now), home=str(home))
    terminal.show_second_opinion(views.second_opinion(ours.published, now))
    _go_on(ours, beside_a_lake=settings.lake is not None)


def _go_on(settings: Settings, *, beside_a_lake: bool) -> None:
    """Name the page, and commands to copy that work from this folder."""
    terminal.title("Go on")
    if settings.report.exists():
        terminal.say(f"Open {_shown(settings.report)} in a browser: the page shows all of this.")
    called = Path(sys.argv[0])
    # `make demo` calls it by its path, which the shell may not search.
    flyby = "flyby" if called.name != "flyby" or shutil.which("flyby") else _shown(called)
    here = f"{'FLYBY_WAREHOUSE= ' if beside_a_lake else ''}FLYBY_HOME={_shown(settings.home)} {flyby}"
    terminal.commands(
        [
            (f"{here} report --open", "the page, brought up to date and opened"),
            (f"{here} upcoming --closest", "what comes closest this week"),
            (f"{here} changes", "what changed since yesterday"),
            (f"{here} up", "these runs in Dagster's UI; its schedule asks NASA, which this simulated home refuses"),
            (f'{here} sql "FROM requests"', "or any SQL on flyby.duckdb"),
            (f"{flyby} run", "the real sky: no key needed to begin with"),
        ]
    )


def _shown(path: Path) -> str:
    """The path as it is shortest to type here."""
    path = path.absolute()
    return os.path.relpath(path) if path.is_relative_to(Path.cwd()) else str(path)


def _history(settings: Settings, sky: Sandbox, *, before: date) -> None:
    """History as of the evening before the first morning."""
    evening = _six(before) - timedelta(hours=12)
    sky.set_now(evening)
    first = before - HISTORY
    terminal.title(f"First, two years of history: flyby backfill {first} {before - 2 * DAY}")
    with terminal.BackfillBar() as bar:
        done = history.backfill(
            replace(settings, rehearsed_now=evening), first, before - 2 * DAY, on_progress=bar.on_progress
        )
    terminal.show_backfill(done, first, before - 2 * DAY, seconds=bar.seconds)


def _morning(settings: Settings, sky: Sandbox, day: date, *, is_broken: bool) -> None:
    """One morning: the real job, then what it found."""
    at = _six(day)
    sky.set_now(at)
    sky.set_fault(FAULT if is_broken else None)
    terminal.title(f"{at:%A %d %B, %H:%M}: flyby run")
    if is_broken:
        terminal.say("(this morning the source leaves out every 54… id, as NeoWs did for months in 2026)", style="dim")
    with terminal.busy("asteroids → asteroids_file → duckdb_table"):
        result = run_job(replace(settings, rehearsed_now=at), day)
    if not result.success:
        raise FlybyError(f"the demo's run failed: {result.error}")
    told = views.changes(settings.database, at - timedelta(microseconds=1))
    terminal.show_morning(day - DAY, views.passed(settings.database, day - DAY), told, warnings=result.warnings)
    # The pages of later mornings show how sure JPL is.
    second_opinion(replace(settings, rehearsed_now=views.midnight(day) + SECOND_OPINION), day)


def _clear(home: Path) -> None:
    """Remove an earlier demo, and nothing else."""
    try:
        if home.exists():
            if not {entry.name for entry in home.iterdir()} <= OURS:
                raise HomeError(f"{home} is not an earlier demo's: move it away, or set FLYBY_HOME to another folder")
            shutil.rmtree(home)
        home.mkdir(parents=True)
    except OSError as error:
        raise unwritable(home, error) from None


def _six(day: date) -> datetime:
    return views.midnight(day) + MORNING
