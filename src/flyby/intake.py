"""From raw/ to the record: stage what was landed, load what was staged, publish. The same for mornings and for
history."""

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path

from flyby.errors import HomeError
from flyby.landing import Landed, landed, settle, sweep
from flyby.record import DamagedRecord, Loaded, OutdatedRecord, OutOfOrder, Record, UnreadableBatch, is_newest, publish
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
        _tidy(settings)
        with _record(settings) as record:
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
    went on meanwhile) would tell their story out of order: then the record is made again from raw/. So it is when a
    staged batch cannot be read.
    """
    with turn(settings.home):
        try:
            with _record(settings) as record:
                return record.load(b for b in _staged(settings.staging) if request_ids(b) is not None)
        except (OutOfOrder, UnreadableBatch):
            return _rebuild(settings)


def publish_record(settings: Settings) -> None:
    """Replace the published database if the record has changed since, or somebody wrote in it."""
    with turn(settings.home):
        if _log(settings.record).exists():  # closing could not write all of it, or a run was killed
            with _record(settings) as record:
                record.checkpoint()
        if not is_newest(settings.record, settings.published):
            publish(settings.record, settings.published)


#: Records that this process has opened: they are whole and of this version.
_opened: set[Path] = set()


@contextmanager
def held(settings: Settings) -> Iterator[Path]:
    """The record's own file, for what a run has to ask: people may have the published one open for writing, or have
    changed it. It stays as it is while the context lasts; take no other turn inside."""
    with turn(settings.home):
        if settings.record not in _opened or not settings.record.exists():
            _record(settings).close()  # made, healed and of this version, if it was not
        yield settings.record


def take_in(settings: Settings) -> Loaded:
    """Stage, load and publish whatever lies in raw/ and is not in the record yet."""
    loaded = load_staged(settings) if stage_landed(settings) else Loaded()
    publish_record(settings)
    return loaded


def rebuild(settings: Settings) -> Loaded:
    """Make the record again from raw/ alone. The old one stays in use until the new one is whole."""
    with turn(settings.home):
        return _rebuild(settings)


def _record(settings: Settings) -> Record:
    """The record. One that is damaged, or of an older flyby, is kept under another name and made again from raw/."""
    try:
        record = Record(settings.record)
    except DamagedRecord:
        _keep(settings.record, "damaged")
    except OutdatedRecord as error:
        _keep(settings.record, f"schema-{error.version}")
    else:
        _opened.add(settings.record)
        return record
    _rebuild(settings)
    return Record(settings.record)


def _keep(record: Path, name: str) -> None:
    """Back up the record beside it; what replaces it leaves the copy alone."""
    copy = record.with_name(f"{name}.duckdb")
    try:
        copy.unlink(missing_ok=True)
        try:
            os.link(record, copy)
        except OSError:  # a disk without hard links
            shutil.copyfile(record, copy)
    except OSError as error:
        raise HomeError(f"the record could not be backed up ({error.strerror}): it is as it was") from None


def _rebuild(settings: Settings) -> Loaded:
    fresh, scratch = _workplace(settings)
    try:
        _remove(fresh)
        done = Loaded()
        with Record(fresh) as record:
            for n, batch in enumerate(_batches(landed(settings.raw))):
                folder = stage(batch, scratch / f"{n:06}")
                done += record.load([folder])
                shutil.rmtree(folder)
        if _log(fresh).exists():
            raise HomeError("the record could not be made again (the disk is full?): the old one is still in use")
        _log(settings.record).unlink(missing_ok=True)
        os.replace(fresh, settings.record)
    except OSError as error:
        raise HomeError(f"the record could not be made again ({error.strerror}): the old one is still in use") from None
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
        with suppress(OSError):
            _remove(fresh)
    return done


def _workplace(settings: Settings) -> tuple[Path, Path]:
    """Where a rebuild makes the record, and where it stages."""
    return settings.record.with_name("rebuilt.duckdb"), settings.staging / "rebuild"


def _tidy(settings: Settings) -> None:
    """Remove what a killed process left behind."""
    fresh, scratch = _workplace(settings)
    shutil.rmtree(scratch, ignore_errors=True)
    with suppress(OSError):
        _remove(fresh)
    for spilled in (settings.record, fresh):  # DuckDB's, for what does not fit in memory
        shutil.rmtree(spilled.with_name(spilled.name + ".tmp"), ignore_errors=True)


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
    for leftover in (path, _log(path)):
        leftover.unlink(missing_ok=True)


def _log(path: Path) -> Path:
    """DuckDB's write-ahead log, which it removes when it closes the database in order."""
    return path.with_name(path.name + ".wal")
