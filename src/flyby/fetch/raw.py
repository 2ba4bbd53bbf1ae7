"""raw/: every answer as it came, less the key, written once and never changed.

All that is known of an answer beside its body is in its file's name, so the database can be rebuilt from raw/ alone:
`raw/<source>/2026/11/20261123T060000.000000Z_2026-11-15_2026-11-22_1_200.json.zst` was asked for at 06:00 on
23 November 2026, for 15 to 22 November, in the first attempt, and came with status 200. What it was asked for may
follow: `…_1_200_daily-2026-11-23.json.zst` belongs to the daily run of that tick date. When a reading was taken into
the record is kept beside its answers, as the name of an empty file:
`20261123T060000.000000Z_recorded_20261123T060007.512000Z`.
"""

import errno
import os
import re
import secrets
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import lru_cache
from pathlib import Path

import pyarrow as pa

from flyby.days import Window
from flyby.errors import HomeError, UsageError
from flyby.sources.answer import Answer

_SUFFIX = ".json.zst"
_NAME = re.compile(
    r"(\d{8}T\d{6}\.\d{6}Z)_(\d{4}-\d\d-\d\d)_(\d{4}-\d\d-\d\d)_(\d+)_(\d{3})(?:_([a-z]+)(?:-(\d{4}-\d\d-\d\d))?)?"
    + re.escape(_SUFFIX)
)
_RECORDED = re.compile(r"(\d{8}T\d{6}\.\d{6}Z)_recorded_(\d{8}T\d{6}\.\d{6}Z)")
_TEMPORARY = ".tmp"
_STALE_S = 3600


class DamagedError(HomeError):
    """A landed answer cannot be read back as it was written."""


@dataclass(frozen=True, slots=True)
class Landed:
    """One answer in raw/; sorts by when it was asked for."""

    request_id: str
    source: str
    window: Window
    requested_at: datetime
    attempt: int
    http_status: int
    path: Path
    #: Why it was asked for: daily | manual | backfill | comparison; None where an older flyby asked.
    purpose: str | None = None
    #: The tick date of the run that asked.
    tick: date | None = None

    def __lt__(self, other: "Landed") -> bool:
        return (self.requested_at, self.request_id) < (other.requested_at, other.request_id)


def land(raw: Path, answer: Answer, *, purpose: str | None = None, tick: date | None = None) -> Landed:
    """Write the answer below `raw` so that it is there whole or not at all, also after a power cut; `purpose` and
    `tick` say what it was asked for.

    What was landed stays as it is, also when another answer comes under the same name. That it is there for good is
    `settle`'s to say. Raises HomeError when FLYBY_HOME cannot be written.
    """
    at = answer.requested_at.astimezone(UTC)
    stem = f"{_written(at)}_{answer.window.start}_{answer.window.end}_{answer.attempt}_{answer.http_status}"
    if purpose:
        stem += f"_{purpose}-{tick}" if tick else f"_{purpose}"
    folder = raw / answer.source / f"{at:%Y}" / f"{at:%m}"
    path = folder / (stem + _SUFFIX)
    temporary = folder / f".{stem}.{os.getpid()}-{secrets.token_hex(4)}{_TEMPORARY}"
    try:
        _make(folder, raw)
        if not path.exists():  # else a second reading at the same moment, under a rehearsed clock
            _write(path, temporary, answer.body)
    except OSError as error:
        raise HomeError(f"cannot write {_below_home(path, raw)}: {_advice(error)}") from None
    return Landed(
        f"{answer.source}/{stem}",
        answer.source,
        answer.window,
        at,
        answer.attempt,
        answer.http_status,
        path,
        purpose,
        tick,
    )


