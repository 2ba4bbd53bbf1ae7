"""From raw/ to the record: stage what was landed, load what was staged, publish. The same for mornings and for
history."""

import os
import shutil
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path

from flyby.errors import HomeError
from flyby.landing import Landed, landed, settle, sweep
from flyby.record import Loaded, OutOfOrder, Record, publish
from flyby.settings import Settings
from flyby.staging import request_ids, stage
from flyby.turns import turn

#: A batch is loaded in one transaction, which holds its rows in memory: about 40 kB an answer.
BATCH_ANSWERS = 256


def stage_landed(settings: Settings, *, until: datetime | None = None) -> list[Path]:
    """Stage every answer in raw/ that the record has not taken in; the batches that wait to be loaded, in order.

    Also what a killed run left. `until` leaves out the sittings after it, which are still being read.
    """
    with turn(settings.home):
        sweep(settings.raw)
        with Record(settings.record) as record:
            known = record.request_ids()
        for batch in _staged(settings.staging):
            # What was loaded is done with, and what lacks a file can be made again.
            ids = request_ids(batch)
            if ids is None or ids <= known:
                shutil.rmtree(batch, ignore_errors=True)
            else:
                known |= ids
        answers = [
            a for a in landed(settings.raw) if a.request_id not in known and (until is None or a.requested_at <= until)
        ]
        settle(answers)
        for sittings in _batches(answers):
            first = sittings[0]
            stage(sittings, settings.staging / f"{first.requested_at:%Y%m%dT%H%M%S.%fZ}_{first.window.start}")
        return _staged(settings.staging)


def load_staged(settings: Settings) -> Loaded:
    """Take every staged batch into the record, a morning's in one transaction.

    Answers that come later than newer ones for the same days (a run was killed between landing and loading, and another
    went on meanwhile) would tell their story out of order: then the record is made again from raw/.
    """
    with turn(settings.home):
        try:
            with Record(settings.record) as record:
                return record.load(b for b in _staged(settings.staging) if request_ids(b) is not None)
        except OutOfOrder:
            return _rebuild(settings)


def publish_record(settings: Settings) -> None:
    """Replace the published database if the record is newer."""
    with turn(settings.home):
        published = settings.published
        if not published.exists() or published.stat().st_mtime_ns < settings.record.stat().st_mtime_ns:
            publish(settings.record, settings.published)


def rebuild(settings: Settings) -> Loaded:
    """Make the record again from raw/ alone. The old one stays in use until the new one is whole."""
    with turn(settings.home):
        return _rebuild(settings)


def _rebuild(settings: Settings) -> Loaded:
    fresh = settings.record.with_name("rebuilt.duckdb")
    scratch = settings.staging / "rebuild"
    try:
        _remove(fresh)
        done = Loaded()
        with Record(fresh) as record:
            for n, batch in enumerate(_batches(landed(settings.raw))):
                folder = stage(batch, scratch / f"{n:06}")
                done += record.load([folder])
                shutil.rmtree(folder)
        _remove(settings.record.with_name(settings.record.name + ".wal"))
        os.replace(fresh, settings.record)
    except OSError as error:
        raise HomeError(f"the record could not be made again ({error.strerror}): the old one is still in use") from None
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return done


def _batches(answers: Sequence[Landed]) -> Iterator[list[Landed]]:
    """Answers in groups of about BATCH_ANSWERS; a sitting is never divided, as it is taken in as one."""
    batch: list[Landed] = []
    for answer in answers:
        if len(batch) >= BATCH_ANSWERS and answer.requested_at != batch[-1].requested_at:
            yield batch
            batch = []
        batch.append(answer)
    if batch:
        yield batch


def _staged(staging: Path) -> list[Path]:
    return sorted(staging.glob("[0-9]*/"))


def _remove(path: Path) -> None:
    for leftover in (path, path.with_name(path.name + ".wal")):
        leftover.unlink(missing_ok=True)
