"""From raw/ to the record: stage what was landed, load what was staged, publish. The same for mornings and for
history."""

import shutil
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from flyby.address import Lake
from flyby.errors import HomeError, UsageError
from flyby.fetch.raw import Landed, landed, settle, sweep
from flyby.record import SOMEBODY, DamagedRecord, Loaded, OutdatedRecord, OutOfOrder, Record, UnreadableBatch
from flyby.record.staging import request_ids, stage
from flyby.settings import Settings
from flyby.store.lake import Kept, upkeep
from flyby.store.warehouse import log, warehouse

#: A batch is loaded in one transaction, which holds its rows in memory: about 40 kB an answer.
BATCH_ANSWERS = 256


def stage_landed(settings: Settings) -> list[Path]:
    """Stage every answer in raw/ that the record has not taken in; the batches that wait to be loaded, in order.

    Also what a killed run left. Sittings that somebody is still reading are left out: a sitting is taken in as one.
    """
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
        answers = _read_to_the_end(settings, but=known)
        settle(answers)
        for sittings in _batches(answers):
            first = sittings[0]
            stage(sittings, settings.staging / f"{first.requested_at:%Y%m%dT%H%M%S.%fZ}_{first.window.start}")
        return _staged(settings.staging)


def load_staged(settings: Settings, *, by: str = SOMEBODY) -> Loaded:
    """Take every staged batch into the record, a morning's in one transaction; `by` is who does it.

    Answers that come later than newer ones for the same days (a run was killed between landing and loading, and another
    went on meanwhile) would tell their story out of order: then the record is made again from raw/. So it is when a
    staged batch cannot be read.
    """
    done = Loaded()
    with warehouse(settings).turn():
        batches = [batch for batch in _staged(settings.staging) if request_ids(batch) is not None]
        try:
            # One at a time: what DuckDB needed for a batch it keeps until it is closed. A record that must not be
            # written is found out also when there is nothing to load.
            for some in [[batch] for batch in batches] or [[]]:
                with _record(settings) as record:
                    done += record.load(some, by=by)
        except (OutOfOrder, UnreadableBatch):
            return _rebuild(settings, by=by)
    return done


def publish_record(settings: Settings) -> None:
    """Have people see the record as it is now, if it has changed since they last could."""
    house = warehouse(settings)
    with house.asking():
        if not house.is_whole():
            with _record(settings) as record:
                record.checkpoint()
        house.publish()


#: Records that this process has opened: they are whole and of this version.
_opened: set[Path | Lake] = set()


@contextmanager
def held(settings: Settings) -> Iterator[Path | Lake]:
    """The record itself, for what a run has to ask: people may have the published file open for writing, or have
    changed it. It stays as it is while the context lasts; take no other turn inside."""
    house = warehouse(settings)
    is_new = house.place not in _opened
    with house.turn() if is_new else house.asking():
        if is_new or not house.is_whole():
            _record(settings).close()  # made, healed and of this version, if it was not
        yield house.place


def take_in(settings: Settings, *, by: str = SOMEBODY) -> Loaded:
    """Stage, load and publish whatever lies in raw/ and is not in the record yet."""
    loaded = load_staged(settings, by=by) if stage_landed(settings) else Loaded()
    publish_record(settings)
    return loaded


def rebuild(settings: Settings, *, without_lost: bool = False) -> Loaded:
    """Make the record again from raw/ alone. The old one stays in use until the new one is whole.

    Of a lake, answers that raw/ does not hold are only done without if that is said.
    """
    with warehouse(settings).turn():
        return _rebuild(settings, by="flyby rebuild", without_lost=without_lost)


def keep_up(settings: Settings) -> Kept:
    """Tidy the lake. Raises UsageError where there is none."""
    house = warehouse(settings)
    if not isinstance(house.place, Lake):
        raise UsageError("FLYBY_WAREHOUSE names no lake, and a file tidies itself")
    with house.turn():
        return upkeep(house.place)


def _record(settings: Settings) -> Record:
    """The record. One that is damaged, or of an older flyby, is kept under another name and made again from raw/."""
    house = warehouse(settings)
    try:
        record = Record(house.place)
    except DamagedRecord:
        house.keep("damaged")
    except OutdatedRecord as error:
        house.keep(f"schema-{error.version}")
    else:
        _opened.add(house.place)
        return record
    _rebuild(settings, by="flyby upgrade")
    return Record(house.place)


def _rebuild(settings: Settings, *, by: str, without_lost: bool = False) -> Loaded:
    fresh, scratch = _workplace(settings)
    try:
        _remove(fresh)
        done = Loaded()
        with Record(fresh) as record:
            for n, batch in enumerate(_batches(_read_to_the_end(settings))):
                folder = stage(batch, scratch / f"{n:06}")
                done += record.load([folder], by=by)
                shutil.rmtree(folder)
        if log(fresh).exists():
            raise HomeError("the record could not be made again (the disk is full?): the old one is still in use")
        warehouse(settings).replace(fresh, by=by, without_lost=without_lost)
    except OSError as error:
        raise HomeError(f"the record could not be made again ({error.strerror}): the old one is still in use") from None
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
        with suppress(OSError):
            _remove(fresh)
    return done


def _read_to_the_end(settings: Settings, *, but: Collection[str] = frozenset()) -> list[Landed]:
    """Every landed answer but those, less the sittings that are still being read."""
    house = warehouse(settings)
    being_read = house.marked()
    answers = landed(settings.raw, but=but)
    being_read |= house.marked()  # what was begun meanwhile
    return [answer for answer in answers if answer.requested_at not in being_read]


def _workplace(settings: Settings) -> tuple[Path, Path]:
    """Where a rebuild makes the record, and where it stages."""
    return settings.record.with_name("rebuilt.duckdb"), settings.staging / "rebuild"


def _tidy(settings: Settings) -> None:
    """Remove what a killed process left behind."""
    sweep(settings.raw)
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
    for leftover in (path, log(path)):
        leftover.unlink(missing_ok=True)