def _write(path: Path, temporary: Path, body: bytes) -> None:
    try:
        with temporary.open("xb") as file:
            file.write(pa.Codec("zstd").compress(body, asbytes=True))
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def keeper(
    raw: Path, *, purpose: str, tick: date | None = None, is_simulated: Callable[[bytes], bool | None]
) -> Callable[[Answer], Landed]:
    """What lands every answer that a client gets, with what it was asked for.

    It raises HomeError instead, before anything is written, where the answer is the built-in sky's and `raw` holds real
    ones, or the reverse: mixed, they could not be told apart again.
    """

    def told() -> bool | None:
        return next((said for body in _bodies(raw) if (said := is_simulated(body)) is not None), None)

    held = told()

    def keep(answer: Answer) -> Landed:
        nonlocal held
        said = is_simulated(answer.body)
        if held is None and said is not None:  # another may have begun here meanwhile
            held = told()
        if held is not None and said is not None and said != held:
            raise HomeError(_REAL_AND_SIMULATED if said else _SIMULATED_AND_REAL)
        held = said if held is None else held
        return land(raw, answer, purpose=purpose, tick=tick)

    return keep


_REAL_AND_SIMULATED = (
    "FLYBY_HOME holds real answers, and this one is the built-in sky's: set FLYBY_HOME to another folder, or "
    "FLYBY_NEOWS_URL and FLYBY_CAD_URL to NASA"
)
_SIMULATED_AND_REAL = (
    "FLYBY_HOME holds the built-in sky's answers, which are simulated, and this one is real: set FLYBY_HOME to another "
    "folder, or FLYBY_NEOWS_URL and FLYBY_CAD_URL to `flyby sandbox`"
)


def _bodies(raw: Path) -> Iterator[bytes]:
    """Bodies of answers that came with status 200, in no order."""
    try:
        for folder in _folders(raw):
            for name in os.listdir(folder):
                answer = _parse(name, folder, ())
                if answer is not None and answer.http_status == 200:
                    with suppress(DamagedError):
                        yield read(answer)
    except OSError as error:
        raise HomeError(f"cannot read {raw.name}/: {_advice(error)}") from None


def settle(answers: Iterable[Landed]) -> None:
    """Have the names of landed answers on the disk too, before the record speaks of them."""
    for folder in {answer.path.parent for answer in answers}:
        try:
            _sync(folder)
        except OSError as error:
            raise HomeError(f"cannot write {_below_home(folder, folder.parents[2])}: {_advice(error)}") from None


def mark_recorded(raw: Path, source: str, requested_at: datetime, recorded_at: datetime) -> None:
    """Keep when the reading that began at `requested_at` was taken into the record. The first word stands."""
    at = requested_at.astimezone(UTC)
    path = raw / source / f"{at:%Y}" / f"{at:%m}" / f"{_written(at)}_recorded_{_written(recorded_at)}"
    try:
        path.touch()
        _sync(path.parent)
    except OSError as error:
        raise HomeError(f"cannot write {_below_home(path, raw)}: {_advice(error)}") from None


def recorded_moments(
    raw: Path, *, source: str = "*", requested_at: datetime | None = None
) -> dict[tuple[str, datetime], datetime]:
    """When readings, by source and the moment when they began, were taken into the record; all, or those asked for."""
    moments: dict[tuple[str, datetime], datetime] = {}
    at = requested_at.astimezone(UTC) if requested_at else None
    folders = [raw / source / f"{at:%Y}" / f"{at:%m}"] if at and source != "*" else _folders(raw, source)
    try:
        for folder in folders:
            for entry in os.scandir(folder):
                if match := _RECORDED.fullmatch(entry.name):
                    began, recorded = map(_moment, match.groups())
                    reading = (folder.parts[-3], began)
                    if at is None or began == at:
                        moments[reading] = min(recorded, moments.get(reading, recorded))
    except (OSError, ValueError) as error:
        why = _advice(error) if isinstance(error, OSError) else "a name that holds no date"
        raise HomeError(f"cannot read {raw.name}/: {why}") from None
    return moments


