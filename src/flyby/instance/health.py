"""Whether Dagster's part would start the mornings: read from its SQLite files, as importing Dagster takes a second."""

import json
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from flyby.defs import claims
from flyby.settings import Settings

SCHEDULE = "date_range_schedule"
#: The daemon gives a sign of life every half minute, and after so long without one it is gone.
SILENT = timedelta(minutes=5)
#: So many runs Dagster has under way at once, unless dagster.yaml says otherwise.
AT_ONCE = 10


def health(settings: Settings) -> list[str]:
    """Why no mornings come from Dagster, or not soon, in a line each.

    None where all is well, and none where its daemon was never started: then something else calls `flyby run`.
    """
    return [*_daemon(settings), *_queue(settings), *_schedule(settings)]


def daemon_seen_at(settings: Settings) -> datetime | None:
    """When Dagster's scheduler last gave a sign of life; None if it never did."""
    rows = _ask(_runs(settings), "SELECT max(timestamp) FROM daemon_heartbeats WHERE daemon_type = 'SCHEDULER'")
    return datetime.fromisoformat(rows[0][0]).replace(tzinfo=UTC) if rows and rows[0][0] else None


def is_up(settings: Settings) -> bool:
    """Whether `flyby up`, or another daemon on the same instance, is at work now."""
    seen_at = daemon_seen_at(settings)
    return seen_at is not None and datetime.now(UTC) - seen_at < SILENT


def _daemon(settings: Settings) -> list[str]:
    seen_at = daemon_seen_at(settings)
    if seen_at is None or is_up(settings):
        return []
    return [f"nothing starts the mornings since {seen_at:%Y-%m-%d %H:%M} UTC: `flyby up` does, as long as it runs"]


def _queue(settings: Settings) -> list[str]:
    rows = _ask(_runs(settings), "SELECT run_id, status FROM runs WHERE status IN ('STARTING', 'STARTED', 'CANCELING')")
    dead = [run_id for run_id, _ in rows if claims.state(settings.dagster_home, run_id) == "dead"]
    told = []
    if dead:
        are = "1 run is" if len(dead) == 1 else f"{len(dead)} runs are"
        told.append(f"{are} noted as under way whose process is gone: `flyby up` and `flyby run` end them")
    elif len(rows) >= AT_ONCE:
        [(waiting,)] = _ask(_runs(settings), "SELECT count(*) FROM runs WHERE status = 'QUEUED'")
        told.append(f"{len(rows)} runs are under way and {waiting} wait for them: Dagster's queue is full")
    return told


def _schedule(settings: Settings) -> list[str]:
    schedules = settings.dagster_home / "schedules" / "schedules.db"
    rows = _ask(
        schedules,
        "SELECT selector_id, status FROM instigators WHERE instigator_type = 'SCHEDULE' AND instigator_body LIKE ? "
        "ORDER BY update_timestamp DESC LIMIT 1",
        [f'%"{SCHEDULE}"%'],
    )
    for selector, status in rows:
        if status == "STOPPED":
            return [f"{SCHEDULE} is turned off: turn it on under Automation in Dagster's UI"]
        last = _ask(
            schedules,
            "SELECT status, tick_body FROM job_ticks WHERE selector_id = ? ORDER BY timestamp DESC LIMIT 1",
            [selector],
        )
        if last and last[0][0] == "FAILURE":
            return [f"the last tick of {SCHEDULE} failed ({_error(last[0][1])}): Dagster's UI shows it"]
    return []


def _error(tick: str) -> str:
    try:
        return str(json.loads(tick)["error"]["message"]).strip().splitlines()[0]
    except (ValueError, KeyError, TypeError, IndexError):
        return "it does not say why"


def _runs(settings: Settings) -> Path:
    return settings.dagster_home / "history" / "runs.db"


def _ask(database: Path, query: str, parameters: tuple[Any, ...] | list[Any] = ()) -> list[tuple[Any, ...]]:
    """The rows; none where there is no such file, or another version of Dagster wrote it."""
    if not database.exists():
        return []
    try:
        with closing(sqlite3.connect(database.absolute().as_uri() + "?mode=ro", uri=True, timeout=5)) as connection:
            return connection.execute(query, parameters).fetchall()
    except sqlite3.Error:
        return []
