"""Replay 120 mornings of 2019 and say, each morning, how much of what the source then lists flyby holds.

`make replay` runs it on the built-in sky, or on the one that FLYBY_NEOWS_URL names if its clock can be moved with the
X-As-Of header. Two years of history lie behind the first morning; the key is DEMO_KEY, so a morning has 24 requests.
Three stories: every morning; a week with the machine off; two weeks in which the source leaves out its largest id group.
Beside each stands what the lesson's job (yesterday, asked once) would hold. Results go to docs/replay.md.
"""

import argparse
import json
import os
import re
import shutil
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import httpx2

from flyby.days import DAY, Window, windows
from flyby.fetch.plan import morning
from flyby.jobs.backfill import backfill
from flyby.jobs.daily import gather
from flyby.query.database import ask
from flyby.record.load import load_staged, publish_record, stage_landed
from flyby.settings import Settings
from flyby.sources.neows import DEMO_KEY, feed
from flyby.sources.neows.policy import NEOWS

FIRST_MORNING, MORNINGS, HISTORY = date(2019, 1, 15), 120, 730
#: Story → the mornings (counted from 0) on which the machine is off, and on which the source leaves out a group.
STORIES = {
    "every morning": (range(0), range(0)),
    "a week off": (range(50, 57), range(0)),
    "a group out for two weeks": (range(0), range(50, 64)),
}
DAILY_BUDGET = 50

PAGE = """# What 120 mornings hold

Written by `make replay`: {mornings} mornings from {first} with {history} days of history behind them, on {sky}, with
`DEMO_KEY`'s budget. Held is, of the flybys that the source lists on the last morning for the days up to yesterday, the
share that `close_approaches` lists. The lesson's way is to ask for yesterday once, every morning of those years.

{table}
"""

Flyby = tuple[str, date]


@dataclass
class Source:
    """What stands between flyby and the sky: sets the clock, counts the requests, leaves out a group of ids."""

    upstream: str
    now: datetime
    without: str = ""
    asked: Counter[str] = field(default_factory=Counter)

    def fetch(self, query: str) -> bytes:
        headers = {
            "X-Api-Key": "replay-key",
            "X-As-Of": str(self.now.date()),
            "X-Now": f"{self.now:%Y-%m-%dT%H:%M:%SZ}",
        }
        answer = CLIENT.get(f"{self.upstream}/feed?{query}", headers=headers)
        answer.raise_for_status()
        return answer.content

    def serve(self, query: str) -> bytes:
        """What flyby gets."""
        self.asked[str(self.now.date())] += 1
        whole = json.loads(self.fetch(query))
        if self.without:
            days = whole["near_earth_objects"]
            for day in days:
                days[day] = [neo for neo in days[day] if not neo["id"].startswith(self.without)]
            whole["element_count"] = sum(map(len, days.values()))
        return json.dumps(whole).encode()

    def listed(self, first: date, last: date) -> set[Flyby]:
        """What the source lists at this moment, the left-out group included."""
        return {flyby for window in windows(first, last) for flyby in self._window(window)}

    def _window(self, window: Window) -> Iterator[Flyby]:
        whole = feed.decode(self.fetch(f"start_date={window.start}&end_date={window.end}"), window)
        for row in whole.rows:
            yield row.entity, row.day


CLIENT = httpx2.Client(timeout=60)


@contextmanager
def served(source: Source) -> Iterator[str]:
    """`source` as a NeoWs on loopback; its address."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            body = source.serve(urlsplit(self.path).query)
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


def at_six(day: date) -> datetime:
    return datetime.combine(day, time(6), UTC)


def lessons_way(source: Source, first: date, last: date) -> dict[date, set[Flyby]]:
    """What the lesson's job keeps of each day: the list under D − 1 on the morning of D, asked once."""
    kept = {}
    for n in range((last - first).days + 1):
        day = first + n * DAY
        source.now = at_six(day + DAY)
        kept[day] = {flyby for flyby in source._window(Window(day, day + DAY)) if flyby[1] == day}
    return kept