def landed(raw: Path, *, source: str = "*", but: Collection[str] = frozenset()) -> list[Landed]:
    """Every landed answer, or those of one source, but not those of the request_ids `but`; oldest first.

    Temporary and foreign files are passed over.
    """
    try:
        return sorted(
            answer
            for folder in _folders(raw, source)
            for entry in os.scandir(folder)
            if (answer := _parse(entry.name, folder, but)) is not None
        )
    except OSError as error:
        raise HomeError(f"cannot read {raw.name}/: {_advice(error)}") from None


def read(landed: Landed) -> bytes:
    """The body of a landed answer. Raises HomeError when it cannot be read, DamagedError when it is not whole."""
    shown = _below_home(landed.path, landed.path.parents[3])
    try:
        content = landed.path.read_bytes()
    except OSError as error:
        raise HomeError(f"cannot read {shown}: {_advice(error)}") from None
    try:
        if not content:  # no bytes at all would pass for no content
            raise OSError
        with pa.CompressedInputStream(pa.BufferReader(content), "zstd") as stream:
            return stream.read()  # type: ignore[no-any-return]
    except (OSError, pa.ArrowException):
        raise DamagedError(f"{shown} is damaged: restore it from a backup, or delete it to do without") from None


def sweep(raw: Path) -> int:
    """Remove temporary files that a killed process left behind more than an hour ago; how many there were."""
    swept = 0
    try:
        for folder in _folders(raw):
            for entry in os.scandir(folder):
                if entry.name.endswith(_TEMPORARY) and entry.stat().st_mtime < time.time() - _STALE_S:
                    Path(entry.path).unlink()
                    swept += 1
    except FileNotFoundError:  # another process swept at the same time
        pass
    except OSError as error:
        raise HomeError(f"cannot tidy {raw.name}/: {_advice(error)}") from None
    return swept


def _folders(raw: Path, source: str = "*") -> Iterator[Path]:
    """The month folders of a source, or of every one."""
    return raw.glob(f"{source}/[0-9][0-9][0-9][0-9]/[0-9][0-9]/")


def _parse(name: str, folder: Path, but: Collection[str]) -> Landed | None:
    source = folder.parts[-3]
    request_id = f"{source}/{name.removesuffix(_SUFFIX)}"
    if request_id in but or (match := _NAME.fullmatch(name)) is None:
        return None
    moment, start, end, attempt, status, purpose, tick = match.groups()
    try:
        return Landed(
            request_id=request_id,
            source=source,
            window=_window(start, end),
            requested_at=_moment(moment),
            attempt=int(attempt),
            http_status=int(status),
            path=folder / name,
            purpose=purpose,
            tick=date.fromisoformat(tick) if tick else None,
        )
    except (ValueError, UsageError):  # a name of the right form that holds no date, or no window
        return None


@lru_cache(maxsize=4096)
def _window(start: str, end: str) -> Window:
    return Window(date.fromisoformat(start), date.fromisoformat(end))


@lru_cache(maxsize=4096)
def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _written(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y%m%dT%H%M%S.%fZ}"


def _make(folder: Path, raw: Path) -> None:
    """Make the folder and whatever is missing above it, so that a power cut does not take it away again."""
    if folder.is_dir():
        return
    raw.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.mkdir(parents=True, exist_ok=True)
    for parent in folder.parents:
        _sync(parent)
        if parent == raw.parent:
            break


def _sync(folder: Path) -> None:
    """Have the folder's list of names on the disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _below_home(path: Path, raw: Path) -> str:
    return path.relative_to(raw.parent).as_posix()


def _advice(error: OSError) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "the disk is full: make room, then run the same again"
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return "no permission, or a read-only disk: set FLYBY_HOME to a folder that you may write"
    if error.errno in (errno.ENOTDIR, errno.EEXIST):
        return "a file is where a folder should be: move it away, or set FLYBY_HOME to another folder"
    return f"{error.strerror or error}: check the disk, or set FLYBY_HOME to another folder"
