"""From raw/ to the record: stage what was landed, load what was staged, publish. The same for mornings and for
history."""

import os
import shutil
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path

from flyby.address import Lake
from flyby.errors import BusyError, HomeError, UsageError
from flyby.fetch.raw import Landed, landed, mark_recorded, recorded_moments, settle, sweep
from flyby.record.record import SOMEBODY, DamagedRecord, Loaded, OutdatedRecord, OutOfOrder, Record
from flyby.record.staging import Batch, UnreadableBatch, opened, request_ids, stage, typed
from flyby.settings import Home
from flyby.store.lake import Kept, upkeep
from flyby.store.warehouse import log, warehouse


def stage_landed(settings: Home) -> list[Path]:
    """Stage every answer in raw/ that the record has not taken in; the batches that wait to be loaded, in order.

    Also what a killed run left. Readings that are still in progress are left out: a reading is taken in as one.
    """
    _make_ready(settings)
    with warehouse(settings).turn():
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
        for told in _landed(settings, but=known):
            stage(told, settings.staging)
        return _staged(settings.staging)


def load_staged(settings: Home, *, by: str = SOMEBODY) -> Loaded:
    """Take every staged batch into the record, a morning's in one transaction; `by` is who does it.

    A batch that cannot be read is done without: its answers are read from raw/ once more.
    """
    _make_ready(settings)
    with warehouse(settings).turn():
        staged = (opened(batch) for batch in _staged(settings.staging) if request_ids(batch) is not None)
        return _load(settings, lambda _: staged, by=by)


def load_landed(settings: Home, *, by: str = SOMEBODY) -> Loaded:
    """Load whatever lies in raw/ and is not in the record yet, staged or not."""
    _make_ready(settings)
    with warehouse(settings).turn():
        _tidy(settings)
        return _load(settings, lambda known: _landed(settings, but=known), by=by)


def publish_record(settings: Home) -> None:
    """Have people see the record as it is now, if it has changed since they last could."""
    house = warehouse(settings)
    with house.asking():
        if not house.is_whole():
            with _record(settings) as record:
                record.checkpoint()
        house.publish()


#: Records (place, dataset, its fingerprint) that this process has found whole and of this version, each as the file was
#: then.
_ready: dict[tuple[Path | Lake, str, str], tuple[int, int, int] | None] = {}


@contextmanager
def held(settings: Home) -> Iterator[Path | Lake]:
    """The record itself, for what a run has to ask: people may have the published file open for writing, or have
    changed it. It stays as it is while the context lasts; take no other turn inside."""
    _make_ready(settings)
    house = warehouse(settings)
    with house.asking():
        if not house.is_whole():
            with _record(settings):  # which heals it
                pass
        yield house.place


def take_in(settings: Home, *, by: str = SOMEBODY) -> Loaded:
    """Load and publish whatever lies in raw/ and is not in the record yet."""
    loaded = load_landed(settings, by=by)
    publish_record(settings)
    return loaded


def rebuild(settings: Home, *, without_lost: bool = False) -> Loaded:
    """Make the record again from raw/ alone, beside the one that is there, which stays in use until the new one is
    whole: who takes in answers meanwhile is kept waiting only for as long as it takes to take in those, too.

    Of a lake, answers that raw/ does not hold are only done without if that is said.
    """
    with warehouse(settings).rebuilding():
        return _rebuild(settings, by="flyby rebuild", without_lost=without_lost)


def keep_up(settings: Home) -> Kept:
    """Tidy the lake. Raises UsageError where there is none."""
    house = warehouse(settings)
    if not isinstance(house.place, Lake):
        raise UsageError("FLYBY_WAREHOUSE names no lake, and a file tidies itself")
    with house.turn():
        return upkeep(house.place)