def tell(story: str, upstream: str, lesson: dict[date, set[Flyby]], mornings: int) -> dict[str, object]:
    """One story from the first morning to the last; the figures of its last morning and its worst ones."""
    off, out = STORIES[story]
    source = Source(upstream, at_six(FIRST_MORNING - DAY))
    home = Path(tempfile.mkdtemp(prefix="flyby-replay-"))
    first = FIRST_MORNING - HISTORY * DAY
    shares: list[tuple[float, float, float]] = []
    try:
        with served(source) as url:
            settings = Settings.load({"FLYBY_HOME": str(home), "FLYBY_NEOWS_URL": url, "NASA_API_KEY": DEMO_KEY})
            settings = replace(settings, rehearsed_now=source.now)
            backfill(settings, first, FIRST_MORNING - 2 * DAY, on_progress=lambda _: None)
            source.asked.clear()
            for n in range(mornings):
                tick = FIRST_MORNING + n * DAY
                source.now = at_six(tick)
                source.without = largest_group(source) if n in out else ""
                if n not in off:
                    settings = replace(settings, rehearsed_now=source.now)
                    gather(settings, tick)
                    stage_landed(settings)
                    load_staged(settings)
                    publish_record(settings)
                shares.append(_shares(source, settings, lesson, first, tick))
                if sys.stderr.isatty():
                    print(
                        f"\r{story}: morning {n + 1} of {mornings}, holds {shares[-1][1]:.4%}", end="", file=sys.stderr
                    )
        _, [(withdrawn, came_back, partial)] = ask(
            settings.published,
            """SELECT
                (SELECT count(*) FROM revisions WHERE change = 'withdrawn'),
                (SELECT count(*) FROM revisions AS w JOIN revisions AS r ON r.flyby_id = w.flyby_id
                    AND r.revision = w.revision + 1 WHERE w.change = 'withdrawn' AND r.change = 'relisted'),
                (SELECT count(DISTINCT requested_at) FROM requests WHERE verdict = 'partial')""",
        )
    finally:
        shutil.rmtree(home, ignore_errors=True)
    trailing, whole, taught = shares[-1]
    most = max(source.asked.values())
    return {
        "story": story,
        "trailing 30 days held": trailing,
        "two years held": whole,
        "worst morning": min(share[1] for share in shares),
        "the lesson's way": taught,
        "requests a morning": f"{sum(source.asked.values()) / len(source.asked):.1f}, at most {most}",
        "within DEMO_KEY's 50 a day": most <= DAILY_BUDGET,
        "mornings with a partial answer": partial,
        "withdrawn": withdrawn,
        "withdrawn, then listed again": came_back,
    }


def largest_group(source: Source) -> str:
    ids = Counter(re.match("54|.", neo).group() for neo in _ids(source))  # type: ignore[union-attr]
    return ids.most_common(1)[0][0]


def _ids(source: Source) -> list[str]:
    window = morning(source.now.date(), NEOWS)[0]
    whole = json.loads(source.fetch(f"start_date={window.start}&end_date={window.end}"))
    return [neo["id"] for day in whole["near_earth_objects"].values() for neo in day]


def _shares(
    source: Source, settings: Settings, lesson: dict[date, set[Flyby]], first: date, tick: date
) -> tuple[float, float, float]:
    """Of what the source lists now: the share held of the last 30 days, of all, and the share the lesson's way holds."""
    listed = source.listed(first, tick - DAY)
    _, rows = ask(settings.published, "SELECT designation, close_approach_date FROM close_approaches WHERE listed")
    held = set(rows)
    recent = {flyby for flyby in listed if flyby[1] >= tick - 30 * DAY}
    taught = set().union(*(lesson[day] for day in lesson if day < tick))
    return len(recent & held) / len(recent), len(listed & held) / len(listed), len(listed & taught) / len(listed)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mornings", type=int, default=MORNINGS)
    options = parser.parse_args()
    url = os.environ.get("FLYBY_NEOWS_URL")
    if url:
        _run(url, "the sky that FLYBY_NEOWS_URL names", options.mornings)
    else:
        from flyby.sandbox import Sandbox

        with Sandbox(hourly_limit=1_000_000) as sandbox:
            _run(sandbox.url, "the built-in sky", options.mornings)


def _run(upstream: str, sky: str, mornings: int) -> None:
    source = Source(upstream, at_six(FIRST_MORNING))
    lesson = lessons_way(source, FIRST_MORNING - HISTORY * DAY, FIRST_MORNING + (mornings - 1) * DAY)
    told = [tell(story, upstream, lesson, mornings) for story in STORIES]
    lines = ["| | " + " | ".join(str(t["story"]) for t in told) + " |", "|---|" + "---|" * len(told)]
    lines.extend(f"| {name} | " + " | ".join(_shown(t[name]) for t in told) + " |" for name in list(told[0])[1:])
    (Path("docs") / "replay.md").write_text(
        PAGE.format(mornings=mornings, first=FIRST_MORNING, history=HISTORY, sky=sky, table="\n".join(lines)), "utf-8"
    )
    print("\n" + "\n".join(lines) + "\n\nwritten to docs/replay.md")


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.3%}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    main()
