"""What must hold: after every step, and more of it after a clean run."""

import hashlib
import os
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any

import duckdb

import model
from answers import BELIEVED, TABLES, as_set
from flyby.errors import FlybyError
from flyby.fetch.raw import Landed, landed, read, recorded_moments
from flyby.query.database import opened
from flyby.settings import Settings
from torture.child import Child
from torture.source import KEY_PREFIX, Rows, Said, Source

#: What may lie in FLYBY_HOME after a clean run; `published` holds two editions, and the logs of who writes in them.
_ALLOWED = re.compile(
    r"\.lock|\.rebuild\.lock|flyby\.duckdb|report/.*|cache/vega-[^/]*\.js\.gz|dagster/.*|record/record\.duckdb"
    r"|raw/neows/\d{4}/\d\d/\d{8}T[^/]*(\.json\.zst|_recorded_[^/]*Z)|staging/\d[^/]*/(answers|observations)\.parquet"
    r"|published/[0-9a-f]{32}/flyby\.duckdb(\.wal)?"
)

#: How many keep flyby.duckdb open (`torture.reader`).
READERS = 2


@dataclass(slots=True)
class Truth:
    """The checks of one FLYBY_HOME; what they find is told in lines, none of which is meant to be there."""

    settings: Settings
    source: Source
    _hashes: dict[str, Said] = field(default_factory=dict)
    _scanned: dict[Path, tuple[int, int]] = field(default_factory=dict)

    def of_child(self, child: Child, status: int | None, *, killed: bool) -> Iterator[str]:
        """A command that has ended: how it failed, if it did, and whether what it was given was kept."""
        out, err = child.said()
        if KEY_PREFIX in out + err:
            yield f"leak: a key in what `{' '.join(child.command.words)}` printed"
        if killed:
            return
        lines = err.splitlines()
        name = " ".join(child.command.words)
        if status not in (0, 1):
            yield f"line: `{name}` ended with status {status}: {err[-300:]!r}"
        elif status == 1 and not (len(lines) == 1 and lines[0].startswith("flyby: ") and len(lines[0]) < 500):
            yield f"line: `{name}` failed without its one line: {err[-600:]!r}"
        elif "this should not happen" in err:
            yield f"line: `{name}` met what it did not expect: {err[-600:]!r}"
        elif status == 0 and lines:
            yield f"line: `{name}` succeeded and complained: {err[-300:]!r}"
        kept = {self._body(answer) for answer in self._landed()}
        for said in self.source.given.get(child.command.environ["NASA_API_KEY"], []):
            if said not in kept:
                yield f"lost: an answer for {said.window} (HTTP {said.status}) was given to `{name}` and is not in raw/"

    def after_step(self) -> Iterator[str]:
        """Whatever was killed or failed: people's database opens and holds nothing twice, and no key is anywhere."""
        for answer in self._landed():
            if answer.request_id not in self._hashes and self._said(answer) not in self.source.meant:
                yield f"altered: {answer.request_id} is nothing that the source said"
        if self.settings.published.exists() or self.settings.published.is_symlink():
            try:
                with opened(self.settings.published) as connection:
                    for table in (*TABLES, "close_approaches", "raw_asteroid_data", "sources"):
                        connection.execute(f"SELECT count(COLUMNS(*)) FROM {table}").fetchall()
                    doubles = connection.execute(_DOUBLES).fetchall()
            except FlybyError as error:
                yield f"closed: flyby.duckdb: {error}"
            else:
                yield from (f"doubled: {row}" for row in doubles)
        yield from (f"leak: a key in {path}" for path in self._leaks())
        yield from (f"leak: a key went where a redirect led ({key})" for key in self.source.strayed)

    def after_clean_run(self) -> Iterator[str]:
        """The database is what a plain model makes of what the source said, and nothing is left lying about."""
        told = model.Model()
        recorded = recorded_moments(self.settings.raw)
        for at, reading in groupby(self._landed(), lambda answer: answer.requested_at):
            told.take_in(at, [self._as_model(answer) for answer in reading], recorded.get(("neows", at)))
        with opened(self.settings.published) as connection:
            for table, rows in told.tables().items():
                held = as_set(connection.execute(f"SELECT {', '.join(TABLES[table])} FROM {table}").fetchall())
                yield from _differences(table, held, rows)
            held = as_set(connection.execute(f"SELECT {', '.join(BELIEVED)} FROM close_approaches").fetchall())
            yield from _differences("close_approaches", held, told.believed())
        for folder, _, names in os.walk(self.settings.home):
            for name in names:
                path = (Path(folder) / name).relative_to(self.settings.home).as_posix()
                if not _ALLOWED.fullmatch(path):
                    yield f"litter: {path}"
        editions = list((self.settings.home / "published").glob("*/flyby.duckdb"))
        if len(editions) > 2 + READERS:  # those that somebody had open when the last was published
            yield f"litter: {len(editions)} editions"

    def age(self) -> None:
        """Make what lies in raw/ under a temporary name older than an hour: time does not go that fast here."""
        for path in self.settings.raw.rglob(".*.tmp"):
            os.utime(path, (time.time() - 7200,) * 2)

    def _landed(self) -> list[Landed]:
        return landed(self.settings.raw)

    def _said(self, answer: Landed) -> Said:
        """What an answer holds; what is in raw/ never changes, so it is read once."""
        if answer.request_id not in self._hashes:
            self._hashes[answer.request_id] = self._body(answer)
        return self._hashes[answer.request_id]

    def _body(self, answer: Landed) -> Said:
        if answer.request_id in self._hashes:
            return self._hashes[answer.request_id]
        return Said(answer.window, answer.http_status, hashlib.sha256(read(answer)).hexdigest())

    def _as_model(self, answer: Landed) -> model.Said:
        meant: Rows = self.source.meant.get(self._said(answer))
        rows = None if meant is None or answer.http_status != 200 else meant
        return model.Said(answer.request_id, answer.window, answer.requested_at, rows)

    def _leaks(self) -> Iterator[Path]:
        needle = KEY_PREFIX.encode()
        answers = {answer.path: answer for answer in self._landed()}
        for folder, _, names in os.walk(self.settings.home):
            for name in names:
                path = Path(folder) / name
                try:
                    seen = path.stat()
                    if self._scanned.get(path) == (seen.st_mtime_ns, seen.st_size):
                        continue
                    content = read(answers[path]) if path in answers else path.read_bytes()
                except (OSError, FlybyError):  # gone meanwhile
                    continue
                self._scanned[path] = (seen.st_mtime_ns, seen.st_size)
                if needle in content:
                    yield path.relative_to(self.settings.home)


_DOUBLES = """
SELECT 'flyby', designation, close_approach_date, close_approach_at, neo_id
FROM close_approaches GROUP BY ALL HAVING count(*) > 1
UNION ALL BY NAME
SELECT 'request' AS "'flyby'", request_id AS designation FROM requests GROUP BY ALL HAVING count(*) > 1
UNION ALL BY NAME
SELECT 'revision' AS "'flyby'", flyby_id AS designation FROM revisions GROUP BY flyby_id, revision, sources
HAVING count(*) > 1
"""


def _differences(table: str, held: set[tuple[Any, ...]], told: set[tuple[Any, ...]]) -> Iterator[str]:
    lost, added = told - held, held - told
    if lost:
        yield f"lost: {len(lost)} rows of {table}, like {min(lost, key=repr)}"
    if added:
        yield f"changed: {len(added)} rows of {table} that nobody told, like {min(added, key=repr)}"


def record_tables(record: Path) -> dict[str, set[tuple[Any, ...]]]:
    """Every row of every table of a closed record."""
    with duckdb.connect(record, read_only=True) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        return {
            table: as_set(connection.execute(f"SELECT {', '.join(columns)} FROM {table}").fetchall())
            for table, columns in TABLES.items()
        }
