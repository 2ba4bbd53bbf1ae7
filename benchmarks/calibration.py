"""How good JPL's ranges are, from recorded answers: `make calibration` writes docs/calibration.md.

JPL's list of 2020 as of September and NeoWs' as of December, both recorded, are taken in as any answers are; then
`flyby calibration` is asked.
"""

import json
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pyarrow.compute as pc
import pyarrow.parquet as pq

from flyby.jobs import compare
from flyby.jobs.backfill import backfill
from flyby.query.views import Calibration, calibration
from flyby.record.load import take_in
from flyby.settings import Settings

SHARED = Path(__file__).parents[2] / "shared"
PAGE = Path(__file__).parents[1] / "docs" / "calibration.md"
YEAR = date(2020, 1, 1), date(2020, 12, 31)
NEOWS_AT = datetime(2020, 12, 20, 6, tzinfo=UTC)

TEXT = """# How sure JPL is, and how right

Written by `make calibration`, not by hand. JPL says of every distance between what it lies, and of every time by how much
it may be off, both 3 sigma. `flyby calibration` asks your own record how much of what changed later had stayed inside;
here it asks one of the recorded answers for 2020: JPL's list as of September, NeoWs' as of December.

{table}

**{outside:,} of {pairs:,}** distances had left JPL's range. {changed:,} had changed at all; of those {share:.1%} had stayed
inside.

* **Changed** is a distance that differs by more than one in 100 million: of an orbit that is the same the two sources
  write the same ten digits. A time has changed if its minute has.
* **The orbit's age** is the time from the half-month of the discovery, as the designation has it, to when JPL was asked;
  not known where the designation has none.
* A time is inside if it is off by no more than JPL's uncertainty and the minute to which both are rounded.

So a difference within the range is no news, and one outside of it is: by that flyby judges whether the two sources
disagree (`flyby status`), and not by a fixed share of the distance.
"""


@contextmanager
def neows(folder: Path) -> Iterator[str]:
    """The recorded sky of 2020 as NeoWs, clock and all; its address."""
    sky = pq.read_table(SHARED / "realsky" / "sky.parquet")
    pq.write_table(sky.filter(pc.equal(pc.year(sky["day"]), YEAR[0].year)), folder / "sky.parquet")
    command = [sys.executable, str(SHARED / "realsky" / "neows_server.py"), "--port", "0"]
    with subprocess.Popen(
        [*command, "--data", str(folder / "sky.parquet")], stderr=subprocess.PIPE, text=True
    ) as server:
        assert server.stderr is not None
        try:
            yield server.stderr.readline().split()[1].removesuffix("/feed")
        finally:
            server.terminate()


@contextmanager
def jpl() -> Iterator[str]:
    """The recorded answer for 2020 as JPL; its address."""
    whole = json.loads((SHARED / "recordings" / "cad" / "cad-2020.json").read_bytes())
    at = whole["fields"].index("cd")

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = dict(parse_qsl(urlsplit(self.path).query))
            data = [
                row
                for row in whole["data"]
                if asked["date-min"] <= datetime.strptime(row[at], "%Y-%b-%d %H:%M").isoformat() <= asked["date-max"]  # noqa: DTZ007
            ]
            body = json.dumps(whole | {"count": len(data), "data": data}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/cad.api"
        server.shutdown()


def measured() -> list[Calibration]:
    """What `flyby calibration` finds in a record of the recorded answers."""
    with tempfile.TemporaryDirectory() as scratch, neows(Path(scratch)) as neows_url, jpl() as cad_url:
        said = {"FLYBY_HOME": f"{scratch}/home", "FLYBY_NEOWS_URL": neows_url, "FLYBY_CAD_URL": cad_url}
        now = {"FLYBY_NOW": NEOWS_AT.isoformat(), "NASA_API_KEY": "a-made-up-key"}
        backfill(Settings.load(said | now), *YEAR, on_progress=lambda _: None)
        later = Settings.load(said | now | {"FLYBY_NOW": (NEOWS_AT + timedelta(hours=1.5)).isoformat()})
        compare.listen(later, compare.history_windows(*YEAR))
        take_in(later)
        return calibration(later.published)[1]


def main() -> None:
    if not SHARED.exists():
        sys.exit("calibration: this needs the recorded answers beside the checkout, in ../shared")
    rows = measured()
    head = ["orbit at the time", "flybys", "distances changed", "outside", "times changed", "outside"]
    lines = [f"| {' | '.join(head)} |", "|---|" + "---:|" * (len(head) - 1)]
    for row in rows:
        figures = (row.pairs, row.distances_changed, row.distances_outside, row.times_changed, row.times_outside)
        lines.append(f"| {row.orbit_age} | {' | '.join(f'{figure:,}' for figure in figures)} |")
    changed, outside = sum(row.distances_changed for row in rows), sum(row.distances_outside for row in rows)
    pairs, share = sum(row.pairs for row in rows), 1 - outside / changed
    told = TEXT.format(table="\n".join(lines), outside=outside, pairs=pairs, changed=changed, share=share)
    PAGE.write_text(told, encoding="utf-8")


if __name__ == "__main__":
    main()