def _make_ready(settings: Home) -> None:
    """Have a record that is whole and of this version: one that is damaged, or of an older flyby, is kept under another
    name and made again from raw/, once for everybody who waits for it."""
    house = warehouse(settings)
    which = house.place, settings.dataset.name, settings.dataset.fingerprint
    if which in _ready and _ready[which] == _look(house.place):
        return
    with house.turn():
        why = _opens(settings)
    if why is None:
        return
    with house.rebuilding():
        with house.turn():
            why = _opens(settings)  # somebody else may have made it again meanwhile
            if why is not None:
                house.keep(why)
        if why is not None:
            _rebuild(settings, by="flyby upgrade")


def _opens(settings: Home) -> str | None:
    """None if the record opens; else under which name it is to be kept."""
    try:
        with _record(settings):
            pass
    except DamagedRecord:
        return "damaged"
    except OutdatedRecord as error:
        return error.of
    return None


@contextmanager
def _record(settings: Home) -> Iterator[Record]:
    place = warehouse(settings).place
    with Record(place, settings.dataset) as record:
        yield record
    _ready[place, settings.dataset.name, settings.dataset.fingerprint] = _look(place)


def _look(place: Path | Lake) -> tuple[int, int, int] | None:
    """What changes about the file whenever anybody writes in it; of a lake, nothing is to be seen from here."""
    if isinstance(place, Lake):
        return None
    try:
        status = place.stat()
    except OSError:
        return (0, 0, 0)
    return status.st_ino, status.st_size, status.st_mtime_ns


def _landed(settings: Home, *, but: set[str]) -> Iterator[Batch]:
    """What lies in raw/, but for those answers."""
    answers = _read_to_the_end(settings, but=but)
    settle(answers)
    return typed(answers, settings.dataset)


def _load(settings: Home, batches_but: Callable[[set[str]], Iterable[Batch]], *, by: str) -> Loaded:
    """Take in the batches, which are told what the record knows already. Answers that were asked for before others that
    the record has for the same days (a run was killed between landing and loading, and another went on meanwhile) would
    tell their story out of order: then the record goes back to before them, for the days that they have to do with, and
    forward again."""

    def load(record: Record, batch: Batch) -> Loaded:
        recorded = _recorded(settings, batch, but=record.request_ids())
        return record.load([batch], recorded=recorded, by=by)

    done = Loaded()
    try:
        with _record(settings) as record:
            batches = iter(batches_but(record.request_ids()))
            if (batch := next(batches, None)) is not None:
                done += load(record, batch)
        for batch in batches:
            # Anew for each: what DuckDB needed for a batch it keeps until it is closed.
            with _record(settings) as record:
                done += load(record, batch)
        return done
    except OutOfOrder as late:
        with _record(settings) as record:
            for (source, requested_at), at in record.rewind(late.undone, by=by).items():
                mark_recorded(settings.raw, source, requested_at, at)
    except UnreadableBatch:
        pass
    return done + _load(settings, lambda known: _landed(settings, but=known), by=by)


def _recorded(
    settings: Home, batch: Batch, *, but: Collection[str] = frozenset()
) -> dict[tuple[str, datetime], datetime]:
    """When the readings of the batch, but for those answers, are taken in: now, unless they were before. It is kept in
    raw/, so that a record that is made again says the same. Answers that say nothing of why they were asked for are of
    an older flyby, or were put there by somebody: they count from when they were asked for."""
    now = settings.now()
    moments = {}
    ids = set(batch.answers["request_id"].to_pylist()).difference(but)
    for source, requested_at in {_reading(id_) for id_ in ids if _says_why(id_)}:
        reading = source, requested_at
        marked = recorded_moments(settings.raw, source=source, requested_at=requested_at)
        moments[reading] = marked.get(reading, max(now, requested_at))
        if reading not in marked:
            mark_recorded(settings.raw, source, requested_at, moments[reading])
    return moments


def _reading(request_id: str) -> tuple[str, datetime]:
    """The source and the moment that the name of an answer holds."""
    source, _, name = request_id.partition("/")
    return source, datetime.fromisoformat(name.partition("_")[0])


