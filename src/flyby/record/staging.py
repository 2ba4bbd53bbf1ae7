"""staging/: landed answers as typed, columnar files, ready to load. Can be made again from raw/ at any time."""

import hashlib
import os
import secrets
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from flyby.errors import FeedError, HomeError
from flyby.fetch.raw import DamagedError, Landed, read
from flyby.sources.asteroids import ASTEROIDS
from flyby.sources.dataset import Dataset

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
    ]
)

#: So many answers are decoded before their rows are written: about 100 kB each.
AT_A_TIME = 16

#: The two files of a batch.
ANSWERS_FILE, ROWS_FILE = "answers.parquet", "observations.parquet"


class UnreadableBatch(HomeError):
    """A staged batch cannot be read: its answers have to be staged again."""


def stage(raw_answers: Sequence[Landed], folder: Path, dataset: Dataset = ASTEROIDS) -> Path:
    """Write answers.parquet (ANSWERS, a row each) and observations.parquet (`dataset.observations`) into `folder`, and
    return it.

    An answer that is no feed is staged too: rejected, with a note that says why, and without rows. A few answers at a
    time are in memory. Raises HomeError when a file cannot be read or written.
    """
    answers_told: list[dict[str, Any]] = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _written(folder / ROWS_FILE, dataset.observations) as observations:
            for n in range(0, len(raw_answers), AT_A_TIME):
                feeds: defaultdict[str, list[tuple[str, Any]]] = defaultdict(list)
                for landed in raw_answers[n : n + AT_A_TIME]:
                    told, feed = _told(landed, dataset)
                    answers_told.append(told)
                    if feed is not None:
                        feeds[landed.source].append((landed.request_id, feed))
                for name, its in feeds.items():
                    if source := dataset.source(name):
                        observations.write_table(source.decoder.table(its))
        with _written(folder / ANSWERS_FILE, ANSWERS) as answers:
            answers.write_table(pa.Table.from_pylist(answers_told, ANSWERS))
    except OSError as error:
        raise HomeError(
            f"cannot write {folder.parent.name}/{folder.name}: {error.strerror or error}: "
            "make room on the disk, or set FLYBY_HOME to a folder that you may write"
        ) from None
    return folder


def _told(landed: Landed, dataset: Dataset) -> tuple[dict[str, Any], Any]:
    """The row of an answer in ANSWERS, and its feed; None if it is none."""
    source = dataset.source(landed.source)
    feed = note = None
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
            feed = source.decoder.decode(body, landed.window)
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
        "rows": source.decoder.count(feed) if source and feed else 0,
        "bytes": len(body),
        "sha256": hashlib.sha256(body).hexdigest(),
        "verdict": "ok" if note is None else "rejected",
        "note": note,
        "doubt": source.decoder.doubt(feed, landed.window, landed.requested_at) if source and feed else None,
        "raw_path": Path(*landed.path.parts[-5:]).as_posix(),  # raw/<source>/<year>/<month>/<name>
        "simulated": bool(feed and feed.simulated),
        "set_apart": feed.set_apart if feed else 0,
    }
    return told, feed


def request_ids(batch: Path) -> set[str] | None:
    """The answers in a staged batch; None if it is not whole (a run was killed, or the power cut, while it was
    written), or was staged by another flyby."""
    try:
        pq.read_metadata(batch / ROWS_FILE)
        # Not read_table, which imports what reads folders of files.
        with pq.ParquetFile(batch / ANSWERS_FILE) as answers:
            if answers.schema_arrow.names != ANSWERS.names:
                return None
            return set(answers.read(["request_id"])["request_id"].to_pylist())
    except (OSError, pa.ArrowException):
        return None


@contextmanager
def opened_batch(batch: Path) -> Iterator[tuple[pa.RecordBatchReader, pa.RecordBatchReader]]:
    """The answers and the rows of a staged batch, to be read once. Raises UnreadableBatch when it is not whole."""
    with ExitStack() as stack:
        try:
            opened = [
                stack.enter_context(pq.ParquetFile(batch / name, pre_buffer=False))
                for name in (ANSWERS_FILE, ROWS_FILE)
            ]
            readers = [pa.RecordBatchReader.from_batches(one.schema_arrow, one.iter_batches()) for one in opened]
        except (OSError, pa.ArrowException) as error:
            raise UnreadableBatch(f"{batch.parent.name}/{batch.name} cannot be read: {error}") from None
        yield readers[0], readers[1]


@contextmanager
def _written(path: Path, schema: pa.Schema) -> Iterator[pq.ParquetWriter]:
    """A Parquet file that is there when it is whole."""
    # Not synced: whatever a power cut takes from staging/ is made again from raw/.
    temporary = path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}.tmp")
    try:
        with pq.ParquetWriter(temporary, schema, compression="snappy") as writer:
            yield writer
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
