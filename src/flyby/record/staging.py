"""staging/: landed answers as typed, columnar files, ready to load. Can be made again from raw/ at any time."""

import hashlib
import os
import secrets
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.parquet as pq

from flyby.days import Window
from flyby.errors import FeedError, HomeError
from flyby.fetch.raw import DamagedError, Landed, read
from flyby.sources.cad import feed as cad
from flyby.sources.neows import feed as neows
from flyby.sources.observations import OBSERVATIONS

ANSWERS = pa.schema(
    [
        pa.field("request_id", pa.string(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("window_start", pa.date32(), nullable=False),
        pa.field("window_end", pa.date32(), nullable=False),
        pa.field("requested_at", pa.timestamp("us", tz="UTC"), nullable=False),
        pa.field("http_status", pa.int32(), nullable=False),
        pa.field("rows", pa.int32(), nullable=False),
        pa.field("bytes", pa.int64(), nullable=False),
        pa.field("sha256", pa.string(), nullable=False),
        pa.field("verdict", pa.string(), nullable=False),
        pa.field("note", pa.string()),
        pa.field("raw_path", pa.string(), nullable=False),
        pa.field("simulated", pa.bool_(), nullable=False),
        # Listed too, but left out of the rows.
        pa.field("comets", pa.int32(), nullable=False),
    ]
)


class _Source(Protocol):
    """What understands a source's answers."""

    def decode(self, body: bytes, window: Window) -> Any: ...
    def complaint(self, body: bytes) -> str: ...
    def count(self, feed: Any) -> int: ...
    def table(self, feeds: Iterable[tuple[str, Any]]) -> pa.Table: ...


#: So many answers are decoded before their rows are written: about 100 kB each.
AT_A_TIME = 16

_SOURCES: dict[str, _Source] = {"neows": neows, "cad": cad}


def stage(raw_answers: Sequence[Landed], folder: Path) -> Path:
    """Write answers.parquet (ANSWERS, a row each) and observations.parquet (OBSERVATIONS) into `folder`, and return it.

    An answer that is no feed is staged too: rejected, with a note that says why, and without rows. A few answers at a
    time are in memory. Raises HomeError when a file cannot be read or written.
    """
    verdicts: list[dict[str, Any]] = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _written(folder / "observations.parquet", OBSERVATIONS) as observations:
            for n in range(0, len(raw_answers), AT_A_TIME):
                feeds: defaultdict[str, list[tuple[str, Any]]] = defaultdict(list)
                for landed in raw_answers[n : n + AT_A_TIME]:
                    verdict, feed = _judged(landed)
                    verdicts.append(verdict)
                    if feed is not None:
                        feeds[landed.source].append((landed.request_id, feed))
                for name, its in feeds.items():
                    observations.write_table(_SOURCES[name].table(its))
        with _written(folder / "answers.parquet", ANSWERS) as answers:
            answers.write_table(pa.Table.from_pylist(verdicts, ANSWERS))
    except OSError as error:
        raise HomeError(
            f"cannot write {folder.parent.name}/{folder.name}: {error.strerror or error}: "
            "make room on the disk, or set FLYBY_HOME to a folder that you may write"
        ) from None
    return folder


def _judged(landed: Landed) -> tuple[dict[str, Any], Any]:
    """The row of an answer in ANSWERS, and its feed; None if it is none."""
    source = _SOURCES.get(landed.source)
    feed = note = None
    try:
        body = read(landed)
    except DamagedError as error:
        body, note = b"", str(error)
    if source is None:
        note = f"flyby knows no source called {landed.source}"
    elif note is None and landed.http_status != 200:
        note = f"HTTP {landed.http_status} {source.complaint(body)}".strip()
    elif note is None:
        try:
            feed = source.decode(body, landed.window)
        except FeedError as error:
            note = str(error)
    verdict = {
        "request_id": landed.request_id,
        "source": landed.source,
        "window_start": landed.window.start,
        "window_end": landed.window.end,
        "requested_at": landed.requested_at,
        "http_status": landed.http_status,
        "rows": source.count(feed) if source and feed else 0,
        "bytes": len(body),
        "sha256": hashlib.sha256(body).hexdigest(),
        "verdict": "ok" if note is None else "rejected",
        "note": note,
        "raw_path": Path(*landed.path.parts[-5:]).as_posix(),  # raw/<source>/<year>/<month>/<name>
        "simulated": bool(feed and feed.simulated),
        "comets": feed.comets if feed else 0,
    }
    return verdict, feed


def request_ids(batch: Path) -> set[str] | None:
    """The answers in a staged batch; None if it is not whole (a run was killed, or the power cut,
    while it was written)."""
    try:
        pq.read_metadata(batch / "observations.parquet")
        # Not read_table, which imports what reads folders of files.
        with pq.ParquetFile(batch / "answers.parquet") as answers:
            return set(answers.read(["request_id"])["request_id"].to_pylist())
    except (OSError, pa.ArrowException):
        return None


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
