"""staging/: landed answers as typed, columnar files, ready to load. Can be made again from raw/ at any time."""

import hashlib
import os
import secrets
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from flyby.errors import FeedError, HomeError
from flyby.fetch.raw import DamagedError, Landed, read
from flyby.sources.asteroids import ASTEROIDS
from flyby.sources.dataset import Before, Dataset, Feed, Observation

ANSWERS = pa.schema(
    [
        pa.field("request_id", pa.string(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("window_start", pa.date32(), nullable=False),
        pa.field("window_end", pa.date32(), nullable=False),
        pa.field("requested_at", pa.timestamp("us", tz="UTC"), nullable=False),
        pa.field("purpose", pa.string()),
        pa.field("tick", pa.date32()),
        pa.field("http_status", pa.int32(), nullable=False),
        pa.field("rows", pa.int32(), nullable=False),
        pa.field("bytes", pa.int64(), nullable=False),
        pa.field("sha256", pa.string(), nullable=False),
        pa.field("verdict", pa.string(), nullable=False),
        pa.field("note", pa.string()),
        # What makes the answer look incomplete, as far as it alone can tell.
        pa.field("doubt", pa.string()),
        pa.field("raw_path", pa.string(), nullable=False),
        pa.field("simulated", pa.bool_(), nullable=False),
        # Listed too, and kept apart.
        pa.field("set_apart", pa.int32(), nullable=False),
        # Which rows of the batch it lists: answers repeat each other.
        pa.field("listed", pa.list_(pa.int32()), nullable=False),
    ]
)

#: A batch is loaded in one transaction, which holds its rows in memory: about 5 kB each.
BATCH_ROWS = 32_768

#: The two files of a batch.
ANSWERS_FILE, ROWS_FILE = "answers.parquet", "observations.parquet"


class UnreadableBatch(HomeError):
    """A staged batch cannot be read: its answers have to be staged again."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Answers (ANSWERS, a row each) and all the different rows that they list: a number, from 0, then
    `Dataset.observations`, in the order of their days and names."""

    name: str
    answers: pa.Table
    rows: pa.Table


def typed(raw_answers: Sequence[Landed], dataset: Dataset = ASTEROIDS) -> Iterator[Batch]:
    """What these answers say, in batches of about BATCH_ROWS; a reading is never divided, as it is taken in as one.

    An answer that is no feed is among them: rejected, with a note that says why, and without rows. Raises HomeError
    when one cannot be read.
    """
    told = _Told(dataset)
    for _, reading in groupby(raw_answers, key=attrgetter("requested_at")):
        if len(told.rows) >= BATCH_ROWS:
            yield told.batch()
        for answer in reading:
            told.add(answer)
    if told.answers:
        yield told.batch()


class _Told:
    """A batch in the making."""

    def __init__(self, dataset: Dataset) -> None:
        self._dataset = dataset
        self._begin()

    def _begin(self) -> None:
        self._before: defaultdict[str, Before] = defaultdict(dict)  # by source
        self._numbers: dict[int, int] = {}  # of the rows, by identity
        self.rows: list[Observation] = []
        self.answers: list[dict[str, Any]] = []

    def add(self, landed: Landed) -> None:
        told, feed = _told(landed, self._dataset, self._before[landed.source])
        listed = set()
        for row in feed.rows:
            number = self._numbers.setdefault(id(row), len(self.rows))
            if number == len(self.rows):
                self.rows.append(row)
            listed.add(number)
        self.answers.append(told | {"listed": listed})

    def batch(self) -> Batch:
        """What was told so far; then it begins anew, so that what is being loaded is not held twice."""
        # In an order of its own: in which answers and rows come is nothing to go by.
        order = sorted(
            range(len(self.rows)), key=lambda n: (self.rows[n].day, self.rows[n].entity, self.rows[n].id or "")
        )
        place = dict(zip(order, range(len(order)), strict=True))
        answers = [told | {"listed": sorted(map(place.__getitem__, told["listed"]))} for told in self.answers]
        rows = self._dataset.table([self.rows[n] for n in order])
        number = pa.field("number", pa.int32(), nullable=False)
        first = answers[0]
        self._begin()
        return Batch(
            f"{first['requested_at']:%Y%m%dT%H%M%S.%fZ}_{first['window_start']}",
            pa.Table.from_pylist(answers, ANSWERS),
            rows.add_column(0, number, pa.array(range(len(order)), number.type)),
        )


def stage(batch: Batch, staging: Path) -> Path:
    """Write a batch into a folder of its own below `staging`, and return that. Raises HomeError when a file cannot be
    written."""
    folder = staging / batch.name
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _write(batch.rows, folder / ROWS_FILE)
        _write(batch.answers, folder / ANSWERS_FILE)
    except OSError as error:
        raise HomeError(
            f"cannot write {staging.name}/{folder.name}: {error.strerror or error}: "
            "make room on the disk, or set FLYBY_HOME to a folder that you may write"
        ) from None
    return folder


def _told(landed: Landed, dataset: Dataset, before: Before) -> tuple[dict[str, Any], Feed]:
    """The row of an answer in ANSWERS, and its feed; without rows if it is none."""
    source = dataset.source(landed.source)
    feed, note = Feed([]), None
    try:
        body = read(landed)
    except DamagedError as error:
        body, note = b"", str(error)
    if source is None:
        note = f"flyby knows no source called {landed.source}"
    elif note is None and landed.http_status != 200:
        note = f"HTTP {landed.http_status} {source.decoder.complaint(body)}".strip()
    elif note is None:
        try:
            feed = source.decoder.decode(body, landed.window, before)
        except FeedError as error:
            note = str(error)
    told = {
        "request_id": landed.request_id,
        "source": landed.source,
        "window_start": landed.window.start,
        "window_end": landed.window.end,
        "requested_at": landed.requested_at,
        "purpose": landed.purpose,
        "tick": landed.tick,
        "http_status": landed.http_status,
        "rows": len(feed.rows) - feed.set_apart,
        "bytes": len(body),
        "sha256": hashlib.sha256(body).hexdigest(),
        "verdict": "ok" if note is None else "rejected",
        "note": note,
        "doubt": source.decoder.doubt(feed, landed.window, landed.requested_at) if source and note is None else None,
        "raw_path": Path(*landed.path.parts[-5:]).as_posix(),  # raw/<source>/<year>/<month>/<name>
        "simulated": feed.simulated,
        "set_apart": feed.set_apart,
    }
    return told, feed


def request_ids(batch: Path) -> set[str] | None:
    """The answers in a staged batch; None if it is not whole (a run was killed, or the power cut, while it was
    written), or was staged by another flyby."""
    try:
        pq.read_metadata(batch / ROWS_FILE)
        with pq.ParquetFile(batch / ANSWERS_FILE) as answers:
            if answers.schema_arrow.names != ANSWERS.names:
                return None
            return set(answers.read(["request_id"])["request_id"].to_pylist())
    except (OSError, pa.ArrowException):
        return None


def opened(batch: Path) -> Batch:
    """A staged batch. Raises UnreadableBatch when it is not whole."""
    try:
        answers, rows = (_read(batch / name) for name in (ANSWERS_FILE, ROWS_FILE))
    except (OSError, pa.ArrowException) as error:
        raise UnreadableBatch(f"{batch.parent.name}/{batch.name} cannot be read: {error}") from None
    return Batch(batch.name, answers, rows)


def _read(path: Path) -> pa.Table:
    # Not read_table, which imports what reads folders of files.
    with pq.ParquetFile(path, pre_buffer=False) as file:
        return file.read()


def _write(table: pa.Table, path: Path) -> None:
    """A Parquet file that is there when it is whole."""
    # Not synced: whatever a power cut takes from staging/ is made again from raw/.
    temporary = path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}.tmp")
    try:
        pq.write_table(table, temporary, compression="snappy")
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