def _says_why(request_id: str) -> bool:
    return request_id.count("_") > 4


def _rebuild(settings: Home, *, by: str, without_lost: bool = False) -> Loaded:
    fresh = _beside(settings)
    house = warehouse(settings)
    done = Loaded()

    def load(answers: Sequence[Landed], *, are_new: bool = False) -> Loaded:
        marked, loaded = recorded_moments(settings.raw), Loaded()
        for batch in typed(answers, settings.dataset):
            # Anew: what DuckDB needed for a batch it keeps until it is closed.
            with Record(fresh, settings.dataset) as record:
                recorded = _recorded(settings, batch) if are_new else marked
                loaded += record.load([batch], recorded=recorded, by=by, believing=False)
        return loaded

    try:
        _remove(fresh)
        with Record(fresh, settings.dataset):
            pass
        # What no run has taken in yet may be taken in by one meanwhile, at a moment of its own: that waits. Where there
        # is no record to tell, all counts as taken in.
        taken = _taken_in(settings)
        answers = [a for a in _read_to_the_end(settings) if not taken or a.purpose is None or a.request_id in taken]
        done += load(answers)
        with house.turn():
            with Record(fresh, settings.dataset) as record:
                known = record.request_ids()
            missed = _read_to_the_end(settings, but=known)
            with suppress(OutOfOrder):
                done += load(missed, are_new=True)
                missed = []
            if missed:  # one that was asked for earlier came later: from the beginning, now that nobody is at work
                _remove(fresh)
                done = load(_read_to_the_end(settings))
            with Record(fresh, settings.dataset) as record:
                record.believe_all()
                record.checkpoint()
            if log(fresh).exists():
                raise HomeError("the record could not be made again (the disk is full?): the old one is still in use")
            if isinstance(house.place, Lake):
                with Record(house.place, settings.dataset, to_become=True) as record:
                    record.become(fresh, by=by, without_lost=without_lost)
            else:
                log(house.place).unlink(missing_ok=True)
                os.replace(fresh, house.place)
            for batch in _staged(settings.staging):
                shutil.rmtree(batch, ignore_errors=True)
    except OSError as error:
        raise HomeError(f"the record could not be made again ({error.strerror}): the old one is still in use") from None
    finally:
        with suppress(OSError):
            _remove(fresh)
    return done


def _taken_in(settings: Home) -> set[str]:
    """The answers that the record in use has; none if it cannot be opened."""
    try:
        with warehouse(settings).turn(), _record(settings) as record:
            return record.request_ids()
    except HomeError:  # damaged, or another version's
        return set()


def _read_to_the_end(settings: Home, *, but: Collection[str] = frozenset()) -> list[Landed]:
    """Every landed answer but those, less the readings that are still in progress."""
    house = warehouse(settings)
    being_read = house.marked()
    answers = landed(settings.raw, but=but)
    being_read |= house.marked()  # what was begun meanwhile
    return [answer for answer in answers if answer.requested_at not in being_read]


def _beside(settings: Home) -> Path:
    """Where a rebuild makes the record."""
    return settings.record.with_name("rebuilt.duckdb")


def _tidy(settings: Home) -> None:
    """Remove what a killed process left behind."""
    sweep(settings.raw)
    spilled = settings.record  # DuckDB's, for what does not fit in memory
    shutil.rmtree(spilled.with_name(spilled.name + ".tmp"), ignore_errors=True)
    fresh = _beside(settings)
    if fresh.exists():
        with suppress(BusyError), warehouse(settings).rebuilding(patience_s=0.1):  # else it is at work
            _remove(fresh)


def _staged(staging: Path) -> list[Path]:
    return sorted(staging.glob("[0-9]*/"))


def _remove(path: Path) -> None:
    for leftover in (path, log(path)):
        leftover.unlink(missing_ok=True)
